// A layer whose table is smaller than its straight-line code: 85 has 4 digits.
func.func @net(%x: tensor<1x64xi8>) -> tensor<1x64xi32> {
  %w = arith.constant dense<85> : tensor<64x64xi8>
  %b = arith.constant dense<0> : tensor<1x64xi32>
  %y = linalg.matmul ins(%x, %w : tensor<1x64xi8>, tensor<64x64xi8>) outs(%b : tensor<1x64xi32>) -> tensor<1x64xi32> loc("fc")
  return %y : tensor<1x64xi32>
}
