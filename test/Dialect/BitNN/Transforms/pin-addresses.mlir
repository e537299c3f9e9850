// RUN: bitnn-opt %s --bitnn-pin-addresses | FileCheck %s

// An address that four accesses share is computed once.

// CHECK-LABEL: llvm.func @shared(
// CHECK: %[[SUM:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, i16
// CHECK-NEXT: %[[P:.*]] = llvm.inline_asm "", "=r,0" %[[SUM]] : (!llvm.ptr) -> !llvm.ptr
// CHECK: llvm.getelementptr %[[P]][1]
// CHECK: llvm.getelementptr %[[P]][%{{.*}}]
// CHECK: llvm.load %[[P]]
// CHECK: llvm.store %{{.*}}, %[[P]]
llvm.func @shared(%base: !llvm.ptr, %i: i64) {
  %two = llvm.mlir.constant(2 : i64) : i64
  %p = llvm.getelementptr %base[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i16
  %p1 = llvm.getelementptr %p[1] : (!llvm.ptr) -> !llvm.ptr, i16
  %p2 = llvm.getelementptr %p[%two] : (!llvm.ptr, i64) -> !llvm.ptr, i16
  %x0 = llvm.load %p : !llvm.ptr -> i16
  %x1 = llvm.load %p1 : !llvm.ptr -> i16
  %x2 = llvm.load %p2 : !llvm.ptr -> i16
  %a = llvm.add %x0, %x1 : i16
  %b = llvm.add %a, %x2 : i16
  llvm.store %b, %p : i16, !llvm.ptr
  llvm.return
}

// Fewer accesses, and distances that are not known, stay as they are.

// CHECK-LABEL: llvm.func @others(
// CHECK-NOT: llvm.inline_asm
// CHECK: llvm.return
llvm.func @others(%base: !llvm.ptr, %i: i64, %j: i64) -> i16 {
  %p = llvm.getelementptr %base[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i16
  %x = llvm.load %p : !llvm.ptr -> i16
  llvm.store %x, %p : i16, !llvm.ptr
  %q = llvm.getelementptr %base[%j] : (!llvm.ptr, i64) -> !llvm.ptr, i16
  %q1 = llvm.getelementptr %q[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i16
  llvm.store %x, %q : i16, !llvm.ptr
  llvm.store %x, %q1 : i16, !llvm.ptr
  llvm.store %x, %q : i16, !llvm.ptr
  llvm.store %x, %q : i16, !llvm.ptr
  llvm.return %x : i16
}
