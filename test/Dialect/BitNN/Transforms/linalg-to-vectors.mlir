// RUN: bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-linalg-to-loops,canonicalize,cse))" | FileCheck %s --implicit-check-not="linalg."

// 16 lanes of 16 bits.
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {

// Bytes into the interior of a padded image of 16 bits: a row of 37 is two whole
// vectors and a smaller one that ends with it, and may store some pixels again.
// Two rows are six bodies, enough for a loop.
// CHECK-LABEL: @widen
func.func @widen(%x: memref<64x37xi8>, %y: memref<64x37xi16, strided<[39, 1], offset: 1>>) {
  // CHECK: scf.for %{{.*}} = %c0 to %c64 step %c2 iter_args(%[[X0:.*]] = %c0, %[[Y0:.*]] = %c1)
  // CHECK-NEXT: %[[V:.*]] = vector.load %{{.*}}[%[[X0]]] : memref<2368xi8>, vector<16xi8>
  // CHECK-NEXT: %[[W:.*]] = arith.extsi %[[V]] : vector<16xi8> to vector<16xi16>
  // CHECK-NEXT: vector.store %[[W]], %{{.*}}[%[[Y0]]] : memref<2495xi16>, vector<16xi16>
  // CHECK: %[[X1:.*]] = arith.addi %[[X0]], %c16
  // CHECK: vector.load %{{.*}}[%[[X1]]] : memref<2368xi8>, vector<16xi8>
  // CHECK: vector.store %{{.*}} : memref<2495xi16>, vector<16xi16>
  // CHECK: %[[X2:.*]] = arith.addi %[[X0]], %c29
  // CHECK: vector.load %{{.*}}[%[[X2]]] : memref<2368xi8>, vector<8xi8>
  // CHECK: vector.store %{{.*}} : memref<2495xi16>, vector<8xi16>
  // CHECK: %[[X4:.*]] = arith.addi %[[X0]], %c37
  // CHECK: vector.load %{{.*}}[%[[X4]]] : memref<2368xi8>, vector<16xi8>
  // CHECK: arith.addi %[[X0]], %c74
  // CHECK-NEXT: arith.addi %[[Y0]], %c78
  // CHECK-NEXT: scf.yield
  // CHECK-NOT: scf.for
  // CHECK: return
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<64x37xi8>) outs(%y : memref<64x37xi16, strided<[39, 1], offset: 1>>) {
  ^bb0(%in: i8, %out: i16):
    %0 = arith.extsi %in : i8 to i16
    linalg.yield %0 : i16
  }
  return
}

// Where all values are bytes, vectors have twice the lanes. Few need no loop;
// what a loop of eight leaves comes after it.
// CHECK-LABEL: @fill
func.func @fill(%y: memref<2x3x20xi8>, %z: memref<280xi16>) {
  // CHECK-NOT: scf.for
  // CHECK: vector.store %[[SEVENS:.*]], %{{.*}}[%c0] : memref<120xi8>, vector<32xi8>
  // CHECK-NEXT: vector.store %[[SEVENS]], %{{.*}}[%c32] : memref<120xi8>, vector<32xi8>
  // CHECK-NEXT: vector.store %[[SEVENS]], %{{.*}}[%c64] : memref<120xi8>, vector<32xi8>
  // CHECK-NEXT: vector.store %[[SEVENS]], %{{.*}}[%c88] : memref<120xi8>, vector<32xi8>
  // CHECK-NEXT: scf.for %{{.*}} = %c0 to %c256 step %c128 iter_args(%[[AT:.*]] = %c0)
  // CHECK-NEXT: vector.store %{{.*}}[%[[AT]]] : memref<280xi16>, vector<16xi16>
  // CHECK-COUNT-7: vector.store %{{.*}} : memref<280xi16>, vector<16xi16>
  // CHECK-NEXT: arith.addi %[[AT]], %c128
  // CHECK-NEXT: scf.yield
  // CHECK: vector.store %{{.*}}[%c256] : memref<280xi16>, vector<16xi16>
  // CHECK-NEXT: vector.store %{{.*}}[%c272] : memref<280xi16>, vector<8xi16>
  // CHECK-NEXT: return
  %c = arith.constant 7 : i8
  %d = arith.constant 7 : i16
  linalg.fill ins(%c : i8) outs(%y : memref<2x3x20xi8>)
  linalg.fill ins(%d : i16) outs(%z : memref<280xi16>)
  return
}

// A scalar that is known only when the code runs.
// CHECK-LABEL: @fill_argument
// CHECK-SAME: %{{.*}}: memref<16xi16>, %[[V:.*]]: i16)
func.func @fill_argument(%y: memref<16xi16>, %v: i16) {
  // CHECK: %[[S:.*]] = vector.broadcast %[[V]] : i16 to vector<16xi16>
  // CHECK-NEXT: vector.store %[[S]], %{{.*}}[%c0]
  linalg.fill ins(%v : i16) outs(%y : memref<16xi16>)
  return
}

// CHECK-LABEL: @copy
func.func @copy(%x: memref<2x8xi16>, %y: memref<2x8xi16, strided<[10, 1], offset: 11>>) {
  // CHECK: %[[V:.*]] = vector.load %{{.*}}[%c0] : memref<16xi16>, vector<8xi16>
  // CHECK-NEXT: vector.store %[[V]], %{{.*}}[%c11] : memref<29xi16>, vector<8xi16>
  // CHECK-NEXT: %[[W:.*]] = vector.load %{{.*}}[%c8] : memref<16xi16>, vector<8xi16>
  // CHECK-NEXT: vector.store %[[W]], %{{.*}}[%c21] : memref<29xi16>, vector<8xi16>
  memref.copy %x, %y : memref<2x8xi16> to memref<2x8xi16, strided<[10, 1], offset: 11>>
  return
}

// One value for each row: a scalar, and then in every lane. What an output is
// before is read only if it is used.
// CHECK-LABEL: @rows
func.func @rows(%x: memref<4x16xi16>, %row: memref<4xi16>, %y: memref<4x16xi16>) {
  // CHECK: %[[OLD:.*]] = vector.load %{{.*}} : memref<64xi16>, vector<16xi16>
  // CHECK-NEXT: %[[V:.*]] = vector.load %{{.*}} : memref<64xi16>, vector<16xi16>
  // CHECK-NEXT: %[[ROW:.*]] = memref.load %{{.*}} : memref<4xi16>
  // CHECK: %[[NEXT:.*]] = arith.addi %[[ROW]], %c5{{.*}} : i16
  // CHECK-NEXT: %[[S:.*]] = vector.broadcast %[[NEXT]] : i16 to vector<16xi16>
  // CHECK-NEXT: %[[A:.*]] = arith.addi %[[V]], %[[S]] : vector<16xi16>
  // CHECK-NEXT: %[[B:.*]] = arith.addi %[[A]], %[[OLD]] : vector<16xi16>
  // CHECK-NEXT: vector.store %[[B]]
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %row : memref<4x16xi16>, memref<4xi16>) outs(%y : memref<4x16xi16>) {
  ^bb0(%in: i16, %shift: i16, %out: i16):
    %c = arith.constant 5 : i16
    %0 = arith.addi %shift, %c : i16
    %1 = arith.addi %in, %0 : i16
    %2 = arith.addi %1, %out : i16
    linalg.yield %2 : i16
  }
  return
}

// The index of a row is a scalar; the index of a column cannot be in lanes.
// CHECK-LABEL: @index
func.func @index(%y: memref<64x16xi16>, %z: memref<4x16xi16>) {
  // CHECK: scf.for %[[I:.*]] = %c0 to %c64 step %c8
  // CHECK: %[[V:.*]] = arith.index_cast %[[I]] : index to i16
  // CHECK: %[[S:.*]] = vector.broadcast %[[V]] : i16 to vector<16xi16>
  // CHECK: vector.store %[[S]]
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%y : memref<64x16xi16>) {
  ^bb0(%out: i16):
    %i = linalg.index 0 : index
    %0 = arith.index_cast %i : index to i16
    linalg.yield %0 : i16
  }
  // CHECK: scf.for %[[J:.*]] = %c0 to %c16 step %c1
  // CHECK: arith.index_cast %[[J]] : index to i16
  // CHECK-NOT: vector
  // CHECK: return
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%z : memref<4x16xi16>) {
  ^bb0(%out: i16):
    %j = linalg.index 1 : index
    %0 = arith.index_cast %j : index to i16
    linalg.yield %0 : i16
  }
  return
}

// Which function is applied differs between the lanes: one by one.
// CHECK-LABEL: @functions
// CHECK-NOT: vector
// CHECK: return
func.func @functions(%x: memref<16xi32>, %which: memref<16xi8>, %y: memref<16xi8>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x, %which : memref<16xi32>, memref<16xi8>) outs(%y : memref<16xi8>) {
  ^bb0(%in: i32, %function: i8, %out: i8):
    %0 = arith.index_castui %function : i8 to index
    %1 = bitnn.requantize %in[%0] : i32 -> i8 using #bitnn.float_scale<
        dense<[1.0, 2.0]> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>
    linalg.yield %1 : i8
  }
  return
}

// Not elementwise: one by one.
// CHECK-LABEL: @loads
// CHECK-NOT: vector
// CHECK: return
func.func @loads(%x: memref<16xi8>, %table: memref<256xi8>, %y: memref<16xi8>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<16xi8>) outs(%y : memref<16xi8>) {
  ^bb0(%in: i8, %out: i8):
    %0 = arith.index_castui %in : i8 to index
    %1 = memref.load %table[%0] : memref<256xi8>
    linalg.yield %1 : i8
  }
  return
}

// The loop whose iterations are neighbours in the output goes inside; of its
// input it uses every third element: of three vectors, the last of which ends
// with the last element.
// CHECK-LABEL: @transpose
func.func @transpose(%x: memref<1x16x3xi8>, %y: memref<1x3x16xi8>) {
  // CHECK: %[[A:.*]] = vector.load %{{.*}}[%c0] : memref<48xi8>, vector<16xi8>
  // CHECK-NEXT: %[[B:.*]] = vector.load %{{.*}}[%c16] : memref<48xi8>, vector<16xi8>
  // CHECK-NEXT: %[[AB:.*]] = vector.shuffle %[[A]], %[[B]] [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 11, 12, 13, 14, 15] : vector<16xi8>, vector<16xi8>
  // CHECK-NEXT: %[[C:.*]] = vector.load %{{.*}}[%c30] : memref<48xi8>, vector<16xi8>
  // CHECK-NEXT: %[[ABC:.*]] = vector.shuffle %[[AB]], %[[C]] [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 19, 22, 25, 28, 31] : vector<16xi8>, vector<16xi8>
  // CHECK-NEXT: vector.store %[[ABC]], %{{.*}}[%c0] : memref<48xi8>, vector<16xi8>
  // CHECK-NEXT: vector.load %{{.*}}[%c1] : memref<48xi8>, vector<16xi8>
  // CHECK: vector.store %{{.*}}[%c32] : memref<48xi8>, vector<16xi8>
  // CHECK-NEXT: return
  linalg.transpose ins(%x : memref<1x16x3xi8>) outs(%y : memref<1x3x16xi8>) permutation = [0, 2, 1]
  return
}

// Every second byte is one half of 16 bits, the upper one where the buffer ends:
// nothing behind it is read.
// CHECK-LABEL: @phases
func.func @phases(%x: memref<1x1x4x32xi8>, %y: memref<1x1x2x16xi16>, %z: memref<1x1x2x16xi16>) {
  // CHECK: %[[BYTES:.*]] = vector.load %{{.*}}[%c0] : memref<{{.*}}xi8>, vector<32xi8>
  // CHECK-NEXT: %[[PAIRS:.*]] = vector.bitcast %[[BYTES]] : vector<32xi8> to vector<16xi16>
  // CHECK-NEXT: %[[LOWER:.*]] = arith.trunci %[[PAIRS]] : vector<16xi16> to vector<16xi8>
  // CHECK-NEXT: arith.extsi %[[LOWER]] : vector<16xi8> to vector<16xi16>
  %even = memref.subview %x[0, 0, 0, 0] [1, 1, 2, 16] [1, 1, 2, 2] : memref<1x1x4x32xi8> to memref<1x1x2x16xi8, strided<[128, 128, 64, 2]>>
  linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%even : memref<1x1x2x16xi8, strided<[128, 128, 64, 2]>>) outs(%y : memref<1x1x2x16xi16>) {
  ^bb0(%in: i8, %out: i16):
    %0 = arith.extsi %in : i8 to i16
    linalg.yield %0 : i16
  }
  // CHECK: vector.load %{{.*}}[%c32] : memref<{{.*}}xi8>, vector<32xi8>
  // CHECK-NEXT: %[[PAIRS:.*]] = vector.bitcast
  // CHECK: %[[UPPER:.*]] = arith.shrui %[[PAIRS]], %{{.*}} : vector<16xi16>
  // CHECK-NEXT: arith.trunci %[[UPPER]]
  %odd = memref.subview %x[0, 0, 1, 1] [1, 1, 2, 16] [1, 1, 2, 2] : memref<1x1x4x32xi8> to memref<1x1x2x16xi8, strided<[128, 128, 64, 2], offset: 33>>
  linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%odd : memref<1x1x2x16xi8, strided<[128, 128, 64, 2], offset: 33>>) outs(%z : memref<1x1x2x16xi16>) {
  ^bb0(%in: i8, %out: i16):
    %0 = arith.extsi %in : i8 to i16
    linalg.yield %0 : i16
  }
  return
}

// Every second column, at neighbouring windows; the windows inside, without loops.
// CHECK-LABEL: @pooling_max
func.func @pooling_max(%x: memref<1x2x4x32xi8>, %y: memref<1x2x2x16xi8>, %w: memref<2x2xi8>) {
  // CHECK: scf.for %{{.*}} = %c0 to %c4 step %c2 iter_args(%[[X0:.*]] = %c0, %[[Y0:.*]] = %c0)
  // CHECK-NEXT: %[[OLD:.*]] = vector.load %{{.*}}[%[[Y0]]] : memref<64xi8>, vector<16xi8>
  // CHECK-NEXT: %[[A:.*]] = vector.load %{{.*}}[%[[X0]]]
  // CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[X0]], %c15
  // CHECK-NEXT: %[[B:.*]] = vector.load %{{.*}}[%[[NEXT]]]
  // CHECK-NEXT: %[[V:.*]] = vector.shuffle %[[A]], %[[B]] [0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31]
  // CHECK-NEXT: %[[M1:.*]] = arith.maxsi %[[OLD]], %[[V]] : vector<16xi8>
  // CHECK: %[[M2:.*]] = arith.maxsi %[[M1]], %{{.*}} : vector<16xi8>
  // CHECK: arith.addi %[[X0]], %c32
  // CHECK: %[[M3:.*]] = arith.maxsi %[[M2]], %{{.*}} : vector<16xi8>
  // CHECK: %[[M4:.*]] = arith.maxsi %[[M3]], %{{.*}} : vector<16xi8>
  // CHECK: vector.store %[[M4]], %{{.*}}[%[[Y0]]]
  // CHECK: vector.store
  linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>} ins(%x, %w : memref<1x2x4x32xi8>, memref<2x2xi8>) outs(%y : memref<1x2x2x16xi8>)
  return
}

// A sum over a whole image of 49: three vectors are added up, their lanes in
// the end, and the last pixel alone.
// CHECK-LABEL: @pooling_sum
func.func @pooling_sum(%x: memref<1x2x7x7xi8>, %y: memref<1x2x1x1xi32>, %w: memref<7x7xi8>) {
  // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[X0:.*]] = %c0, %[[Y0:.*]] = %c0)
  // CHECK-NEXT: %[[OLD:.*]] = memref.load %{{.*}}[%[[Y0]]] : memref<2xi32>
  // CHECK: %[[SUMS:.*]]:2 = scf.for %{{.*}} = %c0 to %c48 step %c16 iter_args(%[[X1:.*]] = %[[X0]], %[[SUM:.*]] = %cst)
  // CHECK-NEXT: %[[V:.*]] = vector.load %{{.*}}[%[[X1]]] : memref<98xi8>, vector<16xi8>
  // CHECK-NEXT: %[[W:.*]] = arith.extsi %[[V]] : vector<16xi8> to vector<16xi32>
  // CHECK-NEXT: arith.addi %[[SUM]], %[[W]] : vector<16xi32>
  // CHECK: %[[LAST:.*]] = arith.addi %[[X0]], %c48
  // CHECK: memref.load %{{.*}}[%[[LAST]]] : memref<98xi8>
  // CHECK: %[[JOINED:.*]] = vector.reduction <add>, %[[SUMS]]#1, %[[OLD]] : vector<16xi32> into i32
  // CHECK: %[[ALL:.*]] = arith.addi %{{.*}}, %[[JOINED]] : i32
  // CHECK: memref.store %[[ALL]], %{{.*}}[%[[Y0]]]
  linalg.pooling_nchw_sum ins(%x, %w : memref<1x2x7x7xi8>, memref<7x7xi8>) outs(%y : memref<1x2x1x1xi32>)
  return
}

// Neither output nor accumulation is contiguous.
// CHECK-LABEL: @strided
// CHECK-NOT: vector
// CHECK: return
func.func @strided(%x: memref<8xi8>, %y: memref<8xi8, strided<[2]>>) {
  memref.copy %x, %y : memref<8xi8> to memref<8xi8, strided<[2]>>
  return
}
}
