// RUN: bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-layers-to-loops))" --split-input-file --verify-diagnostics

func.func @matmul(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  // expected-error@+1 {{'bitnn.matmul' op is on tensors; bufferize it before it is lowered to loops}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

func.func @conv_2d(%x: tensor<1x1x1x1xi8>, %w: tensor<1x1x1x1xi8>, %init: tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32> {
  // expected-error@+1 {{'bitnn.conv_2d' op is on tensors; bufferize it before it is lowered to loops}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x1x1xi32>) encoding = csd -> tensor<1x1x1x1xi32>
  return %y : tensor<1x1x1x1xi32>
}
