// RUN: bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-layers-to-loops,canonicalize,cse))" | FileCheck %s

// CHECK-DAG: #[[CHANNEL_MAP:.*]] = affine_map<(d0, d1) -> (d1 + (d0 floordiv 2) * 3)>
// CHECK-DAG: #[[ROW_MAP:.*]] = affine_map<(d0, d1) -> (d0 * 2 + d1 * 3)>
// CHECK-DAG: #[[COLUMN_MAP:.*]] = affine_map<(d0, d1) -> (d0 + d1)>

// The definition: loops over results, and inside over the sum, from the bias.

// CHECK-LABEL: @matmul
// CHECK-SAME: (%[[X:.*]]: memref<2x3xi8>, %[[W:.*]]: memref<4x3xi8>, %[[B:.*]]: memref<4xi32>, %[[R:.*]]: memref<2x4xi8>, %[[Y:.*]]: memref<2x4xi32>)
func.func @matmul(%x: memref<2x3xi8>, %w: memref<4x3xi8>, %b: memref<4xi32>, %r: memref<2x4xi8>, %y: memref<2x4xi32>) {
  // CHECK: scf.for %[[M:.*]] = %c0 to %c2 step %c1 {
  // CHECK-NEXT: scf.for %[[N:.*]] = %c0 to %c4 step %c1 {
  // CHECK-NEXT: %[[BIAS:.*]] = memref.load %[[B]][%[[N]]]
  // CHECK-NEXT: %[[ACC:.*]] = scf.for %[[K:.*]] = %c0 to %c3 step %c1 iter_args(%[[SUM:.*]] = %[[BIAS]]) -> (i32) {
  // CHECK-DAG: %[[X8:.*]] = memref.load %[[X]][%[[M]], %[[K]]]
  // CHECK-DAG: %[[X32:.*]] = arith.extsi %[[X8]] : i8 to i32
  // CHECK-DAG: %[[W8:.*]] = memref.load %[[W]][%[[N]], %[[K]]]
  // CHECK-DAG: %[[W32:.*]] = arith.extsi %[[W8]] : i8 to i32
  // CHECK: %[[P:.*]] = arith.muli %[[X32]], %[[W32]] : i32
  // CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[SUM]], %[[P]] : i32
  // CHECK-NEXT: scf.yield %[[NEXT]]
  // CHECK: %[[RES:.*]] = memref.load %[[R]][%[[M]], %[[N]]]
  // CHECK: %[[C:.*]] = arith.index_cast %[[N]] : index to i32
  // CHECK-NEXT: %[[WIDE:.*]] = arith.extsi %[[RES]] : i8 to i32
  // CHECK-NEXT: %[[T:.*]] = arith.addi %[[ACC]], %[[C]]
  // CHECK-NEXT: %[[S:.*]] = arith.subi %[[T]], %[[WIDE]]
  // CHECK-NEXT: memref.store %[[S]], %[[Y]][%[[M]], %[[N]]]
  // CHECK-NOT: bitnn
  // CHECK: return
  bitnn.matmul ins(%x, %w, %b : memref<2x3xi8>, memref<4x3xi8>, memref<4xi32>) residual(%r : memref<2x4xi8>)
      outs(%y : memref<2x4xi32>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index, %residual: i8):
    %c = arith.index_cast %channel : index to i32
    %wide = arith.extsi %residual : i8 to i32
    %0 = arith.addi %acc, %c : i32
    %1 = arith.subi %0, %wide : i32
    bitnn.yield %1 : i32
  }
  return
}

// Output f belongs to group f / 2, so its channels are f / 2 * 3 + c; rows are
// 2 y + 3 i, columns x + j.
// CHECK-LABEL: @conv_2d
// CHECK-SAME: (%[[X:.*]]: memref<1x6x8x5xi8>, %[[W:.*]]: memref<4x3x2x2xi8>, %[[Y:.*]]: memref<1x4x3x4xi32>)
func.func @conv_2d(%x: memref<1x6x8x5xi8>, %w: memref<4x3x2x2xi8>, %y: memref<1x4x3x4xi32>) {
  // CHECK: scf.for %[[F:.*]] = %c0 to %c4 step %c1
  // CHECK: scf.for %[[OY:.*]] = %c0 to %c3 step %c1
  // CHECK: scf.for %[[OX:.*]] = %c0 to %c4 step %c1
  // CHECK: scf.for %[[C:.*]] = %c0 to %c3 step %c1 iter_args(%{{.*}} = %c0_i32)
  // CHECK: scf.for %[[I:.*]] = %c0 to %c2 step %c1
  // CHECK: scf.for %[[J:.*]] = %c0 to %c2 step %c1
  // CHECK-DAG: %[[CHANNEL:.*]] = affine.apply #[[CHANNEL_MAP]](%[[F]], %[[C]])
  // CHECK-DAG: %[[ROW:.*]] = affine.apply #[[ROW_MAP]](%[[OY]], %[[I]])
  // CHECK-DAG: %[[COLUMN:.*]] = affine.apply #[[COLUMN_MAP]](%[[OX]], %[[J]])
  // CHECK-DAG: memref.load %[[X]][%c0, %[[CHANNEL]], %[[ROW]], %[[COLUMN]]]
  // CHECK-DAG: memref.load %[[W]][%[[F]], %[[C]], %[[I]], %[[J]]]
  // CHECK: memref.store %{{.*}}, %[[Y]][%c0, %[[F]], %[[OY]], %[[OX]]]
  bitnn.conv_2d ins(%x, %w : memref<1x6x8x5xi8>, memref<4x3x2x2xi8>) outs(%y : memref<1x4x3x4xi32>)
      strides = [2, 1] dilations = [3, 1] groups = 2 encoding = csd
  return
}
