// RUN: bitnn-opt %s --bitnn-select-schedule=max-code-size=1000 --split-input-file --verify-diagnostics \
// RUN:   --remarks-filter=".*" --remark-format=emitRemark -o /dev/null
// RUN: not bitnn-opt %s --bitnn-select-schedule=schedule=fast --split-input-file 2>&1 | FileCheck %s

// CHECK: error: unknown schedule 'fast'; known are auto, straight-line, table and multiply

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  func.func @model(%x: tensor<1x64xi8>, %i0: tensor<1x16xi32>, %i1: tensor<1x1xi32>) -> (tensor<1x16xi32>, tensor<1x1xi32>) {
    %w0 = arith.constant dense<85> : tensor<16x64xi8>
    %w1 = arith.constant dense<1> : tensor<1x64xi8>
    // expected-remark-re@+1 {{[Analysis] bitnn.matmul | Category:bitnn-select-schedule | Function=model | Predicted="{{[0-9]+}} instructions", Reason="straight-line code of about {{[0-9]+}} bytes would exceed the budget of 1000 for the network", Schedule=table}}
    %0 = bitnn.matmul ins(%x, %w0 : tensor<1x64xi8>, tensor<16x64xi8>) outs(%i0 : tensor<1x16xi32>) encoding = csd -> tensor<1x16xi32>
    // expected-remark-re@+1 {{[Analysis] bitnn.matmul | Category:bitnn-select-schedule | Function=model | Predicted="{{[0-9]+}} instructions", Reason="a table would not be smaller than straight-line code of about {{[0-9]+}} bytes", Schedule=straight-line}}
    %1 = bitnn.matmul ins(%x, %w1 : tensor<1x64xi8>, tensor<1x64xi8>) outs(%i1 : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
    return %0, %1 : tensor<1x16xi32>, tensor<1x1xi32>
  }
}

// -----

// expected-error@+1 {{has no 'bitnn.target'; run bitnn-attach-target first}}
module {}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  func.func @variable_weights(%x: tensor<1x1xi8>, %w: tensor<1x1xi8>, %init: tensor<1x1xi32>) -> tensor<1x1xi32> {
    // expected-error@+1 {{'bitnn.matmul' op needs constant weights; make them an initializer of the network}}
    %y = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<1x1xi8>)
        outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
    return %y : tensor<1x1xi32>
  }
}
