// RUN: bitnn-opt %s --bitnn-lower-kernels --cse --split-input-file | FileCheck %s

// CHECK: bitnn.layers = [{{.*}}table_bytes = 96 : i64

// Sums of up to 3 * 255 in parts of 5 bits.
// CHECK-LABEL: func.func private @l0_fc.tables(
// CHECK-SAME: %{{.*}}: memref<12xi8>, %{{.*}}: index, %{{.*}}: memref<32xi8>)
// CHECK: %[[X0:.*]] = vector.broadcast %{{.*}} : i16 to vector<16xi16>
// CHECK: arith.andi %[[X0]], %{{.*}} : vector<16xi16>
// CHECK-COUNT-2: arith.addi %{{.*}} : vector<16xi16>
// CHECK: %[[SUMS:.*]] = arith.subi %{{.*}} : vector<16xi16>
// CHECK: %[[LOW:.*]] = arith.andi %[[SUMS]], %{{.*}} : vector<16xi16>
// CHECK: arith.trunci %[[LOW]] : vector<16xi16> to vector<16xi8>
// CHECK: %[[HIGH:.*]] = arith.shrui %[[SUMS]], %{{.*}} : vector<16xi16>
// CHECK: arith.trunci %[[HIGH]] : vector<16xi16> to vector<16xi8>

// Bits of weights as indices: 3 = 0011, -1 = 1111, 6 = 0110, -4 = 1100, so the
// planes of the first output are 3, 3, 2, 2 (inputs 0 and 1, then input 1), two
// of them in a byte; those of the second are 0, 1, 5, 4. Its byte is the third:
// odd ones have the outputs from 8 on.

// CHECK: memref.global "private" constant @l0_fc.indices : memref<32xi8> = dense<[51, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 34, 0, 69, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> {alignment = 64 : i64}
// Inputs count from -128: -128 * (3 - 1) and -128 * (6 - 4), and the bias.
// CHECK: memref.global "private" constant @l0_fc.bias : memref<16xi32> = dense<[744, -257, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]>
// CHECK-LABEL: func.func private @l0_fc.sums(
// CHECK-SAME: %[[TABLES:.*]]: memref<32xi8>, %[[SUMS:.*]]: memref<16xi32>)
// CHECK: %[[LOW:.*]] = vector.load %{{.*}} : memref<32xi8{{.*}}>, vector<16xi8>
// CHECK: %[[HIGH:.*]] = vector.load %{{.*}} : memref<32xi8{{.*}}>, vector<16xi8>
// CHECK: %[[PACKED:.*]] = vector.load %{{.*}} : memref<32xi8{{.*}}>, vector<16xi8>
// CHECK: %[[INDEX:.*]] = arith.andi %[[PACKED]], %{{.*}} : vector<16xi8>
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.tbl1.v16i8"(%[[LOW]], %[[INDEX]])
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.tbl1.v16i8"(%[[HIGH]], %[[INDEX]])
// CHECK: %[[NEXT:.*]] = arith.shrui %[[PACKED]], %{{.*}} : vector<16xi8>
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.tbl1.v16i8"(%[[LOW]], %[[NEXT]])
// CHECK: vector.bitcast %{{.*}} : vector<16xi8> to vector<8xi16>
// The last plane is the sign's.
// CHECK-COUNT-6: arith.addi %{{.*}} : vector<8xi32>
// CHECK-COUNT-2: arith.subi %{{.*}} : vector<8xi32>
// CHECK-NOT: arith.subi
// CHECK-COUNT-2: vector.store %{{.*}}, vector<8xi32>

// Two outputs are no vector: they are stored one by one.
// CHECK-LABEL: func.func private @l0_fc.store(
// CHECK: bitnn.requantize %{{.*}} consecutive : vector<8xi32> -> vector<8xi8>
// CHECK: vector.store %{{.*}} : memref<16xi8>, vector<8xi8>
// CHECK: scf.for
// CHECK: memref.load
// CHECK-NEXT: memref.store %{{.*}} : memref<8xi8>

// CHECK-LABEL: func.func @model(
// CHECK: scf.for
// CHECK: call @l0_fc.tables(
// CHECK-NEXT: call @l0_fc.sums(
// CHECK-NEXT: call @l0_fc.store(
module attributes {bitnn.layers = [{kernel = "l0_fc"}],
    bitnn.target = #bitnn.target<triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "">} {
  memref.global "private" constant @w : memref<2x3xi8> = dense<[[3, -1, 0], [6, 0, -4]]>
  memref.global "private" constant @b : memref<2xi32> = dense<[1000, -1]>
  func.func @model(%x: memref<4x3xi8>, %y: memref<4x2xi8>) {
    %w = memref.get_global @w : memref<2x3xi8>
    %b = memref.get_global @b : memref<2xi32>
    bitnn.matmul ins(%x, %w, %b : memref<4x3xi8>, memref<2x3xi8>, memref<2xi32>)
        outs(%y : memref<4x2xi8>) encoding = csd schedule = table {bitnn.kernel = "l0_fc"} epilogue {
    ^bb0(%acc: i32, %f: index):
      %q = bitnn.requantize %acc[%f] : i32 -> i8 using #bitnn.float_scale<
          dense<[0.1, 0.2]> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>
      bitnn.yield %q : i8
    }
    return
  }
}

// -----

// Inputs of [0, 7] need one part, and 9 groups fit a byte. The window of a
// convolution is gathered first; 64 channels are two blocks.

// CHECK: memref.global "private" constant @l0_layer.offsets : memref<128xi32>
// CHECK-LABEL: func.func private @l0_layer.gather(
// CHECK: scf.for
// CHECK-LABEL: func.func private @l0_layer.tables(
// CHECK-SAME: memref<512xi8>)
// CHECK-NOT: arith.shrui
// CHECK-LABEL: func.func private @l0_layer.sums(
// CHECK: scf.for %{{.*}} to %c2 step
// CHECK: scf.for %{{.*}} to %c3 step
// CHECK: scf.for %{{.*}} to %c9 step
// CHECK: vector.shuffle %{{.*}} : vector<16xi8>, vector<16xi8>
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"(%{{.*}}) : (vector<32xi8>, vector<32xi8>) -> vector<32xi8>
// CHECK-NOT: llvm.call_intrinsic
// CHECK: scf.for %{{.*}} to %c5 step
// CHECK: llvm.call_intrinsic
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  memref.global "private" constant @w : memref<64x32x2x2xi8> = dense<-1>
  func.func @model(%x: memref<1x32x2x2xi8, strided<[512, 16, 4, 1], offset: 5>>, %y: memref<1x64x1x1xi32>) {
    %w = memref.get_global @w : memref<64x32x2x2xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x32x2x2xi8, strided<[512, 16, 4, 1], offset: 5>>, memref<64x32x2x2xi8>)
        outs(%y : memref<1x64x1x1xi32>) encoding = csd input_range = [0, 7] schedule = table
    return
  }
}

// -----

// With AVX-512, words are looked up: five inputs at once, three planes in 16
// bits, and no mask.

// CHECK-LABEL: func.func private @l0_layer.sums(
// CHECK: %[[TABLE:.*]] = vector.load %{{.*}} : memref<416xi16{{.*}}>, vector<32xi16>
// CHECK: %[[PACKED:.*]] = vector.load %{{.*}}, vector<32xi16>
// CHECK-NEXT: llvm.call_intrinsic "llvm.x86.avx512.permvar.hi.512"(%[[TABLE]], %[[PACKED]])
// CHECK-NOT: arith.andi
// CHECK-COUNT-7: llvm.call_intrinsic
// CHECK-NOT: llvm.call_intrinsic
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "">} {
  memref.global "private" constant @w : memref<32x64xi8> = dense<-128>
  func.func @model(%x: memref<1x64xi8>, %y: memref<1x32xi32>) {
    %w = memref.get_global @w : memref<32x64xi8>
    bitnn.matmul ins(%x, %w : memref<1x64xi8>, memref<32x64xi8>) outs(%y : memref<1x32xi32>) encoding = csd schedule = table
    return
  }
}

// -----

// An epilogue that computes with its channel has lists of digits, and so has a
// convolution in groups.

// CHECK-LABEL: func.func private @l0_layer.row(
// CHECK-LABEL: func.func private @l1_layer.row(
// CHECK-NOT: llvm.call_intrinsic
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  memref.global "private" constant @w : memref<2x3xi8> = dense<[[3, -1, 0], [6, 0, -4]]>
  memref.global "private" constant @g : memref<2x1x1x1xi8> = dense<3>
  func.func @model(%x: memref<4x3xi8>, %y: memref<4x2xi32>, %z: memref<1x2x1x1xi8>, %u: memref<1x2x1x1xi32>) {
    %w = memref.get_global @w : memref<2x3xi8>
    %g = memref.get_global @g : memref<2x1x1x1xi8>
    bitnn.matmul ins(%x, %w : memref<4x3xi8>, memref<2x3xi8>)
        outs(%y : memref<4x2xi32>) encoding = csd schedule = table epilogue {
    ^bb0(%acc: i32, %f: index):
      %c = arith.index_cast %f : index to i32
      %s = arith.addi %acc, %c : i32
      bitnn.yield %s : i32
    }
    bitnn.conv_2d ins(%z, %g : memref<1x2x1x1xi8>, memref<2x1x1x1xi8>)
        outs(%u : memref<1x2x1x1xi32>) groups = 2 encoding = csd schedule = table
    return
  }
}
