// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target{cpu=x86-64-v3},func.func(bitnn-split-phases))" | FileCheck %s
// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target,func.func(bitnn-split-phases))" | FileCheck %s --check-prefix=SCALAR
// RUN: not bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-split-phases))" 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: error: has no 'bitnn.target'; run bitnn-attach-target first

// Scalar code steps over what it does not read.
// SCALAR-COUNT-7: bitnn.conv_2d {{.*}} strides = [
// SCALAR-NOT: tensor<1x12x

// Window rows -1, 0, 1 are rows -1 of phase 1, 0 of phase 0 and 0 of phase 1.
// Padding is around the phases, and only where something reads it: at the top
// and at the left.
// CHECK-LABEL: @padded
// CHECK-SAME: %[[X:.*]]: tensor<1x1x16x32xi8>
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1x1x4x9x17xi16>
// CHECK: %[[FILL:.*]] = arith.constant -3 : i16
// CHECK: %[[P:.*]] = linalg.fill ins(%[[FILL]] : i16) outs(%[[E]] : tensor<1x1x4x9x17xi16>)
// CHECK: %[[S0:.*]] = tensor.extract_slice %[[X]][0, 0, 0, 0] [1, 1, 8, 16] [1, 1, 2, 2]
// CHECK: %[[W0:.*]] = linalg.generic {{.*}} ins(%[[S0]] : tensor<1x1x8x16xi8>)
// CHECK: arith.extsi %{{.*}} : i8 to i16
// CHECK: %[[P0:.*]] = tensor.insert_slice %[[W0]] into %[[P]][0, 0, 0, 1, 1] [1, 1, 1, 8, 16] [1, 1, 1, 1, 1]
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, 1] [1, 1, 8, 16] [1, 1, 2, 2]
// CHECK: %[[P1:.*]] = tensor.insert_slice %{{.*}} into %[[P0]][0, 0, 1, 1, 1] [1, 1, 1, 8, 16]
// CHECK: tensor.extract_slice %[[X]][0, 0, 1, 0] [1, 1, 8, 16] [1, 1, 2, 2]
// CHECK: %[[P2:.*]] = tensor.insert_slice %{{.*}} into %[[P1]][0, 0, 2, 1, 1] [1, 1, 1, 8, 16]
// CHECK: tensor.extract_slice %[[X]][0, 0, 1, 1] [1, 1, 8, 16] [1, 1, 2, 2]
// CHECK: %[[P3:.*]] = tensor.insert_slice %{{.*}} into %[[P2]][0, 0, 3, 1, 1] [1, 1, 1, 8, 16]
// CHECK: %[[I:.*]] = tensor.collapse_shape %[[P3]] {{\[}}[0], [1, 2], [3], [4]]
// CHECK: %[[W:.*]] = arith.constant dense<{{\[\[\[\[}}0, 0], [0, 5]], {{\[\[}}0, 0], [4, 6]], {{\[\[}}0, 2], [0, 8]], {{\[\[}}1, 3], [7, 9]]]]> : tensor<1x4x2x2xi8>
// CHECK: bitnn.conv_2d ins(%[[I]], %[[W]] : tensor<1x4x9x17xi16>, tensor<1x4x2x2xi8>) outs({{.*}}) encoding = csd input_range = [-3, 100] ->
func.func @padded(%x: tensor<1x1x16x32xi8>, %init: tensor<1x1x8x16xi32>) -> tensor<1x1x8x16xi32> {
  %w = arith.constant dense<[[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]> : tensor<1x1x3x3xi8>
  %zero = arith.constant -3 : i8
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %i: index):
    tensor.yield %zero : i8
  } : tensor<1x1x16x32xi8> to tensor<1x1x18x34xi8>
  %y = bitnn.conv_2d ins(%p, %w : tensor<1x1x18x34xi8>, tensor<1x1x3x3xi8>)
      outs(%init : tensor<1x1x8x16xi32>) strides = [2, 2] encoding = csd input_range = [-3, 100] -> tensor<1x1x8x16xi32>
  return %y : tensor<1x1x8x16xi32>
}

// A window of one pixel needs one phase of four, without a border; the range of
// its 8-bit values is kept.
// CHECK-LABEL: @one_pixel
// CHECK: %[[E:.*]] = tensor.empty() : tensor<2x3x1x8x8xi16>
// CHECK-NOT: linalg.fill
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0, 0] [2, 3, 8, 8] [1, 1, 2, 2] : tensor<2x3x15x16xi8>
// CHECK: tensor.insert_slice %{{.*}} into %[[E]]
// CHECK-NOT: tensor.insert_slice
// CHECK: bitnn.conv_2d ins(%{{.*}}, %{{.*}} : tensor<2x3x8x8xi16>, tensor<4x3x1x1xi4>) {{.*}} encoding = csd input_range = [-128, 127] ->
func.func @one_pixel(%x: tensor<2x3x15x16xi8>, %init: tensor<2x4x8x8xi32>) -> tensor<2x4x8x8xi32> {
  %w = arith.constant dense<3> : tensor<4x3x1x1xi4>
  %y = bitnn.conv_2d ins(%x, %w : tensor<2x3x15x16xi8>, tensor<4x3x1x1xi4>)
      outs(%init : tensor<2x4x8x8xi32>) strides = [2, 2] encoding = csd -> tensor<2x4x8x8xi32>
  return %y : tensor<2x4x8x8xi32>
}

// The phases of a channel follow each other, so that groups stay together. A
// column of zeros needs no phase of its own; the epilogue and the residual stay.
// CHECK-LABEL: @depthwise
// CHECK-SAME: %{{[^,]*}}, %[[R:arg1]]: tensor<1x2x8x8xi8>
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1x2x2x8x9xi16>
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0, 0] [1, 2, 8, 9] [1, 1, 2, 2]
// CHECK: tensor.insert_slice {{.*}}[0, 0, 0, 0, 0] [1, 2, 1, 8, 9]
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 1, 0] [1, 2, 8, 9] [1, 1, 2, 2]
// CHECK: tensor.insert_slice {{.*}}[0, 0, 1, 0, 0] [1, 2, 1, 8, 9]
// CHECK: %[[I:.*]] = tensor.collapse_shape
// CHECK: %[[W:.*]] = arith.constant dense<{{\[\[\[\[}}1, 2]], {{\[\[}}3, 4]]], {{\[\[\[}}5, 6]], {{\[\[}}7, 8]]]]> : tensor<2x2x1x2xi8>
// CHECK: bitnn.conv_2d ins(%[[I]], %[[W]] : tensor<1x4x8x9xi16>, tensor<2x2x1x2xi8>) residual(%[[R]] : tensor<1x2x8x8xi8>) outs({{.*}}) groups = 2 encoding = binary input_range = [0, 9] schedule = straight_line {name = "kept"} epilogue {
// CHECK-NEXT: ^bb0(%{{.*}}: i32, %{{.*}}: index, %[[V:.*]]: i8):
// CHECK-NEXT: bitnn.yield %[[V]] : i8
func.func @depthwise(%x: tensor<1x2x16x17xi8>, %r: tensor<1x2x8x8xi8>, %init: tensor<1x2x8x8xi8>) -> tensor<1x2x8x8xi8> {
  %w = arith.constant dense<[[[[1, 0, 2], [3, 0, 4]]], [[[5, 0, 6], [7, 0, 8]]]]> : tensor<2x1x2x3xi8>
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x16x17xi8>, tensor<2x1x2x3xi8>) residual(%r : tensor<1x2x8x8xi8>)
      outs(%init : tensor<1x2x8x8xi8>) strides = [2, 2] groups = 2 encoding = binary input_range = [0, 9]
      schedule = straight_line {name = "kept"} epilogue {
  ^bb0(%acc: i32, %f: index, %v: i8):
    bitnn.yield %v : i8
  } -> tensor<1x2x8x8xi8>
  return %y : tensor<1x2x8x8xi8>
}

// Readers of one image share its phases, whatever they pad and read of them: a
// single phase is a part of the others' image.
// CHECK-LABEL: @shared
// CHECK-COUNT-4: tensor.insert_slice
// CHECK-NOT: tensor.insert_slice
// CHECK: bitnn.conv_2d ins(%{{.*}}, %{{.*}} : tensor<1x8x9x9xi16>, tensor<1x8x2x2xi8>)
// CHECK: %[[PART:.*]] = tensor.extract_slice %{{.*}}[0, 0, 0, 1, 1] [1, 2, 1, 8, 8] [1, 1, 1, 1, 1] : tensor<1x2x4x9x9xi16>
// CHECK: %[[I:.*]] = tensor.collapse_shape %[[PART]]
// CHECK: bitnn.conv_2d ins(%[[I]], %{{.*}} : tensor<1x2x8x8xi16>, tensor<1x2x1x1xi8>)
func.func @shared(%x: tensor<1x2x16x16xi8>, %init: tensor<1x1x8x8xi32>) -> (tensor<1x1x8x8xi32>, tensor<1x1x8x8xi32>) {
  %w = arith.constant dense<1> : tensor<1x2x3x3xi8>
  %w1 = arith.constant dense<1> : tensor<1x2x1x1xi8>
  %zero = arith.constant 0 : i8
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 0, 0] {
  ^bb0(%n: index, %c: index, %h: index, %i: index):
    tensor.yield %zero : i8
  } : tensor<1x2x16x16xi8> to tensor<1x2x17x17xi8>
  %0 = bitnn.conv_2d ins(%p, %w : tensor<1x2x17x17xi8>, tensor<1x2x3x3xi8>) outs(%init : tensor<1x1x8x8xi32>) strides = [2, 2] encoding = csd -> tensor<1x1x8x8xi32>
  %1 = bitnn.conv_2d ins(%x, %w1 : tensor<1x2x16x16xi8>, tensor<1x2x1x1xi8>) outs(%init : tensor<1x1x8x8xi32>) strides = [2, 2] encoding = csd -> tensor<1x1x8x8xi32>
  return %0, %1 : tensor<1x1x8x8xi32>, tensor<1x1x8x8xi32>
}

// One stride only, 3, and dilated: taps at 0, 2 and 4 are columns 0 of phase 0,
// 0 of phase 2 and 1 of phase 1. 16-bit images are split as they are.
// CHECK-LABEL: @dilated_columns
// CHECK-SAME: %[[X:.*]]: tensor<1x1x8x64xi16>
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1x1x3x8x21xi16>
// CHECK: %[[S0:.*]] = tensor.extract_slice %[[X]][0, 0, 0, 0] [1, 1, 8, 21] [1, 1, 1, 3]
// CHECK: tensor.insert_slice %[[S0]] into %[[E]][0, 0, 0, 0, 0] [1, 1, 1, 8, 21]
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, 1] [1, 1, 8, 21] [1, 1, 1, 3]
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, 2] [1, 1, 8, 21] [1, 1, 1, 3]
// CHECK: %[[W:.*]] = arith.constant dense<{{\[\[\[\[}}1, 0]], {{\[\[}}0, 3]], {{\[\[}}2, 0]]]]> : tensor<1x3x1x2xi8>
// CHECK: bitnn.conv_2d ins(%{{.*}}, %[[W]] : tensor<1x3x8x21xi16>, tensor<1x3x1x2xi8>) {{.*}} encoding = csd input_range = [-32768, 32767] ->
func.func @dilated_columns(%x: tensor<1x1x8x64xi16>, %init: tensor<1x1x8x20xi32>) -> tensor<1x1x8x20xi32> {
  %w = arith.constant dense<[[[[1, 2, 3]]]]> : tensor<1x1x1x3xi8>
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x8x64xi16>, tensor<1x1x1x3xi8>)
      outs(%init : tensor<1x1x8x20xi32>) strides = [1, 3] dilations = [1, 2] encoding = csd -> tensor<1x1x8x20xi32>
  return %y : tensor<1x1x8x20xi32>
}

// Short rows of stride (2, 1) are split so that they can be joined.
// CHECK-LABEL: @short_rows
// CHECK: bitnn.conv_2d ins(%{{.*}}, %{{.*}} : tensor<1x1x16x4xi16>, tensor<8x1x1x1xi8>)
func.func @short_rows(%x: tensor<1x1x32x4xi8>, %init: tensor<1x8x16x4xi32>) -> tensor<1x8x16x4xi32> {
  %w = arith.constant dense<85> : tensor<8x1x1x1xi8>
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x32x4xi8>, tensor<8x1x1x1xi8>)
      outs(%init : tensor<1x8x16x4xi32>) strides = [2, 1] encoding = csd -> tensor<1x8x16x4xi32>
  return %y : tensor<1x8x16x4xi32>
}

// Rows of 8 and a border of 2 are 5 vectors, rows of 8 without one are 4. So
// every column of the window reads a copy of the image, with stride 1 too: of
// columns 0 to 6, 0 to 7 and 1 to 7; the others are border.
// CHECK-LABEL: @columns_apart
// CHECK-SAME: %[[X:.*]]: tensor<1x4x8x8xi8>
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1x4x3x10x8xi16>
// CHECK: %[[P:.*]] = linalg.fill {{.*}} outs(%[[E]] : tensor<1x4x3x10x8xi16>)
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, 0] [1, 4, 8, 7] [1, 1, 1, 1]
// CHECK: %[[P0:.*]] = tensor.insert_slice %{{.*}} into %[[P]][0, 0, 0, 1, 1] [1, 4, 1, 8, 7]
// CHECK: %[[P1:.*]] = tensor.insert_slice %{{.*}} into %[[P0]][0, 0, 1, 1, 0] [1, 4, 1, 8, 8]
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, 1] [1, 4, 8, 7] [1, 1, 1, 1]
// CHECK: %[[P2:.*]] = tensor.insert_slice %{{.*}} into %[[P1]][0, 0, 2, 1, 0] [1, 4, 1, 8, 7]
// CHECK: %[[I:.*]] = tensor.collapse_shape %[[P2]] {{\[}}[0], [1, 2], [3], [4]]
// CHECK: bitnn.conv_2d ins(%[[I]], %{{.*}} : tensor<1x12x10x8xi16>, tensor<16x12x3x1xi8>) outs({{.*}}) encoding = csd input_range = [-128, 127] ->
func.func @columns_apart(%x: tensor<1x4x8x8xi8>, %init: tensor<1x16x8x8xi32>) -> tensor<1x16x8x8xi32> {
  %w = arith.constant dense<1> : tensor<16x4x3x3xi8>
  %zero = arith.constant -3 : i8
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %i: index):
    tensor.yield %zero : i8
  } : tensor<1x4x8x8xi8> to tensor<1x4x10x10xi8>
  %y = bitnn.conv_2d ins(%p, %w : tensor<1x4x10x10xi8>, tensor<16x4x3x3xi8>)
      outs(%init : tensor<1x16x8x8xi32>) encoding = csd -> tensor<1x16x8x8xi32>
  return %y : tensor<1x16x8x8xi32>
}

// Pixels of 8-bit lanes stay bytes.
// CHECK-LABEL: @bytes_apart
// CHECK: tensor.empty() : tensor<1x4x3x10x8xi8>
// CHECK: bitnn.conv_2d ins(%{{.*}} : tensor<1x12x10x8xi8>, tensor<16x12x3x1xi8>) outs({{.*}}) encoding = csd input_range = [0, 15] {byte_lanes} ->
func.func @bytes_apart(%x: tensor<1x4x8x8xi8>, %init: tensor<1x16x8x8xi32>) -> tensor<1x16x8x8xi32> {
  %w = arith.constant dense<1> : tensor<16x4x3x3xi8>
  %zero = arith.constant 0 : i8
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %i: index):
    tensor.yield %zero : i8
  } : tensor<1x4x8x8xi8> to tensor<1x4x10x10xi8>
  %y = bitnn.conv_2d ins(%p, %w : tensor<1x4x10x10xi8>, tensor<16x4x3x3xi8>)
      outs(%init : tensor<1x16x8x8xi32>) encoding = csd input_range = [0, 15] {byte_lanes} -> tensor<1x16x8x8xi32>
  return %y : tensor<1x16x8x8xi32>
}
