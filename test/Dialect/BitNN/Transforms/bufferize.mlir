// RUN: bitnn-opt %s --one-shot-bufferize="bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map" --split-input-file | FileCheck %s

// The init is written in place, and never read: no copy. All attributes and
// the epilogue stay.
// CHECK-LABEL: func.func @matmul(
// CHECK-SAME: %[[X:.*]]: memref<1x3xi8>, %[[W:.*]]: memref<2x3xi8>, %[[B:.*]]: memref<2xi32>, %[[R:.*]]: memref<1x2xi8>) -> memref<1x2xi8> {
// CHECK-NEXT: %[[Y:.*]] = memref.alloc() {{.*}} : memref<1x2xi8>
// CHECK-NEXT: bitnn.matmul ins(%[[X]], %[[W]], %[[B]] : memref<1x3xi8>, memref<2x3xi8>, memref<2xi32>) residual(%[[R]] : memref<1x2xi8>)
// CHECK-SAME: outs(%[[Y]] : memref<1x2xi8>) encoding = binary input_range = [0, 7] schedule = table {bitnn.kernel = "l0_fc"} epilogue {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: i32, %{{.*}}: index, %[[RES:.*]]: i8):
// CHECK-NEXT: %[[Q:.*]] = arith.trunci %[[ACC]] : i32 to i8
// CHECK-NEXT: %[[S:.*]] = arith.addi %[[Q]], %[[RES]] : i8
// CHECK-NEXT: bitnn.yield %[[S]] : i8
// CHECK-NEXT: }{{$}}
// CHECK-NEXT: return %[[Y]] : memref<1x2xi8>
func.func @matmul(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %b: tensor<2xi32>, %r: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %e = tensor.empty() : tensor<1x2xi8>
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>) residual(%r : tensor<1x2xi8>)
      outs(%e : tensor<1x2xi8>) encoding = binary input_range = [0, 7] schedule = table {bitnn.kernel = "l0_fc"} epilogue {
  ^bb0(%acc: i32, %channel: index, %res: i8):
    %q = arith.trunci %acc : i32 to i8
    %s = arith.addi %q, %res : i8
    bitnn.yield %s : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

// An init whose old value is still needed gets a buffer of its own, which is
// not filled with it.
// CHECK-LABEL: func.func @init_is_needed(
// CHECK-SAME: %{{.*}}, %{{.*}}, %[[I:.*]]: memref<1x1x4x4xi32>)
// CHECK: %[[Y:.*]] = memref.alloc() {{.*}} : memref<1x1x4x4xi32>
// CHECK-NOT: memref.copy
// CHECK: bitnn.conv_2d ins({{.*}}) outs(%[[Y]] : memref<1x1x4x4xi32>) strides = [2, 1] dilations = [1, 2] encoding = csd{{$}}
// CHECK: return %[[Y]], %[[I]]
func.func @init_is_needed(%x: tensor<1x1x9x8xi8>, %w: tensor<1x1x3x3xi8>, %init: tensor<1x1x4x4xi32>) -> (tensor<1x1x4x4xi32>, tensor<1x1x4x4xi32>) {
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x9x8xi8>, tensor<1x1x3x3xi8>) outs(%init : tensor<1x1x4x4xi32>)
      strides = [2, 1] dilations = [1, 2] encoding = csd -> tensor<1x1x4x4xi32>
  return %y, %init : tensor<1x1x4x4xi32>, tensor<1x1x4x4xi32>
}

// -----

// The input is read while the init is written: they never share a buffer.
// CHECK-LABEL: func.func @no_aliasing(
// CHECK: %[[Y:.*]] = memref.alloc() {{.*}} : memref<2x2xi8>
// CHECK: bitnn.matmul ins(%[[X:.*]], %{{.*}} : {{.*}}) outs(%[[Y]] : memref<2x2xi8>)
// CHECK: return %[[Y]]
func.func @no_aliasing(%x: tensor<2x2xi8>, %w: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %y = bitnn.matmul ins(%x, %w : tensor<2x2xi8>, tensor<2x2xi8>) outs(%x : tensor<2x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    %q = arith.trunci %acc : i32 to i8
    bitnn.yield %q : i8
  } -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// -----

// The residual's buffer may take the result. The input's may not, although it
// is dead as well: a matmul reads all of its elements for each result.
// CHECK-LABEL: func.func @in_place(
// CHECK: %[[R:.*]] = memref.alloc()
// CHECK: linalg.fill {{.*}} outs(%[[R]]
// CHECK-NOT: memref.alloc
// CHECK-NOT: memref.copy
// CHECK: bitnn.matmul {{.*}} residual(%[[R]] : memref<1x2xi8>) outs(%[[R]] : memref<1x2xi8>)
func.func @in_place(%x: tensor<1x2xi8>, %w: tensor<2x2xi8>, %v: i8) -> tensor<1x2xi8> {
  %e = tensor.empty() : tensor<1x2xi8>
  %r = linalg.fill ins(%v : i8) outs(%e : tensor<1x2xi8>) -> tensor<1x2xi8>
  %y = bitnn.matmul ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) residual(%r : tensor<1x2xi8>)
      outs(%r : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index, %res: i8):
    %q = arith.trunci %acc : i32 to i8
    %s = arith.addi %q, %res : i8
    bitnn.yield %s : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

// CHECK-LABEL: func.func @input_is_residual(
// CHECK: %[[R:.*]] = memref.alloc()
// CHECK: linalg.fill {{.*}} outs(%[[R]]
// CHECK: %[[Y:.*]] = memref.alloc()
// CHECK: bitnn.matmul ins(%[[R]], {{.*}} residual(%[[R]] : memref<1x2xi8>) outs(%[[Y]] : memref<1x2xi8>)
func.func @input_is_residual(%w: tensor<2x2xi8>, %v: i8) -> tensor<1x2xi8> {
  %e = tensor.empty() : tensor<1x2xi8>
  %r = linalg.fill ins(%v : i8) outs(%e : tensor<1x2xi8>) -> tensor<1x2xi8>
  %y = bitnn.matmul ins(%r, %w : tensor<1x2xi8>, tensor<2x2xi8>) residual(%r : tensor<1x2xi8>)
      outs(%r : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index, %res: i8):
    %q = arith.trunci %acc : i32 to i8
    %s = arith.addi %q, %res : i8
    bitnn.yield %s : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}
