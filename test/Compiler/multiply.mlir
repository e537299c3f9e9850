// RUN: bitnn-opt %s --bitnn-to-kernels --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=NEVER
// RUN: bitnn-opt %s --bitnn-to-kernels=multiply=requantize --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=REQUANTIZE
// RUN: bitnn-opt %s --bitnn-to-kernels=multiply=layers --split-input-file | FileCheck %s --check-prefix=LAYERS

// A requantize is additions and shifts, unless it may be a multiplication.

// NEVER-LABEL: func.func private @l0_fc.b0.epilogue(
// NEVER-NOT: mul
// NEVER: memref.store %{{.*}} : memref<4xi8,
// NEVER-LABEL: func.func @net(
// REQUANTIZE-LABEL: func.func private @l0_fc.b0.epilogue(
// REQUANTIZE: {{arith.mul.*}} : i{{32|64}}
// REQUANTIZE: memref.store %{{.*}} : memref<4xi8,
// LAYERS-LABEL: func.func @net(
#same = affine_map<(n, f) -> (n, f)>
func.func @net(%x: tensor<1x4xi8>) -> tensor<1x4xi8> {
  %w = arith.constant dense<1> : tensor<4x4xi8>
  %e = tensor.empty() : tensor<1x4xi32>
  %c0 = arith.constant 0 : i32
  %z = linalg.fill ins(%c0 : i32) outs(%e : tensor<1x4xi32>) -> tensor<1x4xi32>
  %acc = linalg.matmul ins(%x, %w : tensor<1x4xi8>, tensor<4x4xi8>) outs(%z : tensor<1x4xi32>) -> tensor<1x4xi32> loc("fc")
  %e8 = tensor.empty() : tensor<1x4xi8>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x4xi32>) outs(%e8 : tensor<1x4xi8>) {
  ^bb0(%a: i32, %out: i8):
    %f = linalg.index 1 : index
    %q = bitnn.requantize %a[%f] : i32 -> i8 using #bitnn.float_scale<
        dense<[0.01, 0.02, 0.05, 0.3]> : tensor<4xf32>, zero_point = 3, range = [-128, 127]>
    linalg.yield %q : i8
  } -> tensor<1x4xi8>
  return %y : tensor<1x4xi8>
}

// -----

// A product of two variables has no digits; it is no requantize either.

// LAYERS-LABEL: func.func @variable(
// LAYERS: arith.muli {{.*}} : i32
func.func @variable(%x: tensor<1x3xi8>, %y: tensor<3x2xi8>) -> tensor<1x2xi32> {
  %c0 = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x2xi32>
  %zeros = linalg.fill ins(%c0 : i32) outs(%e : tensor<1x2xi32>) -> tensor<1x2xi32>
  // expected-error@+1 {{'linalg.matmul' op multiplies or divides; write it as shifts and additions, or allow it with --multiply=layers}}
  %z = linalg.matmul ins(%x, %y : tensor<1x3xi8>, tensor<3x2xi8>) outs(%zeros : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %z : tensor<1x2xi32>
}
