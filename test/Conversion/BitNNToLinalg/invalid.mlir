// RUN: bitnn-opt %s --convert-bitnn-to-linalg --split-input-file --verify-diagnostics

func.func @variable_weights(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  // expected-error@+1 {{'bitnn.matmul' op needs constant weights; make them an initializer of the network}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd schedule = multiply -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// RUN: not bitnn-opt %s --convert-bitnn-to-linalg
