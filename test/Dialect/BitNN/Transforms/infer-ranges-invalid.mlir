// RUN: bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-infer-ranges))" --split-input-file --verify-diagnostics

func.func @leaves_above(%x: tensor<1x1xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<[[0], [1]]> : tensor<2x1xi8>
  %b = arith.constant dense<[0, 2147483521]> : tensor<2xi32>
  // expected-error@+1 {{'bitnn.matmul' op accumulator of channel 1 could be in [2147483393, 2147483648], which leaves 32 bits; use smaller weights, a smaller bias or fewer inputs}}
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x1xi8>, tensor<2x1xi8>, tensor<2xi32>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

func.func @leaves_below(%x: tensor<1x1x1x1xi8>, %init: tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32> {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  %b = arith.constant dense<-2147483521> : tensor<1xi32>
  // expected-error@+1 {{'bitnn.conv_2d' op accumulator of channel 0 could be in [-2147483649, -2147483394], which leaves 32 bits}}
  %y = bitnn.conv_2d ins(%x, %w, %b : tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>, tensor<1xi32>)
      outs(%init : tensor<1x1x1x1xi32>) encoding = csd -> tensor<1x1x1x1xi32>
  return %y : tensor<1x1x1x1xi32>
}

// -----

// 16-bit inputs times 16-bit weights reach 2^31 with two products.
func.func @wide(%x: tensor<1x2xi16>, %init: tensor<1x1xi32>) -> tensor<1x1xi32> {
  %w = arith.constant dense<-32768> : tensor<1x2xi16>
  // expected-error@+1 {{accumulator of channel 0 could be in [-2147418112, 2147483648]}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x2xi16>, tensor<1x2xi16>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %y : tensor<1x1xi32>
}

// -----

// Both layers are named, not the first alone.
func.func @two_layers(%x: tensor<1x1xi8>, %init: tensor<1x1xi32>) -> (tensor<1x1xi32>, tensor<1x1xi32>) {
  %w = arith.constant dense<1> : tensor<1x1xi8>
  %b = arith.constant dense<2147483647> : tensor<1xi32>
  // expected-error@+1 {{accumulator of channel 0 could be in}}
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x1xi8>, tensor<1x1xi8>, tensor<1xi32>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  // expected-error@+1 {{accumulator of channel 0 could be in}}
  %z = bitnn.matmul ins(%x, %w, %b : tensor<1x1xi8>, tensor<1x1xi8>, tensor<1xi32>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %y, %z : tensor<1x1xi32>, tensor<1x1xi32>
}

// -----

func.func @variable_weights(%x: tensor<1x1xi8>, %w: tensor<1x1xi8>, %init: tensor<1x1xi32>) -> tensor<1x1xi32> {
  // expected-error@+1 {{'bitnn.matmul' op needs constant weights; make them an initializer of the network}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<1x1xi8>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %y : tensor<1x1xi32>
}

// -----

func.func @variable_bias(%x: tensor<1x1xi8>, %b: tensor<1xi32>, %init: tensor<1x1xi32>) -> tensor<1x1xi32> {
  %w = arith.constant dense<1> : tensor<1x1xi8>
  // expected-error@+1 {{'bitnn.matmul' op needs a constant bias}}
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x1xi8>, tensor<1x1xi8>, tensor<1xi32>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %y : tensor<1x1xi32>
}
