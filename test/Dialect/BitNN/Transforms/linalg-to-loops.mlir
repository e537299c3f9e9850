// RUN: bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-linalg-to-loops,cse))" | FileCheck %s --implicit-check-not=muli --implicit-check-not=affine.apply

#same = affine_map<(i, j) -> (i, j)>

// Each buffer has one offset: the input's runs with steps 1 and 3, the
// output's with 2 and 1.
// CHECK-LABEL: @transpose
func.func @transpose(%x: memref<2x3xi8>, %y: memref<3x2xi8>) {
  // CHECK-DAG: %[[X:.*]] = memref.reinterpret_cast %arg0 to offset: [0], sizes: [6], strides: [1] : memref<2x3xi8> to memref<6xi8>
  // CHECK-DAG: %[[Y:.*]] = memref.reinterpret_cast %arg1 to offset: [0], sizes: [6], strides: [1] : memref<3x2xi8> to memref<6xi8>
  // CHECK: scf.for %{{.*}} = %c0 to %c3 step %c1 iter_args(%[[ROW:.*]] = %c0, %[[OUTROW:.*]] = %c0) -> (index, index) {
  // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[FROM:.*]] = %[[ROW]], %[[TO:.*]] = %[[OUTROW]]) -> (index, index) {
  // CHECK-NEXT: %[[V:.*]] = memref.load %[[X]][%[[FROM]]]
  // CHECK-NEXT: memref.store %[[V]], %[[Y]][%[[TO]]]
  // CHECK-NEXT: %[[F:.*]] = arith.addi %[[FROM]], %c3 : index
  // CHECK-NEXT: %[[T:.*]] = arith.addi %[[TO]], %c1 : index
  // CHECK-NEXT: scf.yield %[[F]], %[[T]]
  // CHECK: %[[R:.*]] = arith.addi %[[ROW]], %c1 : index
  // CHECK-NEXT: %[[O:.*]] = arith.addi %[[OUTROW]], %c2 : index
  // CHECK-NEXT: scf.yield %[[R]], %[[O]]
  // CHECK-NOT: linalg
  // CHECK: return
  linalg.transpose ins(%x : memref<2x3xi8>) outs(%y : memref<3x2xi8>) permutation = [1, 0]
  return
}

// An operand that a loop does not walk along stays where it is.
// CHECK-LABEL: @broadcast
func.func @broadcast(%b: memref<3xi32>, %y: memref<2x3x4xi32>) {
  // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[B0:.*]] = %c0, %[[Y0:.*]] = %c0)
  // CHECK: scf.for %{{.*}} = %c0 to %c3 step %c1 iter_args(%[[B1:.*]] = %[[B0]], %[[Y1:.*]] = %[[Y0]])
  // CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1 iter_args(%[[B2:.*]] = %[[B1]], %[[Y2:.*]] = %[[Y1]])
  // CHECK-NEXT: %[[V:.*]] = memref.load %{{.*}}[%[[B2]]] : memref<3xi32>
  // CHECK-NEXT: memref.store %[[V]], %{{.*}}[%[[Y2]]] : memref<24xi32>
  // CHECK-NEXT: %[[N:.*]] = arith.addi %[[Y2]], %c1
  // CHECK-NEXT: scf.yield %[[B2]], %[[N]]
  linalg.broadcast ins(%b : memref<3xi32>) outs(%y : memref<2x3x4xi32>) dimensions = [0, 2]
  return
}

// Contiguous in all buffers: three loops are one. The scalar is no buffer, and
// an output that is not read is not loaded.
// CHECK-LABEL: @fill
func.func @fill(%y: memref<2x3x4xi8>) {
  // CHECK: %[[V:.*]] = arith.constant 7 : i8
  %c = arith.constant 7 : i8
  // CHECK: scf.for %{{.*}} = %c0 to %c24 step %c1 iter_args(%[[AT:.*]] = %c0)
  // CHECK-NEXT: memref.store %[[V]], %{{.*}}[%[[AT]]] : memref<24xi8>
  // CHECK-NEXT: arith.addi %[[AT]], %c1
  // CHECK-NOT: scf.for
  // CHECK: return
  linalg.fill ins(%c : i8) outs(%y : memref<2x3x4xi8>)
  return
}

// A loop of one iteration is none.
// CHECK-LABEL: @one_element
// CHECK-NOT: scf.for
// CHECK: memref.store
// CHECK: return
func.func @one_element(%y: memref<1x1xi8>) {
  %c = arith.constant 7 : i8
  linalg.fill ins(%c : i8) outs(%y : memref<1x1xi8>)
  return
}

// CHECK-LABEL: @scalar
// CHECK-NOT: scf.for
// CHECK: %[[V:.*]] = memref.load %{{.*}}[%c0] : memref<1xi8>
// CHECK: memref.store %[[V]], %{{.*}}[%c0] : memref<1xi8>
func.func @scalar(%x: memref<i8>, %y: memref<i8>) {
  memref.copy %x, %y : memref<i8> to memref<i8>
  return
}

// The window of a pooling has a shape and no values. Batch, channels and rows
// are one loop, since the windows leave out no row; a row of the image is 4.
// What a window accumulates stays in a register.
// CHECK-LABEL: @pooling_max
// CHECK-SAME: %{{.*}}, %{{.*}}: memref<1x2x2x2xi8>, %[[W:.*]]: memref<2x2xi8>)
func.func @pooling_max(%x: memref<1x2x4x4xi8>, %y: memref<1x2x2x2xi8>, %w: memref<2x2xi8>) {
  // CHECK-NOT: %[[W]]
  // CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1 iter_args(%[[X1:.*]] = %c0, %[[Y1:.*]] = %c0)
  // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[X2:.*]] = %[[X1]], %[[Y2:.*]] = %[[Y1]])
  // CHECK-NEXT: %[[OLD:.*]] = memref.load %{{.*}}[%[[Y2]]] : memref<8xi8>
  // CHECK-NEXT: %[[ROWS:.*]]:2 = scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[X3:.*]] = %[[X2]], %[[M3:.*]] = %[[OLD]])
  // CHECK-NEXT: %[[COLUMNS:.*]]:2 = scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[X4:.*]] = %[[X3]], %[[M4:.*]] = %[[M3]])
  // CHECK-NEXT: %[[V:.*]] = memref.load %{{.*}}[%[[X4]]] : memref<32xi8>
  // CHECK-NEXT: %[[M:.*]] = arith.maxsi %[[M4]], %[[V]] : i8
  // CHECK-NEXT: %[[N4:.*]] = arith.addi %[[X4]], %c1
  // CHECK-NEXT: scf.yield %[[N4]], %[[M]]
  // CHECK: %[[N3:.*]] = arith.addi %[[X3]], %c4
  // CHECK: scf.yield %[[N3]], %[[COLUMNS]]#1
  // CHECK: memref.store %[[ROWS]]#1, %{{.*}}[%[[Y2]]] : memref<8xi8>
  // CHECK: arith.addi %[[X2]], %c2
  // CHECK: arith.addi %[[Y2]], %c1
  // CHECK: arith.addi %[[X1]], %c8
  // CHECK: arith.addi %[[Y1]], %c2
  linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>} ins(%x, %w : memref<1x2x4x4xi8>, memref<2x2xi8>) outs(%y : memref<1x2x2x2xi8>)
  return
}

// A sum over a whole image is one loop for it.
// CHECK-LABEL: @pooling_sum
func.func @pooling_sum(%x: memref<1x2x4x4xi8>, %y: memref<1x2x1x1xi32>, %w: memref<4x4xi8>) {
  // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
  // CHECK: %[[IMAGE:.*]]:2 = scf.for %{{.*}} = %c0 to %c16 step %c1 iter_args(%{{.*}}, %[[OLD:.*]] = %{{.*}})
  // CHECK: %[[WIDE:.*]] = arith.extsi %{{.*}} : i8 to i32
  // CHECK: %[[SUM:.*]] = arith.addi %[[OLD]], %[[WIDE]] : i32
  // CHECK: memref.store %[[IMAGE]]#1
  linalg.pooling_nchw_sum ins(%x, %w : memref<1x2x4x4xi8>, memref<4x4xi8>) outs(%y : memref<1x2x1x1xi32>)
  return
}

// Into the middle of an image: its offset is where the walk starts.
// CHECK-LABEL: @copy
func.func @copy(%x: memref<2x3xi8>, %y: memref<2x3xi8, strided<[8, 1], offset: 5>>) {
  // CHECK: %[[Y:.*]] = memref.reinterpret_cast %arg1 to offset: [0], sizes: [16], strides: [1]
  // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[X0:.*]] = %c0, %[[Y0:.*]] = %c5)
  // CHECK: scf.for %{{.*}} = %c0 to %c3 step %c1 iter_args(%[[X1:.*]] = %[[X0]], %[[Y1:.*]] = %[[Y0]])
  // CHECK: memref.store %{{.*}}, %[[Y]][%[[Y1]]] : memref<16xi8>
  // CHECK: arith.addi %[[X0]], %c3
  // CHECK: arith.addi %[[Y0]], %c8
  // CHECK-NOT: memref.copy
  // CHECK: return
  memref.copy %x, %y : memref<2x3xi8> to memref<2x3xi8, strided<[8, 1], offset: 5>>
  return
}

// CHECK-LABEL: @contiguous_copy
// CHECK: scf.for %{{.*}} = %c0 to %c6 step %c1
// CHECK-NOT: scf.for
// CHECK: return
func.func @contiguous_copy(%x: memref<2x3xi8>, %y: memref<2x3xi8>) {
  memref.copy %x, %y : memref<2x3xi8> to memref<2x3xi8>
  return
}

// Who asks for an index gets the loop's, so such loops are not merged.
// CHECK-LABEL: @index
func.func @index(%x: memref<2x3xi8>, %y: memref<2x3xi8>) {
  // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
  // CHECK: scf.for %[[J:.*]] = %c0 to %c3 step %c1
  // CHECK: %[[V:.*]] = arith.index_cast %[[J]] : index to i8
  // CHECK: %[[S:.*]] = arith.addi %{{.*}}, %[[V]] : i8
  // CHECK: memref.store %[[S]]
  linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<2x3xi8>) outs(%y : memref<2x3xi8>) {
  ^bb0(%in: i8, %out: i8):
    %j = linalg.index 1 : index
    %0 = arith.index_cast %j : index to i8
    %1 = arith.addi %in, %0 : i8
    linalg.yield %1 : i8
  }
  return
}

// The index of a loop of one iteration is 0.
// CHECK-LABEL: @index_of_one
// CHECK: arith.index_cast %c0 : index to i8
func.func @index_of_one(%y: memref<1x3xi8>) {
  linalg.generic {indexing_maps = [#same], iterator_types = ["parallel", "parallel"]} outs(%y : memref<1x3xi8>) {
  ^bb0(%out: i8):
    %i = linalg.index 0 : index
    %0 = arith.index_cast %i : index to i8
    linalg.yield %0 : i8
  }
  return
}

// Several results, one of which is a constant from outside; the same buffer
// twice walks twice; reversed and constant places.
// CHECK-LABEL: @two_results
func.func @two_results(%x: memref<2x3xi8>, %y: memref<3xi8>, %z: memref<3xi8>) {
  %c = arith.constant 5 : i8
  // CHECK: %[[FIVE:.*]] = arith.constant 5 : i8
  // CHECK: scf.for %{{.*}} = %c0 to %c3 step %c1 iter_args(%[[FIRST:.*]] = %c0, %[[SECOND:.*]] = %c5, %[[Y:.*]] = %c0, %[[Z:.*]] = %c0)
  // CHECK: %[[A:.*]] = memref.load %{{.*}}[%[[FIRST]]] : memref<6xi8>
  // CHECK: %[[B:.*]] = memref.load %{{.*}}[%[[SECOND]]] : memref<6xi8>
  // CHECK: %[[S:.*]] = arith.subi %[[A]], %[[B]] : i8
  // CHECK: memref.store %[[S]], %{{.*}}[%[[Y]]] : memref<3xi8>
  // CHECK: memref.store %[[FIVE]], %{{.*}}[%[[Z]]] : memref<3xi8>
  // CHECK: arith.addi %[[SECOND]], %c-1 : index
  linalg.generic {indexing_maps = [affine_map<(i) -> (0, i)>, affine_map<(i) -> (1, 2 - i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]} ins(%x, %x : memref<2x3xi8>, memref<2x3xi8>) outs(%y, %z : memref<3xi8>, memref<3xi8>) {
  ^bb0(%a: i8, %b: i8, %out0: i8, %out1: i8):
    %0 = arith.subi %a, %b : i8
    linalg.yield %0, %c : i8, i8
  }
  return
}

// Sums of products are there to be multiplied, by upstream's lowering; so are
// operations on tensors.
// CHECK-LABEL: @left_alone
// CHECK: linalg.matmul
// CHECK: linalg.conv_2d_nchw_fchw
// CHECK: linalg.fill {{.*}} tensor<3xi8>
func.func @left_alone(%a: memref<2x3xi8>, %b: memref<3x2xi8>, %c: memref<2x2xi32>, %x: memref<1x1x3x3xi8>, %w: memref<1x1x1x1xi8>, %y: memref<1x1x3x3xi32>, %t: tensor<3xi8>) -> tensor<3xi8> {
  linalg.matmul ins(%a, %b : memref<2x3xi8>, memref<3x2xi8>) outs(%c : memref<2x2xi32>)
  linalg.conv_2d_nchw_fchw ins(%x, %w : memref<1x1x3x3xi8>, memref<1x1x1x1xi8>) outs(%y : memref<1x1x3x3xi32>)
  %v = arith.constant 7 : i8
  %0 = linalg.fill ins(%v : i8) outs(%t : tensor<3xi8>) -> tensor<3xi8>
  return %0 : tensor<3xi8>
}
