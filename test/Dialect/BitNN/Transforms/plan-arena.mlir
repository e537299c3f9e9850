// RUN: bitnn-opt %s --bitnn-plan-arena --split-input-file | FileCheck %s --check-prefixes=CHECK,DEFAULT
// RUN: bitnn-opt %s --bitnn-plan-arena="slack=0" --split-input-file | FileCheck %s --check-prefixes=CHECK,NOSLACK
// RUN: bitnn-opt %s --bitnn-plan-arena="alignment=16 slack=8" --split-input-file | FileCheck %s --check-prefixes=CHECK,SMALL

// %a and %c are never alive together, so they share; %b is alive with both.
// Sizes are rounded up to the alignment, and the slack is behind all of them.

// CHECK-LABEL: func.func @model(
// CHECK-SAME: %[[X:.*]]: memref<100xi8>, %[[Y:.*]]: memref<100xi8>,
// DEFAULT-SAME: %[[S:.*]]: memref<448xi8> {llvm.align = 64 : i64, llvm.noalias}) {
// NOSLACK-SAME: %[[S:.*]]: memref<192xi8> {llvm.align = 64 : i64, llvm.noalias}) {
// SMALL-SAME: %[[S:.*]]: memref<176xi8> {llvm.align = 16 : i64, llvm.noalias}) {
func.func @model(%x: memref<100xi8>, %y: memref<100xi8>) {
  // CHECK: %[[A0:.*]] = arith.constant 0 : index
  // CHECK-NEXT: %[[A:.*]] = memref.view %[[S]][%[[A0]]][] : memref<{{.*}}xi8> to memref<100xi8>
  %a = memref.alloc() : memref<100xi8>
  memref.copy %x, %a : memref<100xi8> to memref<100xi8>
  // DEFAULT: %[[B0:.*]] = arith.constant 128 : index
  // NOSLACK: %[[B0:.*]] = arith.constant 128 : index
  // SMALL: %[[B0:.*]] = arith.constant 112 : index
  // CHECK-NEXT: %[[B:.*]] = memref.view %[[S]][%[[B0]]][] : memref<{{.*}}xi8> to memref<25xi16>
  %b = memref.alloc() : memref<25xi16>
  %c0 = arith.constant 0 : index
  %v = memref.load %a[%c0] : memref<100xi8>
  %w = arith.extsi %v : i8 to i16
  memref.store %w, %b[%c0] : memref<25xi16>
  memref.store %v, %a[%c0] : memref<100xi8>
  memref.dealloc %a : memref<100xi8>
  // CHECK: arith.extsi
  // CHECK: %[[C0:.*]] = arith.constant 0 : index
  // CHECK-NEXT: %[[C:.*]] = memref.view %[[S]][%[[C0]]][] : memref<{{.*}}xi8> to memref<20xi32>
  %c = memref.alloc() : memref<20xi32>
  // CHECK: memref.load %[[B]]
  %u = memref.load %b[%c0] : memref<25xi16>
  %t = arith.extsi %u : i16 to i32
  // CHECK: memref.store %{{.*}}, %[[C]]
  memref.store %t, %c[%c0] : memref<20xi32>
  // CHECK-NOT: memref.dealloc
  // CHECK-NOT: memref.alloc
  // CHECK: return
  return
}

// -----

// A view is no use of its buffer, what uses the view is; a use in a loop is
// one until the loop's end. %a is first written when %b is read no more.
// CHECK-LABEL: func.func @views(
// CHECK-SAME: %[[S:.*]]: memref<{{.*}}xi8> {
// CHECK: memref.view %[[S]][%c0{{.*}}][] : memref<{{.*}}xi8> to memref<64xi8>
// CHECK: memref.view %[[S]][%c0{{.*}}][] : memref<{{.*}}xi8> to memref<64xi8>
// CHECK: memref.view %[[S]][%c64{{.*}}][] : memref<{{.*}}xi8> to memref<64xi8>
// An allocation in the loop lives as long as the loop.
// CHECK: scf.for
// CHECK: memref.view %[[S]][%c128{{.*}}][] : memref<{{.*}}xi8> to memref<64xi8>
func.func @views() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %a = memref.alloc() : memref<64xi8>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [8, 8], strides: [8, 1] : memref<64xi8> to memref<8x8xi8>
  %flat = memref.collapse_shape %view [[0, 1]] : memref<8x8xi8> into memref<64xi8>
  %b = memref.alloc() : memref<64xi8>
  %c = memref.alloc() : memref<64xi8>
  scf.for %i = %c0 to %c8 step %c1 {
    %d = memref.alloc() : memref<64xi8>
    memref.copy %b, %d : memref<64xi8> to memref<64xi8>
    memref.copy %d, %c : memref<64xi8> to memref<64xi8>
  }
  memref.copy %c, %flat : memref<64xi8> to memref<64xi8>
  return
}

// -----

// Largest first, %third would find no room between %second and %fourth, and the
// arena would have 576 bytes; a chain takes what is alive at once.
// CHECK: bitnn.arena = {buffers = [
// CHECK-SAME: {bytes = 256 : i64, first = 0 : i64, last = 1 : i64, offset = 0 : i64},
// CHECK-SAME: {bytes = 192 : i64, first = 1 : i64, last = 2 : i64, offset = 256 : i64},
// CHECK-SAME: {bytes = 128 : i64, first = 2 : i64, last = 3 : i64, offset = 0 : i64},
// CHECK-SAME: {bytes = 192 : i64, first = 3 : i64, last = 3 : i64, offset = 128 : i64}],
// CHECK-SAME: steps = ["a", "b", "c", "d"]
// CHECK-LABEL: func.func @chain(
// NOSLACK-SAME: memref<448xi8>
// CHECK: memref.view %{{.*}}[%c0{{.*}}][] : memref<{{.*}}xi8> to memref<256xi8>
// CHECK: memref.view %{{.*}}[%c256{{.*}}][] : memref<{{.*}}xi8> to memref<192xi8>
// CHECK: memref.view %{{.*}}[%c0{{.*}}][] : memref<{{.*}}xi8> to memref<128xi8>
// CHECK: memref.view %{{.*}}[%c128{{.*}}][] : memref<{{.*}}xi8> to memref<192xi8>
func.func private @a(memref<256xi8>)
func.func private @b(memref<256xi8>, memref<192xi8>)
func.func private @c(memref<192xi8>, memref<128xi8>)
func.func private @d(memref<128xi8>, memref<192xi8>)
func.func @chain() {
  %first = memref.alloc() : memref<256xi8>
  %second = memref.alloc() : memref<192xi8>
  %third = memref.alloc() : memref<128xi8>
  %fourth = memref.alloc() : memref<192xi8>
  call @a(%first) : (memref<256xi8>) -> () loc("a")
  call @b(%first, %second) : (memref<256xi8>, memref<192xi8>) -> () loc("b")
  call @c(%second, %third) : (memref<192xi8>, memref<128xi8>) -> () loc("c")
  call @d(%third, %fourth) : (memref<128xi8>, memref<192xi8>) -> () loc("d")
  return
}

// -----

// Only the entry has an arena; without buffers it is empty.
// CHECK-LABEL: func.func private @kernel(
// CHECK-SAME: memref<8xi8>) {
// CHECK-LABEL: func.func @entry(
// CHECK-SAME: memref<8xi8>, %{{.*}}: memref<0xi8> {llvm.align = {{.*}} : i64, llvm.noalias}) {
func.func private @kernel(%x: memref<8xi8>) {
  return
}
func.func @entry(%x: memref<8xi8>) {
  call @kernel(%x) : (memref<8xi8>) -> ()
  return
}
