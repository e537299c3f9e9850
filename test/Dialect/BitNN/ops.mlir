// RUN: bitnn-opt %s | bitnn-opt | FileCheck %s
// RUN: bitnn-opt %s --emit-bytecode | bitnn-opt | FileCheck %s
// RUN: bitnn-opt %s --mlir-print-op-generic | bitnn-opt | FileCheck %s

// CHECK: module attributes {
// CHECK-SAME: bitnn.layers = [{adds = 6 : i64, name = "fc"}, {}]
// CHECK-SAME: bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "+e,-m">}
module attributes {bitnn.layers = [{adds = 6 : i64, name = "fc"}, {}], bitnn.target = #bitnn.target<
    triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "+e,-m">} {

//===----------------------------------------------------------------------===//
// Structured operations
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @conv_2d
func.func @conv_2d(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %b: tensor<4xi32>,
                   %r: tensor<1x4x2x2xi8>, %init: tensor<1x4x2x2xi8>) -> tensor<1x4x2x2xi8> {
  // CHECK: %[[Y:.*]] = bitnn.conv_2d ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>, tensor<4xi32>)
  // CHECK-SAME: residual(%{{.*}} : tensor<1x4x2x2xi8>) outs(%{{.*}} : tensor<1x4x2x2xi8>)
  // CHECK-SAME: strides = [2, 2] encoding = csd input_range = [-128, 12] schedule = table epilogue {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: i32, %[[CHANNEL:.*]]: index, %[[RES:.*]]: i8):
  %y = bitnn.conv_2d ins(%x, %w, %b : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>, tensor<4xi32>)
      residual(%r : tensor<1x4x2x2xi8>) outs(%init : tensor<1x4x2x2xi8>)
      strides = [2, 2] encoding = csd input_range = [-128, 12] schedule = table epilogue {
  ^bb0(%acc: i32, %channel: index, %res: i8):
    // CHECK-NEXT: %[[Q:.*]] = bitnn.requantize %[[ACC]][%[[CHANNEL]]] : i32 -> i8 using #bitnn.float_scale<dense<[1.100000e-02, 2.000000e-02, 1.000000e-01, 5.000000e-01]> : tensor<4xf32>, zero_point = -3, range = [-128, 127]>
    %q = bitnn.requantize %acc[%channel] : i32 -> i8 using #bitnn.float_scale<
        dense<[0.011, 0.02, 0.1, 0.5]> : tensor<4xf32>, zero_point = -3, range = [-128, 127]>
    // CHECK-NEXT: %[[S:.*]] = bitnn.add %[[Q]], %[[RES]] : i8 using <lhs_scale = 5.000000e-01 : f32, lhs_zero_point = 3, rhs_scale = 2.500000e-01 : f32, rhs_zero_point = 0, scale = 0.699999988 : f32, zero_point = -1, range = [-128, 127]>
    %s = bitnn.add %q, %res : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
        rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1,
        range = [-128, 127]>
    // CHECK-NEXT: bitnn.yield %[[S]] : i8
    bitnn.yield %s : i8
  // CHECK-NEXT: } -> tensor<1x4x2x2xi8>
  } -> tensor<1x4x2x2xi8>
  // CHECK-NEXT: return %[[Y]]
  return %y : tensor<1x4x2x2xi8>
}

// Everything that may be left out is.
// CHECK-LABEL: @smallest_conv_2d
func.func @smallest_conv_2d(%x: tensor<1x2x6x6xi16>, %w: tensor<4x2x3x3xi2>, %init: tensor<1x4x4x4xi32>) -> tensor<1x4x4x4xi32> {
  // CHECK: bitnn.conv_2d ins(%{{.*}}, %{{.*}} : tensor<1x2x6x6xi16>, tensor<4x2x3x3xi2>) outs(%{{.*}} : tensor<1x4x4x4xi32>) encoding = csd -> tensor<1x4x4x4xi32>{{$}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xi16>, tensor<4x2x3x3xi2>)
      outs(%init : tensor<1x4x4x4xi32>) strides = [1, 1] dilations = [1, 1] groups = 1 encoding = csd -> tensor<1x4x4x4xi32>
  return %y : tensor<1x4x4x4xi32>
}

// CHECK-LABEL: @conv_2d_on_buffers
func.func @conv_2d_on_buffers(%x: memref<1x4x7x10xi8>, %w: memref<4x2x2x2xi16>, %b: memref<4xi32>,
                              %init: memref<1x4x3x4xi16, strided<[48, 12, 4, 1]>>) {
  // CHECK: bitnn.conv_2d ins(%{{.*}}, %{{.*}}, %{{.*}} : memref<1x4x7x10xi8>, memref<4x2x2x2xi16>, memref<4xi32>)
  // CHECK-SAME: outs(%{{.*}} : memref<1x4x3x4xi16, strided<[48, 12, 4, 1]>>)
  // CHECK-SAME: strides = [2, 2] dilations = [2, 2] groups = 2 encoding = binary input_range = [0, 0] schedule = multiply {bitnn.kernel = "l0_conv"} epilogue {
  bitnn.conv_2d ins(%x, %w, %b : memref<1x4x7x10xi8>, memref<4x2x2x2xi16>, memref<4xi32>)
      outs(%init : memref<1x4x3x4xi16, strided<[48, 12, 4, 1]>>) strides = [2, 2] dilations = [2, 2] groups = 2
      encoding = binary input_range = [0, 0] schedule = multiply {bitnn.kernel = "l0_conv"} epilogue {
  ^bb0(%acc: i32, %channel: index):
    %0 = arith.trunci %acc : i32 to i16
    bitnn.yield %0 : i16
  // CHECK: {{^ *}}}{{$}}
  }
  return
}

// CHECK-LABEL: @matmul
func.func @matmul(%x: memref<1x3xi8>, %w: memref<2x3xi4>, %init: memref<1x2xi32>) {
  // CHECK: bitnn.matmul ins(%{{.*}}, %{{.*}} : memref<1x3xi8>, memref<2x3xi4>) outs(%{{.*}} : memref<1x2xi32>) encoding = binary{{$}}
  bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<2x3xi4>)
      outs(%init : memref<1x2xi32>) encoding = binary
  return
}

// CHECK-LABEL: @matmul_with_everything
func.func @matmul_with_everything(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %b: tensor<2xi32>,
                                  %r: tensor<1x2xi16>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  // CHECK: bitnn.matmul ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>)
  // CHECK-SAME: residual(%{{.*}} : tensor<1x2xi16>) outs(%{{.*}} : tensor<1x2xi32>)
  // CHECK-SAME: encoding = csd input_range = [0, 127] schedule = straight_line {bitnn.kernel = "l1_fc"} epilogue {
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>)
      residual(%r : tensor<1x2xi16>) outs(%init : tensor<1x2xi32>)
      encoding = csd input_range = [0, 127] schedule = straight_line {bitnn.kernel = "l1_fc"} epilogue {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: i32, %{{.*}}: index, %{{.*}}: i16):
  ^bb0(%acc: i32, %channel: index, %res: i16):
    // CHECK-NEXT: bitnn.yield %[[ACC]] : i32
    bitnn.yield %acc : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @weights
func.func @weights() -> (tensor<2x2xi2>, tensor<2x2xi4>, tensor<1x2xi16>, tensor<2x2xi8>) {
  // CHECK-DAG: dense<{{\[}}[1, -2], [0, -1]]> : tensor<2x2xi2>
  %0 = arith.constant dense<[[1, -2], [0, -1]]> : tensor<2x2xi2>
  // CHECK-DAG: dense<{{\[}}[7, -8], [0, 3]]> : tensor<2x2xi4>
  %1 = arith.constant dense<[[7, -8], [0, 3]]> : tensor<2x2xi4>
  // CHECK-DAG: dense<{{\[}}[255, -256]]> : tensor<1x2xi16>
  %2 = arith.constant dense<[[255, -256]]> : tensor<1x2xi16>
  // CHECK-DAG: dense_resource<weights> : tensor<2x2xi8>
  %3 = arith.constant dense_resource<weights> : tensor<2x2xi8>
  return %0, %1, %2, %3 : tensor<2x2xi2>, tensor<2x2xi4>, tensor<1x2xi16>, tensor<2x2xi8>
}

//===----------------------------------------------------------------------===//
// Code blocks
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @adder_graph
func.func @adder_graph(%x0: vector<16xi16>, %x1: vector<16xi16>) -> vector<16xi16> {
  // CHECK: %[[Y:.*]] = bitnn.adder_graph(%{{.*}}, %{{.*}}) : vector<16xi16> -> 1 {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: vector<16xi16>, %[[B:.*]]: vector<16xi16>):
  %y = bitnn.adder_graph(%x0, %x1) : vector<16xi16> -> 1 {
  ^bb0(%a: vector<16xi16>, %b: vector<16xi16>):
    // CHECK-NEXT: %[[THREE:.*]] = arith.constant dense<3> : vector<16xi16>
    %three = arith.constant dense<3> : vector<16xi16>
    // CHECK-NEXT: %[[A8:.*]] = arith.shli %[[A]], %[[THREE]] : vector<16xi16>
    %0 = arith.shli %a, %three : vector<16xi16>
    // CHECK-NEXT: %[[A7:.*]] = arith.subi %[[A8]], %[[A]] : vector<16xi16>
    %1 = arith.subi %0, %a : vector<16xi16>
    // CHECK-NEXT: %[[S:.*]] = arith.subi %[[A7]], %[[B]] : vector<16xi16>
    %2 = arith.subi %1, %b : vector<16xi16>
    // CHECK-NEXT: bitnn.yield %[[S]] : vector<16xi16>
    bitnn.yield %2 : vector<16xi16>
  }
  // CHECK: return %[[Y]]
  return %y : vector<16xi16>
}

// CHECK-LABEL: @adder_graph_of_constants
func.func @adder_graph_of_constants() -> (i32, i32) {
  // CHECK: %[[Y:.*]]:2 = bitnn.adder_graph() {block = 3 : i64} : i32 -> 2 {
  %y:2 = bitnn.adder_graph() {block = 3} : i32 -> 2 {
    // CHECK-NEXT: %[[C:.*]] = arith.constant 5 : i32
    %c = arith.constant 5 : i32
    // CHECK-NEXT: bitnn.yield %[[C]], %[[C]] : i32, i32
    bitnn.yield %c, %c : i32, i32
  }
  // CHECK: return %[[Y]]#0, %[[Y]]#1
  return %y#0, %y#1 : i32, i32
}

//===----------------------------------------------------------------------===//
// Scalar operations
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @scalars
func.func @scalars(%acc: i32, %x: i8) -> (i8, i8, i4) {
  // CHECK: bitnn.requantize %{{.*}} : i32 -> i8 using #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>, shifts = dense<38> : tensor<1xi32>, zero_point = 4, range = [-128, 127]>{{$}}
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
      shifts = dense<38> : tensor<1xi32>, zero_point = 4, range = [-128, 127]>
  // CHECK: bitnn.lookup %{{.*}} : i8 in dense<7> : tensor<256xi8>
  %r = bitnn.lookup %x : i8 in dense<7> : tensor<256xi8>
  // CHECK: bitnn.requantize %{{.*}} : i32 -> i4 using #bitnn.fixed_scale<dense<5> : tensor<1xi32>, shifts = dense<2> : tensor<1xi32>, zero_point = 0, range = [-8, 7], double_round = true>
  %s = bitnn.requantize %acc : i32 -> i4 using #bitnn.fixed_scale<dense<5> : tensor<1xi32>,
      shifts = dense<2> : tensor<1xi32>, zero_point = 0, range = [-8, 7], double_round = true>
  return %q, %r, %s : i8, i8, i4
}

// Elementwise on vectors and tensors, which is how upstream vectorizes them.
// CHECK-LABEL: @vectors
func.func @vectors(%acc: vector<8xi32>, %channel: index, %x: tensor<4x4xi8>) -> (vector<8xi8>, tensor<4x4xi8>, tensor<4x4xi8>) {
  // CHECK: bitnn.requantize %{{.*}}[%{{.*}}] : vector<8xi32> -> vector<8xi8> using #bitnn.float_scale<dense<5.000000e-01> : tensor<2xf32>, zero_point = 0, range = [0, 127]>
  %q = bitnn.requantize %acc[%channel] : vector<8xi32> -> vector<8xi8> using #bitnn.float_scale<
      dense<0.5> : tensor<2xf32>, zero_point = 0, range = [0, 127]>
  // CHECK: bitnn.lookup %{{.*}} : tensor<4x4xi8> in dense<7> : tensor<256xi8>
  %r = bitnn.lookup %x : tensor<4x4xi8> in dense<7> : tensor<256xi8>
  // CHECK: bitnn.add %{{.*}}, %{{.*}} : tensor<4x4xi8> using <lhs_scale = 5.000000e-01 : f32, lhs_zero_point = -128, rhs_scale = 5.000000e-01 : f32, rhs_zero_point = 127, scale = 1.000000e+00 : f32, zero_point = 0, range = [-128, 127]>
  %s = bitnn.add %x, %r : tensor<4x4xi8> using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = -128,
      rhs_scale = 0.5 : f32, rhs_zero_point = 127, scale = 1.0 : f32, zero_point = 0, range = [-128, 127]>
  return %q, %r, %s : vector<8xi8>, tensor<4x4xi8>, tensor<4x4xi8>
}

//===----------------------------------------------------------------------===//
// Edges
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @edges
// CHECK-SAME: %{{.*}}: tensor<4xi8> {bitnn.caller = ["Transpose"], bitnn.float, bitnn.name = "image", bitnn.scale = 3.906250e-03 : f32, bitnn.tensor = "image_q", bitnn.unsigned, bitnn.zero_point = 255 : i32}
// CHECK-SAME: -> (tensor<4xi8> {bitnn.caller = ["Cast", "Softmax"], bitnn.name = "scores", bitnn.scale = 1.000000e+00 : f32, bitnn.tensor = "logits", bitnn.zero_point = -7 : i32})
func.func @edges(%x: tensor<4xi8> {bitnn.caller = ["Transpose"], bitnn.float, bitnn.name = "image",
      bitnn.scale = 0.00390625 : f32, bitnn.tensor = "image_q", bitnn.unsigned, bitnn.zero_point = 255 : i32})
    -> (tensor<4xi8> {bitnn.caller = ["Cast", "Softmax"], bitnn.name = "scores", bitnn.scale = 1.0 : f32,
      bitnn.tensor = "logits", bitnn.zero_point = -7 : i32}) {
  return %x : tensor<4xi8>
}
}

// CHECK: weights: "0x0100000001FE0380"
{-#
  dialect_resources: {
    builtin: {
      weights: "0x0100000001FE0380"
    }
  }
#-}
