// RUN: bitnn-opt %s | bitnn-opt | FileCheck %s
// RUN: bitnn-opt %s --emit-bytecode | bitnn-opt | FileCheck %s
// RUN: bitnn-opt %s --mlir-print-op-generic | bitnn-opt | FileCheck %s

// CHECK: bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">
module attributes {bitnn.target = #bitnn.target<
    triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {

// CHECK-LABEL: @conv_2d
func.func @conv_2d(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %b: tensor<4xi32>,
                   %r: tensor<1x4x2x2xi8>, %init: tensor<1x4x2x2xi8>) -> tensor<1x4x2x2xi8> {
  // CHECK: bitnn.conv_2d ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>, tensor<4xi32>)
  // CHECK-SAME: residual(%{{.*}} : tensor<1x4x2x2xi8>) outs(%{{.*}} : tensor<1x4x2x2xi8>)
  // CHECK-SAME: strides = [2, 2] encoding = csd input_range = [-128, 12] schedule = table epilogue {
  %y = bitnn.conv_2d ins(%x, %w, %b : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>, tensor<4xi32>)
      residual(%r : tensor<1x4x2x2xi8>) outs(%init : tensor<1x4x2x2xi8>)
      strides = [2, 2] encoding = csd input_range = [-128, 12] schedule = table epilogue {
  ^bb0(%acc: i32, %channel: index, %res: i8):
    // CHECK: bitnn.requantize %{{.*}}[%{{.*}}] : i32 -> i8 using #bitnn.float_scale<dense<[1.100000e-02, 2.000000e-02, 1.000000e-01, 5.000000e-01]> : tensor<4xf32>, zero_point = -3, range = [-128, 127]>
    %q = bitnn.requantize %acc[%channel] : i32 -> i8 using #bitnn.float_scale<
        dense<[0.011, 0.02, 0.1, 0.5]> : tensor<4xf32>, zero_point = -3, range = [-128, 127]>
    // CHECK: bitnn.add
    %s = bitnn.add %q, %res : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
        rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1,
        range = [-128, 127]>
    bitnn.yield %s : i8
  } -> tensor<1x4x2x2xi8>
  return %y : tensor<1x4x2x2xi8>
}

// CHECK-LABEL: @matmul
func.func @matmul(%x: memref<1x3xi8>, %w: memref<2x3xi8>, %init: memref<1x2xi32>) {
  // CHECK: bitnn.matmul ins(%{{.*}}, %{{.*}} : memref<1x3xi8>, memref<2x3xi8>) outs(%{{.*}} : memref<1x2xi32>) encoding = binary
  bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<2x3xi8>)
      outs(%init : memref<1x2xi32>) encoding = binary
  return
}

// CHECK-LABEL: @adder_graph
func.func @adder_graph(%x0: vector<16xi16>, %x1: vector<16xi16>) -> vector<16xi16> {
  // CHECK: bitnn.adder_graph(%{{.*}}, %{{.*}}) : vector<16xi16> -> 1 {
  %y = bitnn.adder_graph(%x0, %x1) : vector<16xi16> -> 1 {
  ^bb0(%a: vector<16xi16>, %b: vector<16xi16>):
    %three = arith.constant dense<3> : vector<16xi16>
    %0 = arith.shli %a, %three : vector<16xi16>
    %1 = arith.subi %0, %a : vector<16xi16>
    %2 = arith.subi %1, %b : vector<16xi16>
    bitnn.yield %2 : vector<16xi16>
  }
  return %y : vector<16xi16>
}

// CHECK-LABEL: @scalars
func.func @scalars(%acc: i32, %x: i8) -> (i8, i8) {
  // CHECK: bitnn.requantize %{{.*}} : i32 -> i8 using #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>, shifts = dense<38> : tensor<1xi32>, zero_point = 4, range = [-128, 127]>
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
      shifts = dense<38> : tensor<1xi32>, zero_point = 4, range = [-128, 127]>
  // CHECK: bitnn.lookup %{{.*}} : i8 in dense<7> : tensor<256xi8>
  %r = bitnn.lookup %x : i8 in dense<7> : tensor<256xi8>
  return %q, %r : i8, i8
}
}
