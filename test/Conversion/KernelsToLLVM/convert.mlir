// RUN: bitnn-opt %s --convert-kernels-to-llvm | FileCheck %s --check-prefixes=CHECK,WIDE --implicit-check-not=unrealized_conversion_cast
// RUN: bitnn-opt %s --convert-kernels-to-llvm=index-bitwidth=32 | FileCheck %s --check-prefixes=CHECK,NARROW --implicit-check-not=unrealized_conversion_cast

// Buffers are bare pointers; loops, vectors and constants go in one conversion.

// CHECK-LABEL: llvm.func @sums(
// WIDE-SAME: %{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: i64, %{{.*}}: !llvm.ptr) attributes {sym_visibility = "private"}
// NARROW-SAME: %{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: i32, %{{.*}}: !llvm.ptr) attributes {sym_visibility = "private"}
// CHECK: llvm.cond_br
// CHECK: llvm.load {{.*}} : !llvm.ptr -> vector<8xi16>
// CHECK: llvm.add {{.*}} : vector<8xi16>
// CHECK: llvm.store {{.*}} : vector<8xi16>, !llvm.ptr
func.func private @sums(%x: memref<64xi16> {llvm.noalias}, %at: index, %y: memref<64xi16>) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %from = memref.reinterpret_cast %x to offset: [%at], sizes: [64], strides: [1]
      : memref<64xi16> to memref<64xi16, strided<[1], offset: ?>>
  scf.for %i = %c0 to %c64 step %c8 {
    %a = vector.load %from[%i] : memref<64xi16, strided<[1], offset: ?>>, vector<8xi16>
    %b = vector.load %y[%i] : memref<64xi16>, vector<8xi16>
    %s = arith.addi %a, %b : vector<8xi16>
    vector.store %s, %y[%i] : memref<64xi16>, vector<8xi16>
  }
  return
}

// What upstream takes apart first: a view of a view, a vector of two
// dimensions, a slice of a vector.

// CHECK-LABEL: llvm.func @others(
// CHECK: llvm.shufflevector
// CHECK: llvm.return
func.func @others(%x: memref<4x8xi16>, %y: memref<4xi16>) {
  %c0 = arith.constant 0 : index
  %row = memref.subview %x[1, 2] [2, 4] [1, 1]
      : memref<4x8xi16> to memref<2x4xi16, strided<[8, 1], offset: 10>>
  %v = vector.load %row[%c0, %c0] : memref<2x4xi16, strided<[8, 1], offset: 10>>, vector<4xi16>
  %m = vector.broadcast %v : vector<4xi16> to vector<2x4xi16>
  %n = arith.addi %m, %m : vector<2x4xi16>
  %e = vector.extract %n[1] : vector<4xi16> from vector<2x4xi16>
  %h = vector.extract_strided_slice %e {offsets = [2], sizes = [2], strides = [1]}
      : vector<4xi16> to vector<2xi16>
  vector.store %h, %y[%c0] : memref<4xi16>, vector<2xi16>
  return
}

// CHECK-LABEL: llvm.func @network(
// CHECK-SAME: %[[X:.*]]: !llvm.ptr
// CHECK: llvm.call @sums(
// CHECK: llvm.return
func.func @network(%x: memref<64xi16>, %scratch: memref<256xi8>) {
  %c128 = arith.constant 128 : index
  %y = memref.view %scratch[%c128][] : memref<256xi8> to memref<64xi16>
  call @sums(%x, %c128, %y) : (memref<64xi16>, index, memref<64xi16>) -> ()
  return
}

// Alone in its function, too.

// CHECK-LABEL: llvm.func @affine(
// CHECK: llvm.add
// CHECK-NOT: affine
// CHECK: llvm.return
func.func @affine(%x: memref<64xi16>, %i: index, %v: i16) {
  %j = affine.apply affine_map<(d0) -> (d0 + 3)>(%i)
  memref.store %v, %x[%j] : memref<64xi16>
  return
}
