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

// A view keeps its buffer alive, and a use in a loop until the loop's end.
// CHECK-LABEL: func.func @views(
// CHECK-SAME: %[[S:.*]]: memref<{{.*}}xi8> {
// CHECK: memref.view %[[S]][%c0{{.*}}][] : memref<{{.*}}xi8> to memref<64xi8>
// CHECK: %[[C64:.*]] = arith.constant 64 : index
// CHECK-NEXT: memref.view %[[S]][%[[C64]]][] : memref<{{.*}}xi8> to memref<64xi8>
// CHECK: %[[C128:.*]] = arith.constant 128 : index
// CHECK-NEXT: memref.view %[[S]][%[[C128]]][] : memref<{{.*}}xi8> to memref<64xi8>
// An allocation in the loop lives as long as the loop.
// CHECK: scf.for
// CHECK: %[[C192:.*]] = arith.constant 192 : index
// CHECK-NEXT: memref.view %[[S]][%[[C192]]][] : memref<{{.*}}xi8> to memref<64xi8>
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

// The largest is placed first, each at the lowest offset that is free during
// its life: %late fits the gap that %early leaves below %last.
// CHECK-LABEL: func.func @gap(
// NOSLACK-SAME: memref<448xi8>
// CHECK: memref.view %{{.*}}[%c0{{.*}}][] : memref<{{.*}}xi8> to memref<256xi8>
// CHECK: memref.view %{{.*}}[%c256{{.*}}][] : memref<{{.*}}xi8> to memref<128xi8>
// CHECK: memref.view %{{.*}}[%c384{{.*}}][] : memref<{{.*}}xi8> to memref<64xi8>
// CHECK: memref.view %{{.*}}[%c256{{.*}}][] : memref<{{.*}}xi8> to memref<32xi8>
func.func @gap() {
  %c0 = arith.constant 0 : index
  %v = arith.constant 1 : i8
  %whole = memref.alloc() : memref<256xi8>
  %early = memref.alloc() : memref<128xi8>
  %last = memref.alloc() : memref<64xi8>
  memref.store %v, %early[%c0] : memref<128xi8>
  %late = memref.alloc() : memref<32xi8>
  memref.store %v, %late[%c0] : memref<32xi8>
  memref.store %v, %last[%c0] : memref<64xi8>
  memref.store %v, %whole[%c0] : memref<256xi8>
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
