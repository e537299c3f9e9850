// RUN: bitnn-opt %s --convert-linalg-to-bitnn | FileCheck %s --check-prefixes=CHECK,CSD
// RUN: bitnn-opt %s --convert-linalg-to-bitnn=encoding=binary | FileCheck %s --check-prefixes=CHECK,BINARY

// The same bytes at every run.
// RUN: bitnn-opt %s --convert-linalg-to-bitnn -o %t.1
// RUN: bitnn-opt %s --convert-linalg-to-bitnn -o %t.2
// RUN: cmp %t.1 %t.2

// CHECK-LABEL: @conv_2d_nchw_fchw
func.func @conv_2d_nchw_fchw(%x: tensor<2x1x7x7xi8>) -> tensor<2x2x3x2xi32> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[}}[{{\[}}[1, -2], [3, 4]]], [{{\[}}[5, 6], [7, -128]]]]> : tensor<2x1x2x2xi8>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<[-5, 1000]> : tensor<2xi32>
  %w = arith.constant dense<[[[[1, -2], [3, 4]]], [[[5, 6], [7, -128]]]]> : tensor<2x1x2x2xi8>
  %b = arith.constant dense<[-5, 1000]> : tensor<2xi32>
  %e = tensor.empty() : tensor<2x2x3x2xi32>
  %bias = linalg.broadcast ins(%b : tensor<2xi32>) outs(%e : tensor<2x2x3x2xi32>) dimensions = [0, 2, 3]
  // CHECK: %[[Y:.*]] = bitnn.conv_2d ins(%arg0, %[[W]], %[[B]] : tensor<2x1x7x7xi8>, tensor<2x1x2x2xi8>, tensor<2xi32>)
  // CHECK-SAME: outs(%{{.*}} : tensor<2x2x3x2xi32>) strides = [2, 3] dilations = [2, 1]
  // CSD-SAME: encoding = csd
  // BINARY-SAME: encoding = binary
  // CHECK-NEXT: return %[[Y]]
  %y = linalg.conv_2d_nchw_fchw {strides = dense<[2, 3]> : tensor<2xi64>, dilations = dense<[2, 1]> : tensor<2xi64>}
      ins(%x, %w : tensor<2x1x7x7xi8>, tensor<2x1x2x2xi8>) outs(%bias : tensor<2x2x3x2xi32>) -> tensor<2x2x3x2xi32>
  return %y : tensor<2x2x3x2xi32>
}

// The movement around a grouped convolution cancels.
// CHECK-LABEL: @grouped
func.func @grouped(%x: tensor<1x4x3x3xi8>) -> tensor<1x2x3x3xi32> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{.*}}1{{.*}}2{{.*}}, {{.*}}3{{.*}}4{{.*}}> : tensor<2x2x1x1xi8>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<[7, 8]> : tensor<2xi32>
  %w = arith.constant dense<[[[[[1]], [[2]]]], [[[[3]], [[4]]]]]> : tensor<2x1x2x1x1xi8>
  %b = arith.constant dense<[7, 8]> : tensor<2xi32>
  %e = tensor.empty() : tensor<1x2x3x3xi32>
  %bias = linalg.broadcast ins(%b : tensor<2xi32>) outs(%e : tensor<1x2x3x3xi32>) dimensions = [0, 2, 3]
  %init = tensor.expand_shape %bias [[0], [1, 2], [3], [4]] output_shape [1, 2, 1, 3, 3]
      : tensor<1x2x3x3xi32> into tensor<1x2x1x3x3xi32>
  %xg = tensor.expand_shape %x [[0], [1, 2], [3], [4]] output_shape [1, 2, 2, 3, 3]
      : tensor<1x4x3x3xi8> into tensor<1x2x2x3x3xi8>
  // CHECK: %[[Y:.*]] = bitnn.conv_2d ins(%arg0, %[[W]], %[[B]] : tensor<1x4x3x3xi8>, tensor<2x2x1x1xi8>, tensor<2xi32>)
  // CHECK-SAME: groups = 2
  // CHECK-NEXT: return %[[Y]]
  %yg = linalg.conv_2d_ngchw_gfchw ins(%xg, %w : tensor<1x2x2x3x3xi8>, tensor<2x1x2x1x1xi8>)
      outs(%init : tensor<1x2x1x3x3xi32>) -> tensor<1x2x1x3x3xi32>
  %y = tensor.collapse_shape %yg [[0], [1, 2], [3], [4]] : tensor<1x2x1x3x3xi32> into tensor<1x2x3x3xi32>
  return %y : tensor<1x2x3x3xi32>
}

// CHECK-LABEL: @depthwise
func.func @depthwise(%x: tensor<1x2x3x3xi8>) -> tensor<1x2x2x2xi32> {
  %w = arith.constant dense<[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]> : tensor<2x2x2xi8>
  %c0 = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x2x2x2xi32>
  %zero = linalg.fill ins(%c0 : i32) outs(%e : tensor<1x2x2x2xi32>) -> tensor<1x2x2x2xi32>
  // CHECK: bitnn.conv_2d ins(%arg0, %{{.*}} : tensor<1x2x3x3xi8>, tensor<2x1x2x2xi8>)
  // CHECK-SAME: outs({{.*}}) groups = 2
  %y = linalg.depthwise_conv_2d_nchw_chw ins(%x, %w : tensor<1x2x3x3xi8>, tensor<2x2x2xi8>)
      outs(%zero : tensor<1x2x2x2xi32>) -> tensor<1x2x2x2xi32>
  return %y : tensor<1x2x2x2xi32>
}

// Channel-last: the image is transposed, the weights are transposed here and
// now, and the zero points go into weights and bias: 10 - 3 * ((1+1) + (2+1)).
// CHECK-LABEL: @conv_2d_nhwc_hwcf_q
func.func @conv_2d_nhwc_hwcf_q(%x: tensor<1x4x5x2xi8>) -> tensor<1x4x5x3xi32> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[}}[{{\[}}[2]], {{\[}}[3]]], {{\[}}[{{\[}}1]], {{\[}}[0]]], {{\[}}[{{\[}}128]], {{\[}}[6]]]]> : tensor<3x2x1x1xi16>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<[-5, 7, -392]> : tensor<3xi32>
  %w = arith.constant dense<[[[[1, 0, 127], [2, -1, 5]]]]> : tensor<1x1x2x3xi8>
  %zx = arith.constant 3 : i32
  %zw = arith.constant -1 : i32
  %init = arith.constant dense<10> : tensor<1x4x5x3xi32>
  // CHECK: %[[X:.*]] = linalg.transpose ins(%arg0 : tensor<1x4x5x2xi8>) outs(%{{.*}} : tensor<1x2x4x5xi8>) permutation = [0, 3, 1, 2]
  // CHECK: %[[Y:.*]] = bitnn.conv_2d ins(%[[X]], %[[W]], %[[B]] :
  // CHECK: linalg.transpose ins(%[[Y]] : tensor<1x3x4x5xi32>) outs(%{{.*}} : tensor<1x4x5x3xi32>) permutation = [0, 2, 3, 1]
  %y = linalg.conv_2d_nhwc_hwcf_q ins(%x, %w, %zx, %zw : tensor<1x4x5x2xi8>, tensor<1x1x2x3xi8>, i32, i32)
      outs(%init : tensor<1x4x5x3xi32>) -> tensor<1x4x5x3xi32>
  return %y : tensor<1x4x5x3xi32>
}

// CHECK-LABEL: @conv_2d_nhwc_fhwc
func.func @conv_2d_nhwc_fhwc(%x: tensor<1x4x5x2xi8>, %init: tensor<1x4x5x3xi32>) -> tensor<1x4x5x3xi32> {
  // CHECK: arith.constant dense<{{\[}}[{{\[}}[1]], {{\[}}[2]]], {{\[}}[{{\[}}3]], {{\[}}[4]]], {{\[}}[{{\[}}5]], {{\[}}[6]]]]> : tensor<3x2x1x1xi4>
  %w = arith.constant dense<[[[[1, 2]]], [[[3, 4]]], [[[5, 6]]]]> : tensor<3x1x1x2xi4>
  // An init that is no bias is added afterwards.
  // CHECK: bitnn.conv_2d ins(%{{.*}}, %{{.*}} : tensor<1x2x4x5xi8>, tensor<3x2x1x1xi4>)
  // CHECK: %[[Y:.*]] = linalg.transpose
  // CHECK: linalg.add ins(%[[Y]], %arg1 :
  %y = linalg.conv_2d_nhwc_fhwc ins(%x, %w : tensor<1x4x5x2xi8>, tensor<3x1x1x2xi4>)
      outs(%init : tensor<1x4x5x3xi32>) -> tensor<1x4x5x3xi32>
  return %y : tensor<1x4x5x3xi32>
}

// The channel multiplier becomes part of the outputs; what TOSA's lowering
// puts after it cancels.
// CHECK-LABEL: @depthwise_nhwc_hwcm_q
func.func @depthwise_nhwc_hwcm_q(%x: tensor<1x3x3x2xi8>) -> tensor<1x2x2x4xi32> {
  // CHECK: arith.constant dense<{{\[}}[{{\[}}[0, 4], [8, 12]]], {{\[}}[{{\[}}1, 5], [9, 13]]], {{\[}}[{{\[}}2, 6], [10, 14]]], {{\[}}[{{\[}}3, 7], [11, 15]]]]> : tensor<4x1x2x2xi8>
  %w = arith.constant dense<[[[[0, 1], [2, 3]], [[4, 5], [6, 7]]], [[[8, 9], [10, 11]], [[12, 13], [14, 15]]]]> : tensor<2x2x2x2xi8>
  %c0 = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x2x2x2x2xi32>
  %zero = linalg.fill ins(%c0 : i32) outs(%e : tensor<1x2x2x2x2xi32>) -> tensor<1x2x2x2x2xi32>
  // CHECK: %[[Y:.*]] = bitnn.conv_2d {{.*}} groups = 2
  // CHECK-NOT: shape
  // CHECK: linalg.transpose ins(%[[Y]] : tensor<1x4x2x2xi32>) outs(%{{.*}} : tensor<1x2x2x4xi32>) permutation = [0, 2, 3, 1]
  %y5 = linalg.depthwise_conv_2d_nhwc_hwcm_q ins(%x, %w, %c0, %c0 : tensor<1x3x3x2xi8>, tensor<2x2x2x2xi8>, i32, i32)
      outs(%zero : tensor<1x2x2x2x2xi32>) -> tensor<1x2x2x2x2xi32>
  %y = tensor.collapse_shape %y5 [[0], [1], [2], [3, 4]] : tensor<1x2x2x2x2xi32> into tensor<1x2x2x4xi32>
  return %y : tensor<1x2x2x4xi32>
}

// CHECK-LABEL: @matmul
func.func @matmul(%x: tensor<2x3xi8>) -> tensor<2x2xi32> {
  // CHECK-DAG: arith.constant dense<{{\[}}[1, 3, 5], [2, 4, 6]]> : tensor<2x3xi8>
  // CHECK-DAG: arith.constant dense<[7, 8]> : tensor<2xi32>
  %w = arith.constant dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xi8>
  %init = arith.constant dense<[[7, 8], [7, 8]]> : tensor<2x2xi32>
  // CHECK: bitnn.matmul ins(%arg0, %{{.*}}, %{{.*}} : tensor<2x3xi8>, tensor<2x3xi8>, tensor<2xi32>)
  // CSD-SAME: encoding = csd
  // BINARY-SAME: encoding = binary
  %y = linalg.matmul ins(%x, %w : tensor<2x3xi8>, tensor<3x2xi8>) outs(%init : tensor<2x2xi32>) -> tensor<2x2xi32>
  return %y : tensor<2x2xi32>
}

// Weights behind a transpose and on the left-hand side.
// CHECK-LABEL: @matmul_transposed
func.func @matmul_transposed(%x: tensor<3x2xi8>) -> tensor<4x2xi32> {
  // CHECK: arith.constant dense<{{\[}}[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]> : tensor<4x3xi8>
  %w = arith.constant dense<[[1, 4, 7, 10], [2, 5, 8, 11], [3, 6, 9, 12]]> : tensor<3x4xi8>
  %ew = tensor.empty() : tensor<4x3xi8>
  %wt = linalg.transpose ins(%w : tensor<3x4xi8>) outs(%ew : tensor<4x3xi8>) permutation = [1, 0]
  %c0 = arith.constant 0 : i32
  %e = tensor.empty() : tensor<4x2xi32>
  %zero = linalg.fill ins(%c0 : i32) outs(%e : tensor<4x2xi32>) -> tensor<4x2xi32>
  // CHECK: %[[X:.*]] = linalg.transpose ins(%arg0 : tensor<3x2xi8>) outs(%{{.*}} : tensor<2x3xi8>) permutation = [1, 0]
  // CHECK: %[[Y:.*]] = bitnn.matmul ins(%[[X]], %{{.*}} : tensor<2x3xi8>, tensor<4x3xi8>)
  // CHECK: linalg.transpose ins(%[[Y]] : tensor<2x4xi32>)
  %y = linalg.matmul ins(%wt, %x : tensor<4x3xi8>, tensor<3x2xi8>) outs(%zero : tensor<4x2xi32>) -> tensor<4x2xi32>
  return %y : tensor<4x2xi32>
}

// CHECK-LABEL: @quantized_matmul
func.func @quantized_matmul(%x: tensor<1x2xi8>) -> tensor<1x1xi32> {
  // CHECK-DAG: arith.constant dense<{{\[}}[1, 3]]> : tensor<1x2xi8>
  // CHECK-DAG: arith.constant dense<-20> : tensor<1xi32>
  %w = arith.constant dense<[[2], [4]]> : tensor<2x1xi8>
  %zx = arith.constant 5 : i32
  %zw = arith.constant 1 : i32
  %c0 = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x1xi32>
  %zero = linalg.fill ins(%c0 : i32) outs(%e : tensor<1x1xi32>) -> tensor<1x1xi32>
  // CHECK: bitnn.matmul
  %y = linalg.quantized_matmul ins(%x, %w, %zx, %zw : tensor<1x2xi8>, tensor<2x1xi8>, i32, i32)
      outs(%zero : tensor<1x1xi32>) -> tensor<1x1xi32>
  return %y : tensor<1x1xi32>
}

// A generic in a layout that no named operation has, with a generic broadcast.
// Its windows do not reach the last column.
#x = affine_map<(n, y, x, f, i, j, c) -> (c, y + 2 * i, 2 * x + j, n)>
#w = affine_map<(n, y, x, f, i, j, c) -> (i, c, j, f)>
#y = affine_map<(n, y, x, f, i, j, c) -> (n, y, x, f)>
// CHECK-LABEL: @generic
func.func @generic(%x: tensor<2x5x5x1xi8>) -> tensor<1x3x2x2xi32> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[}}[{{\[}}[1], [5]], {{\[}}[3], [7]]], {{\[}}[{{\[}}2], [6]], {{\[}}[4], [8]]]]> : tensor<2x2x2x1xi8>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<[1, 2]> : tensor<2xi32>
  %w = arith.constant dense<[[[[1, 2]], [[3, 4]]], [[[5, 6]], [[7, 8]]]]> : tensor<2x2x1x2xi8>
  %b = arith.constant dense<[1, 2]> : tensor<2xi32>
  %e = tensor.empty() : tensor<1x3x2x2xi32>
  %bias = linalg.generic {indexing_maps = [affine_map<(n, y, x, f) -> (f)>, affine_map<(n, y, x, f) -> (n, y, x, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%b : tensor<2xi32>) outs(%e : tensor<1x3x2x2xi32>) {
  ^bb0(%in: i32, %out: i32):
    linalg.yield %in : i32
  } -> tensor<1x3x2x2xi32>
  // CHECK: %[[X:.*]] = linalg.transpose ins(%arg0 : {{.*}} permutation = [3, 0, 1, 2]
  // CHECK: %[[S:.*]] = tensor.extract_slice %[[X]][0, 0, 0, 0] [1, 2, 5, 3] [1, 1, 1, 1]
  // CHECK: bitnn.conv_2d ins(%[[S]], %[[W]], %[[B]] : {{.*}} strides = [1, 2] dilations = [2, 1]
  %y = linalg.generic {indexing_maps = [#x, #w, #y],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<2x5x5x1xi8>, tensor<2x2x1x2xi8>) outs(%bias : tensor<1x3x2x2xi32>) {
  ^bb0(%in: i8, %weight: i8, %out: i32):
    %0 = arith.extsi %weight : i8 to i32
    %1 = arith.extsi %in : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %2, %out : i32
    linalg.yield %3 : i32
  } -> tensor<1x3x2x2xi32>
  return %y : tensor<1x3x2x2xi32>
}

// CHECK-LABEL: @resource
func.func @resource(%x: tensor<1x2xi8>) -> tensor<1x2xi32> {
  // CHECK: arith.constant dense<{{\[}}[1, 3], [-2, -128]]> : tensor<2x2xi8>
  %w = arith.constant dense_resource<weights> : tensor<2x2xi8>
  %init = arith.constant dense<0> : tensor<1x2xi32>
  // CHECK: bitnn.matmul
  %y = linalg.matmul ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// Above 64 KB weights stay a resource.
// CHECK-LABEL: @large
func.func @large(%x: tensor<1x257xi8>) -> tensor<1x256xi32> {
  // CHECK: arith.constant dense_resource<weights{{.*}}> : tensor<256x257xi8>
  %w = arith.constant dense<1> : tensor<257x256xi8>
  %init = arith.constant dense<0> : tensor<1x256xi32>
  %y = linalg.matmul ins(%x, %w : tensor<1x257xi8>, tensor<257x256xi8>) outs(%init : tensor<1x256xi32>) -> tensor<1x256xi32>
  return %y : tensor<1x256xi32>
}

{-#
  dialect_resources: {
    builtin: {
      weights: "0x0100000001FE0380"
    }
  }
#-}
