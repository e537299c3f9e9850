// RUN: bitnn-opt %s --bitnn-lower-kernels=sharing=false | FileCheck %s

// 26 outputs have accumulators, but the code of 62,400 digits would leave the
// cache from one tile to the next: two blocks of 13.

// CHECK-LABEL: func.func private @l0_layer.b0.w0(
// CHECK: bitnn.adder_graph({{.*}}) : vector<32xi16> -> 13 {
// CHECK-LABEL: func.func @model(
// CHECK: call @l0_layer.b0.epilogue
// CHECK: call @l0_layer.b1.epilogue
// CHECK-NOT: epilogue
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "">} {
  memref.global "private" constant @w : memref<26x600x1x1xi8> = dense<85>
  func.func @model(%x: memref<1x600x4x8xi16>, %y: memref<1x26x4x8xi32>) {
    %w = memref.get_global @w : memref<26x600x1x1xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x600x4x8xi16>, memref<26x600x1x1xi8>) outs(%y : memref<1x26x4x8xi32>)
        encoding = csd input_range = [0, 255] schedule = straight_line {bitnn.kernel = "l0_layer"}
    return
  }
}
