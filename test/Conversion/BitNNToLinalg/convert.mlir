// RUN: bitnn-opt %s --convert-bitnn-to-linalg | FileCheck %s --check-prefixes=CHECK,CHOSEN
// RUN: bitnn-opt %s --convert-bitnn-to-linalg=all | FileCheck %s --check-prefixes=CHECK,ALL

// The same bytes at every run.
// RUN: bitnn-opt %s --convert-bitnn-to-linalg=all -o %t.1
// RUN: bitnn-opt %s --convert-bitnn-to-linalg=all -o %t.2
// RUN: cmp %t.1 %t.2

// CHECK-DAG: #[[X_MAP:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[W_MAP:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[Y_MAP:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[SAME:.*]] = affine_map<(d0, d1) -> (d0, d1)>

// Without a bias sums start at zero; without an epilogue they are the result.
// CHECK-LABEL: @matmul
// CHECK-SAME: (%[[X:.*]]: tensor<1x3xi8>, %{{.*}}: tensor<1x2xi32>)
func.func @matmul(%x: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[}}[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
  // CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : i32
  // CHECK-DAG: %[[E:.*]] = tensor.empty() : tensor<1x2xi32>
  // CHECK-DAG: %[[START:.*]] = linalg.fill ins(%[[ZERO]] : i32) outs(%[[E]] : tensor<1x2xi32>)
  // CHECK: %[[Y:.*]] = linalg.matmul indexing_maps = [#[[X_MAP]], #[[W_MAP]], #[[Y_MAP]]] ins(%{{.*}}, %{{.*}} : tensor<1x3xi8>, tensor<2x3xi8>) outs(%[[START]] : tensor<1x2xi32>)
  // CHECK-NEXT: return %[[Y]]
  %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd schedule = multiply -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// The epilogue is elementwise behind it. Weights of 4 bits are widened: they
// have no layout in memory.
// CHECK-LABEL: @epilogue
func.func @epilogue(%x: tensor<1x3xi8>, %r: tensor<1x2xi8>, %init: tensor<1x2xi8>) -> tensor<1x2xi8> {
  // CHECK-DAG: arith.constant dense<{{\[}}[3, 0, -8], [0, 2, 5]]> : tensor<2x3xi8>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<[4, 5]> : tensor<2xi32>
  // CHECK-DAG: %[[START:.*]] = linalg.broadcast ins(%[[B]] : tensor<2xi32>) outs(%{{.*}} : tensor<1x2xi32>) dimensions = [0]
  // CHECK: %[[ACC:.*]] = linalg.matmul {{.*}} tensor<2x3xi8>) outs(%[[START]] : tensor<1x2xi32>)
  // CHECK: %[[E:.*]] = tensor.empty() : tensor<1x2xi8>
  // CHECK-NEXT: %[[Y:.*]] = linalg.generic {indexing_maps = [#[[SAME]], #[[SAME]], #[[SAME]]], iterator_types = ["parallel", "parallel"]}
  // CHECK-SAME: ins(%[[ACC]], %{{.*}} : tensor<1x2xi32>, tensor<1x2xi8>) outs(%[[E]] : tensor<1x2xi8>) {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: i32, %[[RES:.*]]: i8, %{{.*}}: i8):
  // CHECK-NEXT: %[[F:.*]] = linalg.index 1 : index
  // CHECK-NEXT: %[[Q:.*]] = bitnn.requantize %[[A]][%[[F]]] : i32 -> i8 using
  // CHECK-NEXT: %[[S:.*]] = arith.addi %[[Q]], %[[RES]] : i8
  // CHECK-NEXT: linalg.yield %[[S]] : i8
  // CHECK: return %[[Y]]
  %w = arith.constant dense<[[3, 0, -8], [0, 2, 5]]> : tensor<2x3xi4>
  %b = arith.constant dense<[4, 5]> : tensor<2xi32>
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi4>, tensor<2xi32>) residual(%r : tensor<1x2xi8>)
      outs(%init : tensor<1x2xi8>) encoding = csd schedule = multiply epilogue {
  ^bb0(%acc: i32, %f: index, %res: i8):
    %q = bitnn.requantize %acc[%f] : i32 -> i8 using #bitnn.float_scale<
        dense<[0.5, 0.25]> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>
    %s = arith.addi %q, %res : i8
    bitnn.yield %s : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// CHECK-LABEL: @conv_2d
func.func @conv_2d(%x: tensor<1x2x7x8xi8>, %init: tensor<1x4x2x6xi32>) -> tensor<1x4x2x6xi32> {
  // CHECK: %[[B:.*]] = linalg.broadcast ins(%{{.*}} : tensor<4xi32>) outs(%{{.*}} : tensor<1x4x2x6xi32>) dimensions = [0, 2, 3]
  // CHECK: linalg.conv_2d_nchw_fchw {dilations = dense<[2, 1]> : tensor<2xi64>, strides = dense<[2, 1]> : tensor<2xi64>}
  // CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<1x2x7x8xi8>, tensor<4x2x3x3xi16>) outs(%[[B]] : tensor<1x4x2x6xi32>)
  %w = arith.constant dense<300> : tensor<4x2x3x3xi16>
  %b = arith.constant dense<7> : tensor<4xi32>
  %y = bitnn.conv_2d ins(%x, %w, %b : tensor<1x2x7x8xi8>, tensor<4x2x3x3xi16>, tensor<4xi32>)
      outs(%init : tensor<1x4x2x6xi32>) strides = [2, 1] dilations = [2, 1] encoding = csd schedule = multiply -> tensor<1x4x2x6xi32>
  return %y : tensor<1x4x2x6xi32>
}

// CHECK-LABEL: @grouped
func.func @grouped(%x: tensor<1x4x3x3xi8>, %init: tensor<1x6x3x3xi32>) -> tensor<1x6x3x3xi32> {
  // CHECK-DAG: tensor.expand_shape %{{.*}} {{\[}}[0], [1, 2], [3], [4]] output_shape [1, 2, 2, 3, 3] : tensor<1x4x3x3xi8> into tensor<1x2x2x3x3xi8>
  // CHECK-DAG: tensor.expand_shape %{{.*}} {{\[}}[0, 1], [2], [3], [4]] output_shape [2, 3, 2, 1, 1] : tensor<6x2x1x1xi8> into tensor<2x3x2x1x1xi8>
  // CHECK: %[[Y:.*]] = linalg.conv_2d_ngchw_gfchw {{.*}} outs(%{{.*}} : tensor<1x2x3x3x3xi32>)
  // CHECK: tensor.collapse_shape %[[Y]] {{\[}}[0], [1, 2], [3], [4]] : tensor<1x2x3x3x3xi32> into tensor<1x6x3x3xi32>
  %w = arith.constant dense<3> : tensor<6x2x1x1xi8>
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x4x3x3xi8>, tensor<6x2x1x1xi8>)
      outs(%init : tensor<1x6x3x3xi32>) groups = 2 encoding = csd schedule = multiply -> tensor<1x6x3x3xi32>
  return %y : tensor<1x6x3x3xi32>
}

// Layers of other schedules only if all are asked for.
// CHECK-LABEL: @other_schedules
// CHOSEN-COUNT-3: bitnn.matmul
// CHOSEN-NOT: linalg.matmul
// ALL-NOT: bitnn.matmul
// ALL-COUNT-3: linalg.matmul
// CHECK: return
func.func @other_schedules(%x: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> (tensor<1x2xi32>, tensor<1x2xi32>, tensor<1x2xi32>) {
  %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
  %0 = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %1 = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd schedule = straight_line -> tensor<1x2xi32>
  %2 = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd schedule = table -> tensor<1x2xi32>
  return %0, %1, %2 : tensor<1x2xi32>, tensor<1x2xi32>, tensor<1x2xi32>
}

// On buffers it is too late.
// CHECK-LABEL: @on_buffers
// CHECK: bitnn.matmul
func.func @on_buffers(%x: memref<1x3xi8>, %w: memref<2x3xi8>, %init: memref<1x2xi32>) {
  bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<2x3xi8>) outs(%init : memref<1x2xi32>) encoding = csd schedule = multiply
  return
}
