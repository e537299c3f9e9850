// RUN: bitnn-opt %s --bitnn-lower-kernels=sharing=false --cse --split-input-file | FileCheck %s

// An interval of less than 2^16 is exact in 16-bit lanes: inputs in [0, 255]
// times weights of sum 508 need two windows, in [0, 7] one. Each stores its
// partial sums, moved into 16 bits; the epilogue widens and adds them.

// CHECK: bitnn.layers = [
// CHECK-SAME: {{.*}}groups = 2 : i64, kernel = "l0_wide"{{[^}]*}}},
// CHECK-SAME: {{.*}}groups = 1 : i64, kernel = "l1_narrow"{{[^}]*}}}]

// CHECK-LABEL: func.func private @l0_wide.b0.w0(
// CHECK-SAME: memref<144xi16> {llvm.noalias}, %{{.*}}: index, %[[SUMS:.*]]: memref<256xi16> {llvm.noalias})
// CHECK: vector.load %{{.*}} : memref<144xi16, {{.*}}>, vector<16xi16>
// CHECK-NOT: arith.ext
// CHECK: %[[Y:.*]] = bitnn.adder_graph({{.*}}) : vector<16xi16> -> 1 {
// CHECK-NOT: muli
// CHECK: arith.shli %{{.*}} : vector<16xi16>
// CHECK: }
// CHECK: %[[S:.*]] = arith.addi %[[Y]], %{{.*}} : vector<16xi16>
// CHECK: vector.store %[[S]], %{{.*}} : memref<256xi16, {{.*}}>, vector<16xi16>
// CHECK-NOT: vector.store

// CHECK-LABEL: func.func private @l0_wide.b0.w1(
// CHECK: %[[Y:.*]] = bitnn.adder_graph({{.*}}) : vector<16xi16> -> 1 {
// CHECK: %[[S:.*]] = arith.addi %[[Y]], %{{.*}} : vector<16xi16>
// CHECK: vector.store %[[S]], %{{.*}} : memref<256xi16, {{.*}}>, vector<16xi16>

// CHECK-LABEL: func.func private @l0_wide.b0.epilogue(
// CHECK: %[[S0:.*]] = vector.load %{{.*}} : memref<256xi16, {{.*}}>, vector<8xi16>
// CHECK: %[[W0:.*]] = arith.extsi %[[S0]] : vector<8xi16> to vector<8xi32>
// CHECK: %[[S1:.*]] = vector.load %{{.*}} : memref<256xi16, {{.*}}>, vector<8xi16>
// CHECK: %[[W1:.*]] = arith.extsi %[[S1]] : vector<8xi16> to vector<8xi32>
// CHECK: arith.addi %[[W0]], %[[W1]] : vector<8xi32>

// CHECK-LABEL: func.func private @l1_narrow.b0.w0(
// CHECK-NOT: func.func private @l1_narrow.b0.w1(

// CHECK-LABEL: func.func @model(
// CHECK: call @l0_wide.b0.w0
// CHECK-NEXT: call @l0_wide.b0.w1
// CHECK-NEXT: call @l0_wide.b0.epilogue
// CHECK: call @l1_narrow.b0.w0
// CHECK-NEXT: call @l1_narrow.b0.epilogue
module attributes {bitnn.layers = [{kernel = "l0_wide"}, {kernel = "l1_narrow"}],
    bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  memref.global "private" constant @w : memref<1x1x1x4xi8> = dense<127>
  func.func @model(%x: memref<1x1x8x18xi16>, %y: memref<1x1x8x15xi32>) {
    %w = memref.get_global @w : memref<1x1x1x4xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x18xi16>, memref<1x1x1x4xi8>) outs(%y : memref<1x1x8x15xi32>)
        encoding = csd input_range = [0, 255] schedule = straight_line {bitnn.kernel = "l0_wide"}
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x18xi16>, memref<1x1x1x4xi8>) outs(%y : memref<1x1x8x15xi32>)
        encoding = csd input_range = [0, 7] schedule = straight_line {bitnn.kernel = "l1_narrow"}
    return
  }
}

// -----

// Rows may have strides: lanes are neighbours in a row. The epilogue works on
// vectors too, and on smaller ones at the end of a row of 20: nothing past it is
// written.

// CHECK-LABEL: func.func private @l0_layer.b0.w0(
// CHECK: %[[X:.*]] = vector.load %{{.*}} : memref<320xi16, {{.*}}>, vector<16xi16>
// CHECK: bitnn.adder_graph(%[[X]], %{{.*}}) : vector<16xi16> -> 1 {

// CHECK-LABEL: func.func private @l0_layer.b0.epilogue(
// CHECK: vector.load %{{.*}} : memref<256xi16, {{.*}}>, vector<16xi16>
// CHECK: %[[R:.*]] = vector.load %{{.*}} : memref<160xi8, {{.*}}>, vector<16xi8>
// CHECK: %[[Q:.*]] = arith.trunci %{{.*}} : vector<16xi32> to vector<16xi8>
// CHECK: %[[S:.*]] = bitnn.add %[[Q]], %[[R]] : vector<16xi8> using
// CHECK: %[[M:.*]] = arith.maxsi %[[S]], %{{.*}} : vector<16xi8>
// CHECK: vector.store %[[M]], %{{.*}} : memref<160xi8, {{.*}}>, vector<16xi8>
// CHECK: bitnn.add {{.*}} : vector<4xi8>
// CHECK: vector.store %{{.*}} : memref<160xi8, {{.*}}>, vector<4xi8>
// CHECK-NOT: vector.store
// CHECK-LABEL: func.func @strided_rows(
// CHECK-COUNT-2: call @
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  memref.global "private" constant @w : memref<1x1x1x1xi8> = dense<3>
  func.func @strided_rows(%x: memref<1x1x16x20xi16>, %r: memref<1x1x8x20xi8>, %y: memref<1x1x8x20xi8>) {
    %w = memref.get_global @w : memref<1x1x1x1xi8>
    %zero = arith.constant 0 : i8
    bitnn.conv_2d ins(%x, %w : memref<1x1x16x20xi16>, memref<1x1x1x1xi8>) residual(%r : memref<1x1x8x20xi8>)
        outs(%y : memref<1x1x8x20xi8>) strides = [2, 1] encoding = csd input_range = [-128, 127] epilogue {
    ^bb0(%acc: i32, %f: index, %res: i8):
      %0 = arith.trunci %acc : i32 to i8
      %1 = bitnn.add %0, %res : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
        rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-128, 127]>
      %2 = arith.maxsi %1, %zero : i8
      bitnn.yield %2 : i8
    }
    return
  }
}

// -----

// 512-bit vectors on another processor; on one without 16-bit vectors, and for
// inputs of 8 bits or columns with strides, kernels are scalar.

// CHECK-LABEL: func.func private @l0_layer.b0.w0(
// CHECK: bitnn.adder_graph({{.*}}) : vector<32xi16> -> 1 {
// CHECK-LABEL: func.func private @l1_layer.b0.w0(
// CHECK: bitnn.adder_graph({{.*}}) : i32 -> 1 {
// CHECK-LABEL: func.func private @l2_layer.b0.w0(
// CHECK: bitnn.adder_graph({{.*}}) : i32 -> 1 {
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "">} {
  memref.global "private" constant @w : memref<1x1x1x1xi8> = dense<3>
  func.func @avx512(%x: memref<1x1x8x32xi16>, %x8: memref<1x1x8x32xi8>, %y: memref<1x1x8x32xi32>, %z: memref<1x1x4x16xi32>) {
    %w = memref.get_global @w : memref<1x1x1x1xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x32xi16>, memref<1x1x1x1xi8>) outs(%y : memref<1x1x8x32xi32>) encoding = csd input_range = [0, 1]
    bitnn.conv_2d ins(%x8, %w : memref<1x1x8x32xi8>, memref<1x1x1x1xi8>) outs(%y : memref<1x1x8x32xi32>) encoding = csd input_range = [0, 1]
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x32xi16>, memref<1x1x1x1xi8>) outs(%z : memref<1x1x4x16xi32>) strides = [2, 2] encoding = csd input_range = [0, 1]
    return
  }
}

// -----

// CHECK-LABEL: func.func private @l0_sse.b0.w0(
// CHECK: arith.extsi %{{.*}} : i16 to i32
// CHECK: bitnn.adder_graph({{.*}}) : i32 -> 1 {
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">} {
  memref.global "private" constant @w : memref<1x1x1x1xi8> = dense<3>
  func.func @sse(%x: memref<1x1x8x32xi16>, %y: memref<1x1x8x32xi32>) {
    %w = memref.get_global @w : memref<1x1x1x1xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x32xi16>, memref<1x1x1x1xi8>) outs(%y : memref<1x1x8x32xi32>) encoding = csd input_range = [0, 1] {bitnn.kernel = "l0_sse"}
    return
  }
}

// -----

// What the epilogue computes from the channel alone is one value for all lanes.

// CHECK-LABEL: func.func private @l0_layer.b0.epilogue(
// CHECK: %[[C:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK: %[[T:.*]] = arith.muli %[[C]], %{{.*}} : i32
// CHECK: %[[SPLAT:.*]] = vector.broadcast %[[T]] : i32 to vector<32xi32>
// CHECK: %[[S:.*]] = arith.addi %{{.*}}, %[[SPLAT]] : vector<32xi32>
// CHECK: vector.store %[[S]]
// CHECK-LABEL: func.func private @l1_layer.b0.epilogue(
// CHECK: %[[SPLAT:.*]] = vector.broadcast %{{.*}} : i32 to vector<32xi32>
// CHECK: vector.store %[[SPLAT]]
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  memref.global "private" constant @w : memref<1x1x1x1xi8> = dense<3>
  func.func @uniform(%x: memref<1x1x8x16xi16>, %y: memref<1x1x8x16xi32>, %z: memref<1x1x8x16xi32>) {
    %w = memref.get_global @w : memref<1x1x1x1xi8>
    %five = arith.constant 5 : i32
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x16xi16>, memref<1x1x1x1xi8>) outs(%y : memref<1x1x8x16xi32>)
        encoding = csd input_range = [-128, 127] epilogue {
    ^bb0(%acc: i32, %f: index):
      %c = arith.index_cast %f : index to i32
      %t = arith.muli %c, %five : i32
      %s = arith.addi %acc, %t : i32
      bitnn.yield %s : i32
    }
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x16xi16>, memref<1x1x1x1xi8>) outs(%z : memref<1x1x8x16xi32>)
        encoding = csd input_range = [-128, 127] epilogue {
    ^bb0(%acc: i32, %f: index):
      %c = arith.index_cast %f : index to i32
      bitnn.yield %c : i32
    }
    return
  }
}

// -----

// 37 rows of 20 values, joined with the lanes between them, are 26 vectors of
// 32; alone each takes one. That all of them are one tile is worth its 86,528
// bytes of sums.

// CHECK-LABEL: func.func private @l0_layer.b0.w0(
// CHECK-SAME: memref<43264xi16>
// CHECK-LABEL: func.func @one_tile(
// CHECK: call @l0_layer.b0.w0
// CHECK-NEXT: call @l0_layer.b0.w1
// CHECK-NEXT: call @l0_layer.b0.epilogue
// CHECK-NOT: call
// CHECK-NOT: scf.for
// CHECK: return
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "">} {
  memref.global "private" constant @w : memref<26x4x1x3xi8> = dense<85>
  func.func @one_tile(%x: memref<1x4x37x22xi16>, %y: memref<1x26x37x20xi32>) {
    %w = memref.get_global @w : memref<26x4x1x3xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x4x37x22xi16>, memref<26x4x1x3xi8>) outs(%y : memref<1x26x37x20xi32>)
        encoding = csd input_range = [0, 255] schedule = straight_line {bitnn.kernel = "l0_layer"}
    return
  }
}

// -----

// Of rows of 8 the epilogue takes four at once: eight sums each, together 32
// lanes. Where rows follow each other they are stored as one; the interior of an
// image with a border is stored row by row.

// CHECK-LABEL: func.func private @l0_layer.b0.epilogue(
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %c8{{.*}} step %c4
// CHECK: %[[S0:.*]] = vector.load %{{.*}} : memref<80xi16, {{.*}}>, vector<8xi16>
// CHECK: %[[W0:.*]] = arith.extsi %[[S0]] : vector<8xi16> to vector<8xi32>
// CHECK: %[[S1:.*]] = vector.load %{{.*}} : memref<80xi16, {{.*}}>, vector<8xi16>
// CHECK: %[[W1:.*]] = arith.extsi %[[S1]] : vector<8xi16> to vector<8xi32>
// CHECK: vector.shuffle %[[W0]], %[[W1]] [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
// CHECK: %[[ALL:.*]] = vector.shuffle {{.*}} : vector<16xi32>, vector<16xi32>
// CHECK: %[[V:.*]] = arith.trunci %[[ALL]] : vector<32xi32> to vector<32xi8>
// CHECK: vector.store %[[V]], %{{.*}} : memref<64xi8, {{.*}}>, vector<32xi8>
// CHECK-NOT: vector.store
// CHECK: return

// CHECK-LABEL: func.func private @l1_layer.b0.epilogue(
// CHECK: %[[V:.*]] = arith.trunci %{{.*}} : vector<32xi32> to vector<32xi16>
// CHECK: %[[R0:.*]] = vector.shuffle %[[V]], %[[V]] [0, 1, 2, 3, 4, 5, 6, 7]
// CHECK: vector.store %[[R0]], %{{.*}} : memref<{{.*}}xi16, {{.*}}>, vector<8xi16>
// CHECK: %[[R3:.*]] = vector.shuffle %[[V]], %[[V]] [24, 25, 26, 27, 28, 29, 30, 31]
// CHECK: vector.store %[[R3]], %{{.*}} : memref<{{.*}}xi16, {{.*}}>, vector<8xi16>
// CHECK-NOT: vector.store
// CHECK: return
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  memref.global "private" constant @w : memref<1x1x1x1xi8> = dense<3>
  func.func @joined_rows(%x: memref<1x1x8x8xi16, strided<[100, 100, 10, 1], offset: 11>>, %y: memref<1x1x8x8xi8>,
                         %z: memref<1x1x8x8xi16, strided<[100, 100, 10, 1], offset: 11>>) {
    %w = memref.get_global @w : memref<1x1x1x1xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x8xi16, strided<[100, 100, 10, 1], offset: 11>>, memref<1x1x1x1xi8>) outs(%y : memref<1x1x8x8xi8>)
        encoding = csd input_range = [0, 7] epilogue {
    ^bb0(%acc: i32, %f: index):
      %0 = arith.trunci %acc : i32 to i8
      bitnn.yield %0 : i8
    }
    bitnn.conv_2d ins(%x, %w : memref<1x1x8x8xi16, strided<[100, 100, 10, 1], offset: 11>>, memref<1x1x1x1xi8>)
        outs(%z : memref<1x1x8x8xi16, strided<[100, 100, 10, 1], offset: 11>>)
        encoding = csd input_range = [0, 7] epilogue {
    ^bb0(%acc: i32, %f: index):
      %0 = arith.trunci %acc : i32 to i16
      bitnn.yield %0 : i16
    }
    return
  }
}
