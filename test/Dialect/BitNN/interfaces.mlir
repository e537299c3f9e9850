// RUN: bitnn-opt %s --inline | FileCheck %s --check-prefix=INLINE
// RUN: bitnn-opt %s --resolve-shaped-type-result-dims --canonicalize | FileCheck %s --check-prefix=DIMS
// RUN: bitnn-opt %s --cse | FileCheck %s --check-prefix=EFFECTS
// RUN: bitnn-opt %s --int-range-optimizations --canonicalize | FileCheck %s --check-prefix=RANGES

// A layer, with its epilogue, may stand anywhere.
// INLINE-LABEL: @caller
// INLINE-NOT: call
// INLINE: bitnn.matmul
// INLINE: bitnn.requantize
// INLINE: return
func.func private @layer(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>) -> tensor<1x2xi8> {
  %e = tensor.empty() : tensor<1x2xi8>
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>) outs(%e : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
        dense<0.02> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
    bitnn.yield %q : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}
func.func @caller(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>) -> tensor<1x2xi8> {
  %y = func.call @layer(%x, %w) : (tensor<1x3xi8>, tensor<2x3xi8>) -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// DIMS-LABEL: @dims
// DIMS-DAG: %[[TWO:.*]] = arith.constant 2 : index
// DIMS-DAG: %[[FOUR:.*]] = arith.constant 4 : index
// DIMS: return %[[TWO]], %[[FOUR]]
func.func @dims(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %i: tensor<1x2xi32>, %x4: tensor<1x2x6x6xi8>, %w4: tensor<5x2x3x3xi8>, %i4: tensor<1x5x4x4xi32>) -> (index, index) {
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>) outs(%i : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %z = bitnn.conv_2d ins(%x4, %w4 : tensor<1x2x6x6xi8>, tensor<5x2x3x3xi8>) outs(%i4 : tensor<1x5x4x4xi32>) encoding = csd -> tensor<1x5x4x4xi32>
  %0 = tensor.dim %y, %c1 : tensor<1x2xi32>
  %1 = tensor.dim %z, %c3 : tensor<1x5x4x4xi32>
  return %0, %1 : index, index
}

// On tensors two equal layers are one, and an unused one is none; on buffers
// each writes.
// EFFECTS-LABEL: @effects
// EFFECTS: bitnn.conv_2d {{.*}} -> tensor<1x1x1x1xi32>
// EFFECTS-NOT: -> tensor
// EFFECTS-COUNT-2: bitnn.matmul {{.*}} memref
// EFFECTS: return
func.func @effects(%x: tensor<1x1x1x1xi8>, %w: tensor<1x1x1x1xi8>, %i: tensor<1x1x1x1xi32>, %xm: memref<1x1xi8>, %wm: memref<1x1xi8>, %im: memref<1x1xi32>)
    -> (tensor<1x1x1x1xi32>, tensor<1x1x1x1xi32>) {
  %0 = bitnn.conv_2d ins(%x, %w : tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>) outs(%i : tensor<1x1x1x1xi32>) encoding = csd -> tensor<1x1x1x1xi32>
  %1 = bitnn.conv_2d ins(%x, %w : tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>) outs(%i : tensor<1x1x1x1xi32>) encoding = csd -> tensor<1x1x1x1xi32>
  %2 = bitnn.conv_2d ins(%x, %w : tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>) outs(%i : tensor<1x1x1x1xi32>) encoding = binary -> tensor<1x1x1x1xi32>
  bitnn.matmul ins(%xm, %wm : memref<1x1xi8>, memref<1x1xi8>) outs(%im : memref<1x1xi32>) encoding = csd
  bitnn.matmul ins(%xm, %wm : memref<1x1xi8>, memref<1x1xi8>) outs(%im : memref<1x1xi32>) encoding = csd
  return %0, %1 : tensor<1x1x1x1xi32>, tensor<1x1x1x1xi32>
}

// The interval of a scalar operation decides comparisons: the range of a
// requantize or an addition, and the entries of a table.
// RANGES-LABEL: @ranges
// RANGES: %[[TRUE:.*]] = arith.constant true
// RANGES: return %[[TRUE]], %[[TRUE]], %[[TRUE]]
func.func @ranges(%acc: i32, %x: i8) -> (i1, i1, i1) {
  %five = arith.constant 5 : i8
  %six = arith.constant 6 : i8
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
      dense<0.02> : tensor<1xf32>, zero_point = 0, range = [5, 7]>
  %0 = arith.cmpi sge, %q, %five : i8
  %s = bitnn.add %x, %x : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
      rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-7, 5]>
  %1 = arith.cmpi slt, %s, %six : i8
  %l = bitnn.lookup %q : i8 in dense<6> : tensor<256xi8>
  %2 = arith.cmpi eq, %l, %six : i8
  return %0, %1, %2 : i1, i1, i1
}
