// Weights that became code or digit tables are not in the object as well.
// RUN: bitnn-opt %s --bitnn-to-kernels=schedule=straight-line | FileCheck %s --implicit-check-not=memref.global
// RUN: bitnn-opt %s --bitnn-to-kernels=schedule=table | FileCheck %s --check-prefixes=CHECK,TABLE --implicit-check-not=memref.global
// RUN: bitnn-opt %s --bitnn-to-kernels=schedule=multiply | FileCheck %s --check-prefix=MULTIPLY

// TABLE: memref.global "private" constant @{{.*}}.counts
// TABLE: memref.global "private" constant @{{.*}}.offsets
// TABLE: memref.global "private" constant @{{.*}}.bias
// MULTIPLY: memref.global "private" constant @{{.*}} : memref<2x3xi8>
// CHECK: func.func @net
func.func @net(%x: tensor<1x3xi8>) -> tensor<1x2xi32> {
  %w = arith.constant dense<[[1, 5], [3, -4], [115, 6]]> : tensor<3x2xi8>
  %b = arith.constant dense<7> : tensor<1x2xi32>
  %y = linalg.matmul ins(%x, %w : tensor<1x3xi8>, tensor<3x2xi8>) outs(%b : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}
