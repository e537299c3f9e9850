// RUN: bitnn-opt %s --bitnn-lower-kernels --cse | FileCheck %s
// RUN: bitnn-opt %s --bitnn-lower-kernels=registers=5 --cse | FileCheck %s --check-prefix=FEW

// CHECK: bitnn.layers = [{adds = 4 : i64, {{.*}}kernel = "l0", {{.*}}unshared_adds = 6 : i64
// x0 + 2 x1 in each of three outputs: one sum, three adds.
// CHECK: bitnn.adder_graph(%{{.*}}) : i32 -> 3 {
// CHECK-NEXT: ^bb0(%[[X0:.*]]: i32, %[[X1:.*]]: i32, %[[S0:.*]]: i32, %[[S1:.*]]: i32, %[[S2:.*]]: i32):
// CHECK:       %[[C1:.*]] = arith.constant 1 : i32
// CHECK-NEXT:  %[[T:.*]] = arith.shli %[[X1]], %[[C1]] : i32
// CHECK-NEXT:  %[[SUM:.*]] = arith.addi %[[X0]], %[[T]] : i32
// CHECK-NEXT:  %[[Y0:.*]] = arith.addi %[[S0]], %[[SUM]] : i32
// CHECK-NEXT:  %[[Y1:.*]] = arith.subi %[[S1]], %[[SUM]] : i32
// CHECK-NEXT:  %[[Y2:.*]] = arith.addi %[[S2]], %[[SUM]] : i32
// CHECK-NEXT:  bitnn.yield %[[Y0]], %[[Y1]], %[[Y2]] : i32, i32, i32

// Beside three accumulators, two registers hold an input and its shift: no sum.
// FEW: bitnn.layers = [{adds = 6 : i64
// FEW: bitnn.adder_graph
// FEW-COUNT-6: arith.{{addi|subi}} %{{.*}} : i32
// FEW: bitnn.yield
module attributes {
    bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">,
    bitnn.layers = [{kernel = "l0"}]} {
  memref.global "private" constant @w : memref<3x2xi8> = dense<[[1, 2], [-1, -2], [1, 2]]>
  func.func @model(%x: memref<1x2xi8>, %y: memref<1x3xi32>) {
    %w = memref.get_global @w : memref<3x2xi8>
    bitnn.matmul ins(%x, %w : memref<1x2xi8>, memref<3x2xi8>)
        outs(%y : memref<1x3xi32>) encoding = csd schedule = straight_line {bitnn.kernel = "l0"}
    return
  }
}
