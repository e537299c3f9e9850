// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target{cpu=x86-64-v3},func.func(bitnn-select-lanes))" \
// RUN:   --split-input-file --verify-diagnostics --remarks-filter=".*" --remark-format=emitRemark | FileCheck %s

// CHECK-LABEL: @chosen
// CHECK: byte_lanes
func.func @chosen(%x: tensor<1x64x8x8xi8>, %init: tensor<1x1x8x8xi32>) -> tensor<1x1x8x8xi32> {
  %w = arith.constant dense<1> : tensor<1x64x1x1xi8>
  // expected-remark@+1 {{[Passed] bitnn.conv_2d | Category:bitnn-select-lanes | Function=chosen | Remark="adds in 8-bit lanes"}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x64x8x8xi8>, tensor<1x64x1x1xi8>)
      outs(%init : tensor<1x1x8x8xi32>) encoding = csd input_range = [0, 15] -> tensor<1x1x8x8xi32>
  return %y : tensor<1x1x8x8xi32>
}

// -----

// 16 pixels fill half of a vector, and the digits of two planes are two sums.
// CHECK-LABEL: @few_digits
// CHECK-NOT: byte_lanes
func.func @few_digits(%x: tensor<1x2x4x4xi8>, %init: tensor<1x1x4x4xi32>) -> tensor<1x1x4x4xi32> {
  %w = arith.constant dense<[[[[1]], [[64]]]]> : tensor<1x2x1x1xi8>
  // expected-remark@+1 {{[Missed] bitnn.conv_2d | Category:bitnn-select-lanes | Function=few_digits | Reason="8-bit lanes would execute 156% of the instructions of 16-bit lanes", Suggestion="fewer bits of activations make longer sums"}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x4x4xi8>, tensor<1x2x1x1xi8>)
      outs(%init : tensor<1x1x4x4xi32>) encoding = csd input_range = [0, 15] -> tensor<1x1x4x4xi32>
  return %y : tensor<1x1x4x4xi32>
}

// -----

// CHECK-LABEL: @wide_rows
// CHECK-NOT: byte_lanes
func.func @wide_rows(%x: tensor<1x1x10x66xi8>, %init: tensor<1x1x8x64xi32>) -> tensor<1x1x8x64xi32> {
  %w = arith.constant dense<1> : tensor<1x1x3x3xi8>
  // expected-remark@+1 {{[Missed] bitnn.conv_2d | Category:bitnn-select-lanes | Function=wide_rows | Reason="vectors of 8-bit pixels would not begin where rows do", Suggestion="narrower images have columns set apart"}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x10x66xi8>, tensor<1x1x3x3xi8>)
      outs(%init : tensor<1x1x8x64xi32>) encoding = csd input_range = [0, 15] -> tensor<1x1x8x64xi32>
  return %y : tensor<1x1x8x64xi32>
}

// -----

// CHECK-LABEL: @large_image
// CHECK-NOT: byte_lanes
func.func @large_image(%x: tensor<1x64x32x32xi8>, %init: tensor<1x1x32x32xi32>) -> tensor<1x1x32x32xi32> {
  %w = arith.constant dense<1> : tensor<1x64x1x1xi8>
  // expected-remark@+1 {{[Missed] bitnn.conv_2d | Category:bitnn-select-lanes | Function=large_image | Reason="every code block would read all of its 65536 bytes of pixels, which leave the cache", Suggestion="smaller images, or fewer channels, stay there"}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x64x32x32xi8>, tensor<1x64x1x1xi8>)
      outs(%init : tensor<1x1x32x32xi32>) encoding = csd input_range = [0, 15] -> tensor<1x1x32x32xi32>
  return %y : tensor<1x1x32x32xi32>
}
