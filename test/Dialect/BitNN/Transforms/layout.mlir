// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target{cpu=x86-64-v3},func.func(bitnn-layout))" | FileCheck %s --check-prefixes=CHECK,VECTOR
// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target,func.func(bitnn-layout))" | FileCheck %s --check-prefixes=CHECK,SCALAR
// RUN: not bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-layout))" 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: error: has no 'bitnn.target'; run bitnn-attach-target first

// An input of the network is widened by an operation of its own, inside of the
// border; the range stays that of the 8-bit values.
// CHECK-LABEL: @input
// CHECK-SAME: %[[X:.*]]: tensor<1x2x8x8xi8>, %{{.*}}: tensor<1x4x8x8xi32>
func.func @input(%x: tensor<1x2x8x8xi8>, %init: tensor<1x4x8x8xi32>) -> tensor<1x4x8x8xi32> {
  %w = arith.constant dense<1> : tensor<4x2x3x3xi8>
  %zero = arith.constant -3 : i8
  // VECTOR-DAG: %[[Z:.*]] = arith.constant -3 : i16
  // VECTOR-DAG: %[[IMAGE:.*]] = tensor.empty() : tensor<1x2x10x10xi16>
  // VECTOR-DAG: %[[BORDER:.*]] = linalg.fill ins(%[[Z]] : i16) outs(%[[IMAGE]] : tensor<1x2x10x10xi16>)
  // VECTOR-DAG: %[[WIDE:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<1x2x8x8xi8>) outs(%{{.*}} : tensor<1x2x8x8xi16>) {
  // VECTOR-DAG: %[[V:.*]] = arith.extsi %{{.*}} : i8 to i16
  // VECTOR-DAG: linalg.yield %[[V]] : i16
  // VECTOR: %[[P:.*]] = tensor.insert_slice %[[WIDE]] into %[[BORDER]][0, 0, 1, 1] [1, 2, 8, 8] [1, 1, 1, 1]
  // VECTOR: bitnn.conv_2d ins(%[[P]], %{{.*}} : tensor<1x2x10x10xi16>, tensor<4x2x3x3xi8>) {{.*}} input_range = [-3, 100] ->

  // SCALAR-DAG: %[[Z:.*]] = arith.constant -3 : i8
  // SCALAR-DAG: %[[IMAGE:.*]] = tensor.empty() : tensor<1x2x10x10xi8>
  // SCALAR: %[[BORDER:.*]] = linalg.fill ins(%[[Z]] : i8) outs(%[[IMAGE]] : tensor<1x2x10x10xi8>)
  // SCALAR: %[[P:.*]] = tensor.insert_slice %[[X]] into %[[BORDER]][0, 0, 1, 1] [1, 2, 8, 8] [1, 1, 1, 1]
  // SCALAR: bitnn.conv_2d ins(%[[P]], %{{.*}} : tensor<1x2x10x10xi8>, tensor<4x2x3x3xi8>) {{.*}} input_range = [-3, 100] ->
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %i: index):
    tensor.yield %zero : i8
  } : tensor<1x2x8x8xi8> to tensor<1x2x10x10xi8>
  %y = bitnn.conv_2d ins(%p, %w : tensor<1x2x10x10xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x8x8xi32>) encoding = csd input_range = [-3, 100] -> tensor<1x4x8x8xi32>
  return %y : tensor<1x4x8x8xi32>
}

// A layer before a vector convolution stores 16 bits itself.
// CHECK-LABEL: @producer
func.func @producer(%x: tensor<1x1x8x8xi8>, %init: tensor<1x1x8x8xi32>) -> tensor<1x1x8x8xi32> {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  %e = tensor.empty() : tensor<1x1x8x8xi8>
  // VECTOR: %[[WIDE:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x1x8x8xi16>)
  // A missing range is that of the 8-bit type.
  // VECTOR: %[[Y:.*]] = bitnn.conv_2d ins(%[[WIDE]], %{{.*}} : tensor<1x1x8x8xi16>, tensor<1x1x1x1xi8>) outs(%{{.*}} : tensor<1x1x8x8xi16>) encoding = csd input_range = [-128, 127] epilogue {
  // VECTOR:   %[[Q:.*]] = arith.trunci %{{.*}} : i32 to i8
  // VECTOR:   %[[V:.*]] = arith.extsi %[[Q]] : i8 to i16
  // VECTOR:   bitnn.yield %[[V]] : i16
  // VECTOR: } -> tensor<1x1x8x8xi16>
  // VECTOR-NOT: linalg.generic
  // VECTOR: bitnn.conv_2d ins(%[[Y]], %{{.*}} : tensor<1x1x8x8xi16>, tensor<1x1x1x1xi8>) outs(%{{.*}} : tensor<1x1x8x8xi32>) encoding = csd input_range = [0, 5] ->

  // SCALAR-NOT: i16
  // SCALAR: bitnn.conv_2d ins(%{{.*}} : tensor<1x1x8x8xi8>, tensor<1x1x1x1xi8>) outs(%{{.*}} : tensor<1x1x8x8xi8>) encoding = csd epilogue
  // SCALAR-NOT: i16
  // SCALAR: bitnn.conv_2d {{.*}} input_range = [0, 5] ->
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x8x8xi8>, tensor<1x1x1x1xi8>) outs(%e : tensor<1x1x8x8xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %f: index):
    %q = arith.trunci %acc : i32 to i8
    bitnn.yield %q : i8
  } -> tensor<1x1x8x8xi8>
  %z = bitnn.conv_2d ins(%y, %w : tensor<1x1x8x8xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x8x8xi32>) encoding = csd input_range = [0, 5] -> tensor<1x1x8x8xi32>
  return %z : tensor<1x1x8x8xi32>
}

// Two vector convolutions share one widening.
// CHECK-LABEL: @shared
func.func @shared(%x: tensor<1x8xi8>, %init: tensor<1x1x8x8xi32>) -> (tensor<1x64xi8>, tensor<1x1x8x8xi32>, tensor<1x1x8x8xi32>) {
  %w = arith.constant dense<1> : tensor<64x8xi8>
  %w1 = arith.constant dense<1> : tensor<1x1x1x1xi8>
  %w2 = arith.constant dense<2> : tensor<1x1x1x1xi8>
  %e = tensor.empty() : tensor<1x64xi8>
  // A matrix product stays on 8 bits.
  // VECTOR: %[[Y:.*]] = bitnn.matmul ins(%{{.*}} : tensor<1x8xi8>, tensor<64x8xi8>)
  %y = bitnn.matmul ins(%x, %w : tensor<1x8xi8>, tensor<64x8xi8>) outs(%e : tensor<1x64xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %f: index):
    %q = arith.trunci %acc : i32 to i8
    bitnn.yield %q : i8
  } -> tensor<1x64xi8>
  %i = tensor.expand_shape %y [[0], [1, 2, 3]] output_shape [1, 1, 8, 8] : tensor<1x64xi8> into tensor<1x1x8x8xi8>
  // VECTOR: %[[WIDE:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x1x8x8xi16>)
  // VECTOR: %[[A:.*]] = bitnn.conv_2d ins(%[[WIDE]],
  // VECTOR-NEXT: %[[B:.*]] = bitnn.conv_2d ins(%[[WIDE]],
  // VECTOR-NEXT: return %[[Y]], %[[A]], %[[B]]
  // SCALAR-NOT: i16
  %0 = bitnn.conv_2d ins(%i, %w1 : tensor<1x1x8x8xi8>, tensor<1x1x1x1xi8>) outs(%init : tensor<1x1x8x8xi32>) encoding = csd -> tensor<1x1x8x8xi32>
  %1 = bitnn.conv_2d ins(%i, %w2 : tensor<1x1x8x8xi8>, tensor<1x1x1x1xi8>) outs(%init : tensor<1x1x8x8xi32>) encoding = csd -> tensor<1x1x8x8xi32>
  return %y, %0, %1 : tensor<1x64xi8>, tensor<1x1x8x8xi32>, tensor<1x1x8x8xi32>
}

// Whoever wants 8 bits, as the network's result, gets them back from the 16.
// CHECK-LABEL: @narrow_again
func.func @narrow_again(%x: tensor<1x1x8x8xi8>, %init: tensor<1x1x8x8xi32>) -> (tensor<1x1x8x8xi8>, tensor<1x1x8x8xi32>) {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  %e = tensor.empty() : tensor<1x1x8x8xi8>
  // VECTOR: %[[Y:.*]] = bitnn.conv_2d {{.*}} outs(%{{.*}} : tensor<1x1x8x8xi16>)
  // VECTOR: %[[N:.*]] = linalg.generic {{.*}} ins(%[[Y]] : tensor<1x1x8x8xi16>) outs(%{{.*}} : tensor<1x1x8x8xi8>)
  // VECTOR: arith.trunci %{{.*}} : i16 to i8
  // VECTOR: bitnn.conv_2d ins(%[[Y]],
  // VECTOR: return %[[N]],
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x8x8xi8>, tensor<1x1x1x1xi8>) outs(%e : tensor<1x1x8x8xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %f: index):
    %q = arith.trunci %acc : i32 to i8
    bitnn.yield %q : i8
  } -> tensor<1x1x8x8xi8>
  %z = bitnn.conv_2d ins(%y, %w : tensor<1x1x8x8xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x8x8xi32>) encoding = csd -> tensor<1x1x8x8xi32>
  return %y, %z : tensor<1x1x8x8xi8>, tensor<1x1x8x8xi32>
}

// Vectors read past the end of an image. An array of the caller, or a part of
// it, is copied to where that is allowed.
// CHECK-LABEL: @array_of_the_caller
// CHECK-SAME: %[[X:.*]]: tensor<1x64xi16>,
func.func @array_of_the_caller(%x: tensor<1x64xi16>, %init: tensor<1x1x8x8xi32>) -> tensor<1x1x8x8xi32> {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  // CHECK: %[[IMAGE:.*]] = tensor.expand_shape %[[X]]
  // VECTOR: %[[E:.*]] = tensor.empty() : tensor<1x1x8x8xi16>
  // VECTOR: %[[COPY:.*]] = linalg.copy ins(%[[IMAGE]] : tensor<1x1x8x8xi16>) outs(%[[E]] : tensor<1x1x8x8xi16>)
  // VECTOR: bitnn.conv_2d ins(%[[COPY]],
  // SCALAR-NOT: linalg.copy
  // SCALAR: bitnn.conv_2d ins(%[[IMAGE]],
  %i = tensor.expand_shape %x [[0], [1, 2, 3]] output_shape [1, 1, 8, 8] : tensor<1x64xi16> into tensor<1x1x8x8xi16>
  %y = bitnn.conv_2d ins(%i, %w : tensor<1x1x8x8xi16>, tensor<1x1x1x1xi8>) outs(%init : tensor<1x1x8x8xi32>) encoding = csd -> tensor<1x1x8x8xi32>
  return %y : tensor<1x1x8x8xi32>
}

// Not on vectors: few pixels, stride 3, stride 2 with short rows, tables, a
// matrix product.
// CHECK-LABEL: @scalar_kernels
// CHECK-NOT: linalg.generic
// CHECK-COUNT-4: bitnn.conv_2d ins(%{{.*}} : tensor<{{[0-9x]+}}xi8>,
// CHECK: bitnn.matmul ins(%{{.*}} : tensor<1x3xi8>,
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @scalar_kernels(%small: tensor<1x1x1x7xi8>, %x: tensor<1x1x22x22xi8>, %short: tensor<1x1x16x14xi8>, %m: tensor<1x3xi8>, %t: tensor<1x1x8x8xi8>,
                          %i0: tensor<1x1x1x7xi32>, %i1: tensor<1x1x8x8xi32>, %i2: tensor<1x1x8x7xi32>, %i3: tensor<1x1xi32>)
    -> (tensor<1x1x1x7xi32>, tensor<1x1x8x8xi32>, tensor<1x1x8x7xi32>, tensor<1x1x8x8xi32>, tensor<1x1xi32>) {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  %w1 = arith.constant dense<1> : tensor<1x3xi8>
  %0 = bitnn.conv_2d ins(%small, %w : tensor<1x1x1x7xi8>, tensor<1x1x1x1xi8>) outs(%i0 : tensor<1x1x1x7xi32>) encoding = csd -> tensor<1x1x1x7xi32>
  %1 = bitnn.conv_2d ins(%x, %w : tensor<1x1x22x22xi8>, tensor<1x1x1x1xi8>) outs(%i1 : tensor<1x1x8x8xi32>) strides = [3, 3] encoding = csd -> tensor<1x1x8x8xi32>
  %2 = bitnn.conv_2d ins(%short, %w : tensor<1x1x16x14xi8>, tensor<1x1x1x1xi8>) outs(%i2 : tensor<1x1x8x7xi32>) strides = [2, 2] encoding = csd -> tensor<1x1x8x7xi32>
  %3 = bitnn.conv_2d ins(%t, %w : tensor<1x1x8x8xi8>, tensor<1x1x1x1xi8>) outs(%i1 : tensor<1x1x8x8xi32>) encoding = csd schedule = table -> tensor<1x1x8x8xi32>
  %4 = bitnn.matmul ins(%m, %w1 : tensor<1x3xi8>, tensor<1x3xi8>) outs(%i3 : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %0, %1, %2, %3, %4 : tensor<1x1x1x7xi32>, tensor<1x1x8x8xi32>, tensor<1x1x8x7xi32>, tensor<1x1x8x8xi32>, tensor<1x1xi32>
}

// Re-centred and widened at once: what a signed byte with the other sign bit is,
// an unsigned one less 128 is. Other readers of the narrow image keep it.

// VECTOR-LABEL: func.func @recentred(
// VECTOR-SAME: %[[X:.*]]: tensor<1x1x8x16xi8>)
// VECTOR-DAG: %[[MIDDLE:.*]] = arith.constant 128 : i16
// VECTOR: %[[NARROW:.*]] = linalg.generic {{.*}} ins(%[[X]] :
// VECTOR: arith.xori
// VECTOR: %[[WIDE:.*]] = linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%{{.*}} : tensor<1x1x8x16xi16>)
// VECTOR: %[[U:.*]] = arith.extui %{{.*}} : i8 to i16
// VECTOR-NEXT: %[[S:.*]] = arith.subi %[[U]], %[[MIDDLE]] : i16
// VECTOR-NEXT: linalg.yield %[[S]] : i16
// VECTOR: %[[Y:.*]] = bitnn.conv_2d ins(%[[WIDE]],
// VECTOR: return %[[Y]], %[[NARROW]]
func.func @recentred(%x: tensor<1x1x8x16xi8>) -> (tensor<1x1x8x16xi32>, tensor<1x1x8x16xi8>) {
  %w = arith.constant dense<3> : tensor<1x1x1x1xi8>
  %sign = arith.constant -128 : i8
  %e = tensor.empty() : tensor<1x1x8x16xi8>
  %signed = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>],
                            iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x1x8x16xi8>) outs(%e : tensor<1x1x8x16xi8>) {
  ^bb0(%in: i8, %out: i8):
    %0 = arith.xori %in, %sign : i8
    linalg.yield %0 : i8
  } -> tensor<1x1x8x16xi8>
  %init = tensor.empty() : tensor<1x1x8x16xi32>
  %y = bitnn.conv_2d ins(%signed, %w : tensor<1x1x8x16xi8>, tensor<1x1x1x1xi8>) outs(%init : tensor<1x1x8x16xi32>) encoding = csd -> tensor<1x1x8x16xi32>
  return %y, %signed : tensor<1x1x8x16xi32>, tensor<1x1x8x16xi8>
}

// Pixels of 8-bit lanes stay bytes; those of the caller are copied, because
// vectors may read past the end.
// CHECK-LABEL: @byte_lanes
// CHECK-SAME: %[[X:.*]]: tensor<1x2x8x8xi8>, %{{.*}}: tensor<1x4x8x8xi32>
func.func @byte_lanes(%x: tensor<1x2x8x8xi8>, %init: tensor<1x4x8x8xi32>) -> tensor<1x4x8x8xi32> {
  %w = arith.constant dense<1> : tensor<4x2x1x1xi8>
  // VECTOR: %[[COPY:.*]] = linalg.copy ins(%[[X]] : tensor<1x2x8x8xi8>)
  // VECTOR: bitnn.conv_2d ins(%[[COPY]], %{{.*}} : tensor<1x2x8x8xi8>, tensor<4x2x1x1xi8>) {{.*}} {byte_lanes} ->
  // SCALAR: bitnn.conv_2d ins(%[[X]], %{{.*}} : tensor<1x2x8x8xi8>, tensor<4x2x1x1xi8>)
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x8x8xi8>, tensor<4x2x1x1xi8>)
      outs(%init : tensor<1x4x8x8xi32>) encoding = csd input_range = [0, 15] {byte_lanes} -> tensor<1x4x8x8xi32>
  return %y : tensor<1x4x8x8xi32>
}
