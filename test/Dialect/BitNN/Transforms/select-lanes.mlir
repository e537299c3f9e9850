// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target{cpu=x86-64-v3},func.func(bitnn-select-lanes))" | FileCheck %s
// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target,func.func(bitnn-select-lanes))" | FileCheck %s --check-prefix=SCALAR
// RUN: not bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-select-lanes))" 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: error: has no 'bitnn.target'; run bitnn-attach-target first

// SCALAR-NOT: byte_lanes

// 64 digits of one plane are four sums in 8-bit lanes.
// CHECK-LABEL: @four_bits
// CHECK: bitnn.conv_2d {{.*}} input_range = [-128, -113] {byte_lanes} ->
func.func @four_bits(%x: tensor<1x64x8x8xi8>, %init: tensor<1x1x8x8xi32>) -> tensor<1x1x8x8xi32> {
  %w = arith.constant dense<1> : tensor<1x64x1x1xi8>
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x64x8x8xi8>, tensor<1x64x1x1xi8>)
      outs(%init : tensor<1x1x8x8xi32>) encoding = csd input_range = [-128, -113] -> tensor<1x1x8x8xi32>
  return %y : tensor<1x1x8x8xi32>
}

// Rows of 8 pixels and a border: columns will be set apart.
// CHECK-LABEL: @columns_apart
// CHECK: bitnn.conv_2d {{.*}} {byte_lanes} ->
func.func @columns_apart(%x: tensor<1x8x8x8xi8>, %init: tensor<1x13x8x8xi32>) -> tensor<1x13x8x8xi32> {
  %w = arith.constant dense<1> : tensor<13x8x3x3xi8>
  %zero = arith.constant 0 : i8
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %i: index):
    tensor.yield %zero : i8
  } : tensor<1x8x8x8xi8> to tensor<1x8x10x10xi8>
  %y = bitnn.conv_2d ins(%p, %w : tensor<1x8x10x10xi8>, tensor<13x8x3x3xi8>)
      outs(%init : tensor<1x13x8x8xi32>) encoding = csd input_range = [0, 15] -> tensor<1x13x8x8xi32>
  return %y : tensor<1x13x8x8xi32>
}

// Sums of 5-bit activations are too short, strides and tables are none of it.
// CHECK-LABEL: @others
// CHECK-COUNT-4: bitnn.conv_2d
// CHECK-NOT: byte_lanes
// CHECK: return
func.func @others(%x: tensor<1x64x8x8xi8>, %init: tensor<1x1x8x8xi32>, %half: tensor<1x1x4x4xi32>)
    -> (tensor<1x1x8x8xi32>, tensor<1x1x8x8xi32>, tensor<1x1x8x8xi32>, tensor<1x1x4x4xi32>) {
  %w = arith.constant dense<1> : tensor<1x64x1x1xi8>
  %0 = bitnn.conv_2d ins(%x, %w : tensor<1x64x8x8xi8>, tensor<1x64x1x1xi8>)
      outs(%init : tensor<1x1x8x8xi32>) encoding = csd input_range = [0, 16] -> tensor<1x1x8x8xi32>
  %1 = bitnn.conv_2d ins(%x, %w : tensor<1x64x8x8xi8>, tensor<1x64x1x1xi8>)
      outs(%init : tensor<1x1x8x8xi32>) encoding = csd -> tensor<1x1x8x8xi32>
  %2 = bitnn.conv_2d ins(%x, %w : tensor<1x64x8x8xi8>, tensor<1x64x1x1xi8>)
      outs(%init : tensor<1x1x8x8xi32>) encoding = csd input_range = [0, 15] schedule = table -> tensor<1x1x8x8xi32>
  %3 = bitnn.conv_2d ins(%x, %w : tensor<1x64x8x8xi8>, tensor<1x64x1x1xi8>)
      outs(%half : tensor<1x1x4x4xi32>) strides = [2, 2] encoding = csd input_range = [0, 15] -> tensor<1x1x4x4xi32>
  return %0, %1, %2, %3 : tensor<1x1x8x8xi32>, tensor<1x1x8x8xi32>, tensor<1x1x8x8xi32>, tensor<1x1x4x4xi32>
}
