// RUN: bitnn-opt %s --bitnn-select-schedule=multiply | FileCheck %s --check-prefix=MAY
// RUN: bitnn-opt %s --bitnn-select-schedule | FileCheck %s --check-prefix=NEVER
// RUN: sed 's/x86_64-unknown-linux-gnu/riscv32-unknown-elf/' %s | bitnn-opt --bitnn-select-schedule=multiply | FileCheck %s --check-prefix=NEVER

module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "", features = "">} {

// Seven digits a weight, and none.
// MAY: reason = "14 digits of 2 weights cost more than multiplications", schedule = "multiply"
// MAY: schedule = "straight-line"
// MAY: bitnn.matmul {{.*}} schedule = multiply
// MAY: bitnn.matmul {{.*}} schedule = straight_line
// NEVER-NOT: schedule = multiply
// NEVER: bitnn.matmul {{.*}} schedule = straight_line
// NEVER: bitnn.matmul {{.*}} schedule = straight_line
func.func @net(%x: tensor<1x2xi8>, %init: tensor<1x1xi32>) -> (tensor<1x1xi32>, tensor<1x1xi32>) {
  %dense = arith.constant dense<127> : tensor<1x2xi8>
  %y = bitnn.matmul ins(%x, %dense : tensor<1x2xi8>, tensor<1x2xi8>)
      outs(%init : tensor<1x1xi32>) encoding = binary -> tensor<1x1xi32>
  %zero = arith.constant dense<0> : tensor<1x2xi8>
  %z = bitnn.matmul ins(%x, %zero : tensor<1x2xi8>, tensor<1x2xi8>)
      outs(%init : tensor<1x1xi32>) encoding = binary -> tensor<1x1xi32>
  return %y, %z : tensor<1x1xi32>, tensor<1x1xi32>
}
}
