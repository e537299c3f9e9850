// RUN: bitnn-opt %s --bitnn-lower-kernels=sharing=false --cse --split-input-file | FileCheck %s

// 17 digits of one plane take all values of an 8-bit lane. 32 weights of 65 are
// 32 digits of plane 0 and of plane 6, two sums each: of 17 and of 15 digits.
// Lanes begin anywhere, here so that sums are signed.

// CHECK-LABEL: func.func private @l0_layer.b0.w0(
// CHECK-SAME: memref<1024xi8> {llvm.noalias}, %{{.*}}: index, %{{.*}}: memref<128xi8> {llvm.noalias})
// CHECK-COUNT-17: vector.load %{{.*}} : memref<1024xi8, {{.*}}>, vector<32xi8>
// CHECK-NOT: vector.load
// CHECK-NOT: arith.ext
// CHECK: %[[Y:.*]] = bitnn.adder_graph({{.*}}) : vector<32xi8> -> 1 {
// CHECK-NOT: arith.shli
// CHECK: }
// CHECK: %[[S:.*]] = arith.addi %[[Y]], %{{.*}} : vector<32xi8>
// CHECK: vector.store %[[S]], %{{.*}}[%c0{{.*}}] : memref<128xi8, {{.*}}>, vector<32xi8>

// CHECK-LABEL: func.func private @l0_layer.b0.w1(
// CHECK-COUNT-15: vector.load %{{.*}} : memref<1024xi8, {{.*}}>, vector<32xi8>
// CHECK-NOT: vector.load
// CHECK: bitnn.adder_graph({{.*}}) : vector<32xi8> -> 1 {

// CHECK-LABEL: func.func private @l0_layer.b0.w3(
// CHECK-NOT: @l0_layer.b0.w4(

// Sums of plane 6 come first; they are joined in 16 bits.
// CHECK-LABEL: func.func private @l0_layer.b0.epilogue(
// CHECK: %[[L2:.*]] = vector.load %{{.*}}[%c64{{.*}}] : memref<128xi8, {{.*}}>, vector<32xi8>
// CHECK: %[[W2:.*]] = arith.extsi %[[L2]] : vector<32xi8> to vector<32xi16>
// CHECK: %[[L3:.*]] = vector.load %{{.*}}[%c96{{.*}}] : memref<128xi8, {{.*}}>, vector<32xi8>
// CHECK: %[[W3:.*]] = arith.extsi %[[L3]] : vector<32xi8> to vector<32xi16>
// CHECK: %[[HIGH:.*]] = arith.addi %[[W2]], %[[W3]] : vector<32xi16>
// CHECK: %[[SHIFTED:.*]] = arith.shli %[[HIGH]], %cst{{.*}} : vector<32xi16>
// CHECK: %[[S0:.*]] = arith.addi %[[SHIFTED]], %{{.*}} : vector<32xi16>
// CHECK: %[[S1:.*]] = arith.addi %[[S0]], %{{.*}} : vector<32xi16>
// CHECK: %[[WIDE:.*]] = arith.extsi %[[S1]] : vector<32xi16> to vector<32xi32>
// CHECK: arith.addi %[[WIDE]], %{{.*}} : vector<32xi32>
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  memref.global "private" constant @w : memref<1x32x1x1xi8> = dense<65>
  func.func @model(%x: memref<1x32x1x32xi8>, %y: memref<1x1x1x32xi32>) {
    %w = memref.get_global @w : memref<1x32x1x1xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x32x1x32xi8>, memref<1x32x1x1xi8>) outs(%y : memref<1x1x1x32xi32>)
        encoding = csd input_range = [-128, -113] schedule = straight_line {byte_lanes}
    return
  }
}
