// A product of two variables has no digits. It is refused, unless multiplying
// is allowed.

// RUN: not bitnn-opt %s --bitnn-to-kernels 2>&1 | FileCheck %s
// RUN: bitnn-opt %s --bitnn-to-kernels=multiply=layers | FileCheck %s --check-prefix=LAYERS

// CHECK: error: 'arith.muli' op multiplies or divides; write it as shifts and additions, or allow it with --multiply=layers
// LAYERS: arith.muli {{.*}} : i32

func.func @net(%x: tensor<1x3xi8>, %y: tensor<3x2xi8>) -> tensor<1x2xi32> {
  %c0 = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x2xi32>
  %zeros = linalg.fill ins(%c0 : i32) outs(%e : tensor<1x2xi32>) -> tensor<1x2xi32>
  %z = linalg.matmul ins(%x, %y : tensor<1x3xi8>, tensor<3x2xi8>) outs(%zeros : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %z : tensor<1x2xi32>
}
