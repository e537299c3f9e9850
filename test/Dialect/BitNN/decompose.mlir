// RUN: bitnn-opt %s --pass-pipeline="builtin.module(transform-preload-library{transform-library-paths=%S/../../Integration/Inputs/decompose.mlir},transform-interpreter,canonicalize)" \
// RUN:   --split-input-file | FileCheck %s

// A layer as one generic per plane: 3 is 4 - 1, 6 is 8 - 2 in canonical signed
// digits, and each plane's sum starts where the one before it ended.

// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[SAME:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: @matmul(
// CHECK-SAME: %[[IN:.*]]: tensor<1x3xi8>, %[[RES:.*]]: tensor<1x2xi8>,
// CHECK-DAG: %[[P3:.*]] = arith.constant dense<{{\[}}[0, 0, 0], [1, 0, -1]]> : tensor<2x3xi8>
// CHECK-DAG: %[[P2:.*]] = arith.constant dense<{{\[}}[1, 0, 0], [0, 0, 0]]> : tensor<2x3xi8>
// CHECK-DAG: %[[P1:.*]] = arith.constant dense<{{\[}}[0, 0, 0], [-1, 0, 0]]> : tensor<2x3xi8>
// CHECK-DAG: %[[P0:.*]] = arith.constant dense<{{\[}}[-1, -1, 0], [0, 0, 0]]> : tensor<2x3xi8>
// CHECK-DAG: %[[B:.*]] = arith.constant dense<[4, 5]> : tensor<2xi32>
// CHECK: %[[START:.*]] = linalg.broadcast ins(%[[B]] : tensor<2xi32>) outs(%{{.*}} : tensor<1x2xi32>) dimensions = [0]
// CHECK: %[[S0:.*]] = linalg.generic {indexing_maps = [#[[X]], #[[W]], #[[Y]]], iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[IN]], %[[P0]] : {{.*}}) outs(%[[START]] : tensor<1x2xi32>) {
// CHECK-NEXT: ^bb0(%[[A:.*]]: i8, %[[D:.*]]: i8, %[[SUM:.*]]: i32):
// CHECK-NEXT: %[[A32:.*]] = arith.extsi %[[A]] : i8 to i32
// CHECK-NEXT: %[[D32:.*]] = arith.extsi %[[D]] : i8 to i32
// CHECK-NEXT: %[[P:.*]] = arith.muli %[[A32]], %[[D32]] : i32
// CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[SUM]], %[[P]] : i32
// CHECK-NEXT: linalg.yield %[[NEXT]]
// CHECK: %[[S1:.*]] = linalg.generic {{.*}} ins(%[[IN]], %[[P1]] : {{.*}}) outs(%[[S0]] : tensor<1x2xi32>) {
// CHECK: %[[P:.*]] = arith.muli
// CHECK-NEXT: %[[SHIFTED:.*]] = arith.shli %[[P]], %c1_i32 : i32
// CHECK-NEXT: arith.addi %{{.*}}, %[[SHIFTED]] : i32
// CHECK: %[[S2:.*]] = linalg.generic {{.*}} ins(%[[IN]], %[[P2]] : {{.*}}) outs(%[[S1]] : tensor<1x2xi32>) {
// CHECK: arith.shli %{{.*}}, %c2_i32 : i32
// CHECK: %[[S3:.*]] = linalg.generic {{.*}} ins(%[[IN]], %[[P3]] : {{.*}}) outs(%[[S2]] : tensor<1x2xi32>) {
// CHECK: arith.shli %{{.*}}, %c3_i32 : i32
// The epilogue is one more.
// CHECK: %[[Q:.*]] = linalg.generic {indexing_maps = [#[[SAME]], #[[SAME]], #[[SAME]]], iterator_types = ["parallel", "parallel"]} ins(%[[S3]], %[[RES]] : {{.*}}) outs(%{{.*}} : tensor<1x2xi8>) {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: i32, %[[R:.*]]: i8, %{{.*}}: i8):
// CHECK-NEXT: %[[F:.*]] = linalg.index 1 : index
// CHECK-NEXT: %[[R8:.*]] = bitnn.requantize %[[ACC]][%[[F]]]
// CHECK-NEXT: %[[ADD:.*]] = arith.addi %[[R8]], %[[R]] : i8
// CHECK-NEXT: linalg.yield %[[ADD]]
// CHECK: return %[[Q]]
func.func @matmul(%x: tensor<1x3xi8>, %r: tensor<1x2xi8>, %init: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %w = arith.constant dense<[[3, -1, 0], [6, 0, -8]]> : tensor<2x3xi8>
  %b = arith.constant dense<[4, 5]> : tensor<2xi32>
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>) residual(%r : tensor<1x2xi8>)
      outs(%init : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %f: index, %res: i8):
    %q = bitnn.requantize %acc[%f] : i32 -> i8 using #bitnn.float_scale<
        dense<[0.5, 0.25]> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>
    %s = arith.addi %q, %res : i8
    bitnn.yield %s : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

// Binary digits are those of the magnitude: 3 is 2 + 1, -2 is -2. Groups are a
// dimension of their own in all operands.

// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d5, d3 * 3 + d6 * 2, d4 + d7)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2, d5, d6, d7)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d2, d3, d4)>
// CHECK-LABEL: @conv_2d(
// CHECK-SAME: %[[IN:.*]]: tensor<1x4x5x5xi8>
// CHECK-DAG: %[[P1:.*]] = arith.constant dense<{{\[}}{{\[}}{{\[}}{{\[}}[0, 1]], {{\[}}[0, 0]]]], {{\[}}{{\[}}{{\[}}[-1, 1]], {{\[}}[0, 0]]]]]> : tensor<2x1x2x1x2xi8>
// CHECK-DAG: %[[P0:.*]] = arith.constant dense<{{\[}}{{\[}}{{\[}}{{\[}}[1, 0]], {{\[}}[0, 0]]]], {{\[}}{{\[}}{{\[}}[0, 1]], {{\[}}[0, 1]]]]]> : tensor<2x1x2x1x2xi8>
// CHECK-DAG: %[[GROUPED:.*]] = tensor.expand_shape %[[IN]] {{\[}}[0], [1, 2], [3], [4]] output_shape [1, 2, 2, 5, 5]
// Without a bias sums start at zero.
// CHECK-DAG: %[[START:.*]] = linalg.fill ins(%c0_i32 : i32) outs(%{{.*}} : tensor<1x2x1x2x4xi32>)
// CHECK: %[[S0:.*]] = linalg.generic {indexing_maps = [#[[X]], #[[W]], #[[Y]]], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%[[GROUPED]], %[[P0]] : {{.*}}) outs(%[[START]] :
// CHECK: %[[S1:.*]] = linalg.generic {{.*}} ins(%[[GROUPED]], %[[P1]] : {{.*}}) outs(%[[S0]] :
// CHECK: arith.shli %{{.*}}, %c1_i32 : i32
// CHECK-NOT: linalg.generic
// CHECK: %[[YF:.*]] = tensor.collapse_shape %[[S1]] {{\[}}[0], [1, 2], [3], [4]] : tensor<1x2x1x2x4xi32> into tensor<1x2x2x4xi32>
// CHECK: return %[[YF]]
func.func @conv_2d(%x: tensor<1x4x5x5xi8>, %init: tensor<1x2x2x4xi32>) -> tensor<1x2x2x4xi32> {
  %w = arith.constant dense<[[[[1, 2]], [[0, 0]]], [[[-2, 3]], [[0, 1]]]]> : tensor<2x2x1x2xi8>
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x4x5x5xi8>, tensor<2x2x1x2xi8>)
      outs(%init : tensor<1x2x2x4xi32>) strides = [3, 1] dilations = [2, 1] groups = 2 encoding = binary -> tensor<1x2x2x4xi32>
  return %y : tensor<1x2x2x4xi32>
}

// -----

// No digits, no planes: the bias remains.
// CHECK-LABEL: @zero(
// CHECK-NOT: linalg.generic
// CHECK: %[[B:.*]] = linalg.broadcast
// CHECK: return %[[B]]
func.func @zero(%x: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<0> : tensor<2x3xi16>
  %b = arith.constant dense<[4, 5]> : tensor<2xi32>
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi16>, tensor<2xi32>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}
