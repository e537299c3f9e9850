// RUN: bitnn-opt %s --bitnn-attach-target="triple=x86_64-unknown-linux-gnu cpu=x86-64-v3" --bitnn-select-schedule | FileCheck %s --check-prefixes=CHECK,LOOKUP
// RUN: bitnn-opt %s --bitnn-attach-target="triple=x86_64-unknown-linux-gnu cpu=x86-64" --bitnn-select-schedule | FileCheck %s --check-prefixes=CHECK,SCALAR

// Where a machine looks up sums, dense layers of one position are tables;
// sparse ones, and images whose pixels fill vectors, are straight-line code.

// CHECK: bitnn.layers = [
// LOOKUP-SAME: reason = "the fastest, by the cost model", schedule = "table"
// SCALAR-SAME: schedule = "straight-line"
// CHECK-SAME: digits = 64 : i64{{([^{}]|[{][^}]*[}])*}}schedule = "straight-line"
// CHECK-SAME: operator = "conv_2d"{{([^{}]|[{][^}]*[}])*}}schedule = "straight-line"
func.func @model(%x: tensor<1x64xi8>, %i: tensor<1x64xi32>, %k: tensor<1x1xi32>, %p: tensor<1x64x8x8xi8>, %j: tensor<1x64x8x8xi32>)
    -> (tensor<1x64xi32>, tensor<1x1xi32>, tensor<1x64x8x8xi32>) {
  %dense = arith.constant dense<85> : tensor<64x64xi8>
  %sparse = arith.constant dense<1> : tensor<1x64xi8>
  %conv = arith.constant dense<85> : tensor<64x64x1x1xi8>
  %0 = bitnn.matmul ins(%x, %dense : tensor<1x64xi8>, tensor<64x64xi8>) outs(%i : tensor<1x64xi32>) encoding = csd -> tensor<1x64xi32>
  %1 = bitnn.matmul ins(%x, %sparse : tensor<1x64xi8>, tensor<1x64xi8>) outs(%k : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  %2 = bitnn.conv_2d ins(%p, %conv : tensor<1x64x8x8xi8>, tensor<64x64x1x1xi8>) outs(%j : tensor<1x64x8x8xi32>) encoding = csd -> tensor<1x64x8x8xi32>
  return %0, %1, %2 : tensor<1x64xi32>, tensor<1x1xi32>, tensor<1x64x8x8xi32>
}
