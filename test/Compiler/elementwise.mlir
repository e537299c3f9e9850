// RUN: bitnn-opt %s --bitnn-to-kernels | FileCheck %s

// Scalar operations on whole tensors are loops over them.
// CHECK-LABEL: func.func @net(
// CHECK-NOT: tensor<
// CHECK: scf.for
// CHECK: arith.addi {{.*}} : i8
func.func @net(%x: tensor<1x4xi8>, %y: tensor<1x4xi8>) -> tensor<1x4xi8> {
  %z = arith.addi %x, %y : tensor<1x4xi8>
  return %z : tensor<1x4xi8>
}
