// Two layers; the names of their nodes are locations.
func.func @net(%x: tensor<1x3xi8> {bitnn.name = "image", bitnn.tensor = "image_q", bitnn.scale = 0.5 : f32,
                                   bitnn.zero_point = 131 : i32, bitnn.unsigned, bitnn.float,
                                   bitnn.caller = ["Transpose"]})
    -> (tensor<1x2xi32> {bitnn.name = "int"}, tensor<1x1xi32> {bitnn.name = "Evil */ \\ ??/ name"}) {
  %w0 = arith.constant dense<[[1, 2], [3, -4], [115, 6]]> : tensor<3x2xi8>
  %b0 = arith.constant dense<[[7, 8]]> : tensor<1x2xi32>
  %y0 = linalg.matmul ins(%x, %w0 : tensor<1x3xi8>, tensor<3x2xi8>) outs(%b0 : tensor<1x2xi32>) -> tensor<1x2xi32> loc("fc1")
  %w1 = arith.constant dense<[[1], [2], [1]]> : tensor<3x1xi8>
  %b1 = arith.constant dense<[[-9]]> : tensor<1x1xi32>
  %y1 = linalg.matmul ins(%x, %w1 : tensor<1x3xi8>, tensor<3x1xi8>) outs(%b1 : tensor<1x1xi32>) -> tensor<1x1xi32> loc("fc2")
  return %y0, %y1 : tensor<1x2xi32>, tensor<1x1xi32>
}
