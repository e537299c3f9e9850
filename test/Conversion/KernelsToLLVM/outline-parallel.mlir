// RUN: bitnn-opt %s --bitnn-outline-parallel=entry=net_run --split-input-file --verify-diagnostics | FileCheck %s
// RUN: bitnn-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(bitnn-outline-parallel{entry=net_run},convert-kernels-to-llvm,reconcile-unrealized-casts)' | FileCheck %s --check-prefix=LLVM --implicit-check-not=unrealized_conversion_cast

// The body gets the buffers through a struct on the stack; views and constants
// are repeated in it. The loop of a null pointer runs the bodies in order.

// CHECK-LABEL: func.func private @net_run.in_any_order(
// CHECK-SAME: %[[PARALLEL:.*]]: !llvm.ptr, %[[COUNT:.*]]: i32, %[[BODY:.*]]: !llvm.ptr, %[[ARGUMENT:.*]]: !llvm.ptr)
// CHECK: scf.if
// CHECK: scf.for
// CHECK: llvm.call %[[BODY]](%[[ARGUMENT]], %{{.*}}) : !llvm.ptr, (!llvm.ptr, i32) -> ()
// CHECK: } else {
// CHECK: llvm.call %{{.*}}(%{{.*}}, %[[COUNT]], %[[BODY]], %[[ARGUMENT]])

// CHECK-LABEL: func.func private @net_run.parallel0(
// CHECK-SAME: %{{.*}}: !llvm.ptr, %[[INDEX:.*]]: i32)
// CHECK: llvm.load {{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK: memref.view %{{.*}}
// CHECK: %[[I:.*]] = arith.index_cast %[[INDEX]] : i32 to index
// CHECK: scf.index_switch %[[I]]
// CHECK: func.call @piece(

// CHECK-LABEL: func.func @net_run(
// CHECK-SAME: %{{.*}}: memref<8xi8>, %{{.*}}: memref<64xi8>, %[[LAST:.*]]: !llvm.ptr)
// CHECK: llvm.alloca
// CHECK: llvm.store
// CHECK: %[[TWO:.*]] = arith.constant 2 : i32
// CHECK: call @net_run.in_any_order(%[[LAST]], %[[TWO]],
// CHECK-NOT: scf.parallel

// LLVM-LABEL: llvm.func @net_run.parallel0(
// LLVM: llvm.call @piece(
// LLVM-LABEL: llvm.func @net_run(
// LLVM: llvm.mlir.addressof @net_run.parallel0
func.func private @piece(%x: memref<8xi8>, %y: memref<16xi8>, %at: index) {
  return
}
func.func @net_run(%x: memref<8xi8>, %scratch: memref<64xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %y = memref.view %scratch[%c32][] : memref<64xi8> to memref<16xi8>
  scf.parallel (%i) = (%c0) to (%c2) step (%c1) {
    scf.index_switch %i
    case 0 {
      func.call @piece(%x, %y, %c0) : (memref<8xi8>, memref<16xi8>, index) -> ()
      scf.yield
    }
    default {
      func.call @piece(%x, %y, %c1) : (memref<8xi8>, memref<16xi8>, index) -> ()
      scf.yield
    }
    scf.reduce
  }
  return
}

// -----

// A network without such loops takes the argument, too.

// CHECK-LABEL: func.func @net_run(
// CHECK-SAME: memref<8xi8>, %{{.*}}: !llvm.ptr)
// LLVM-LABEL: llvm.func @net_run(
func.func @net_run(%x: memref<8xi8>) {
  return
}

// -----

func.func private @use(%i: index)
func.func @net_run(%x: memref<8xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  // expected-error @+1 {{is no single loop from 0 to a constant}}
  scf.parallel (%i) = (%c1) to (%c8) step (%c1) {
    func.call @use(%i) : (index) -> ()
    scf.reduce
  }
  return
}
