// RUN: bitnn-opt %s --bitnn-select-schedule --split-input-file | FileCheck %s --check-prefixes=CHECK,AUTO
// RUN: bitnn-opt %s --bitnn-select-schedule=schedule=straight-line --split-input-file | FileCheck %s --check-prefixes=CHECK,STRAIGHT
// RUN: bitnn-opt %s --bitnn-select-schedule=schedule=table --split-input-file | FileCheck %s --check-prefixes=CHECK,TABLE
// RUN: bitnn-opt %s --bitnn-select-schedule=schedule=multiply --split-input-file | FileCheck %s --check-prefixes=CHECK,MULTIPLY

// A record per layer, in order. Digits: two for each of 3 and 7, one for -1
// and -8; they are added at 2 x 3 positions, and replace 4 multiplications
// each. A layer that multiplies adds its products.

// CHECK: module attributes {bitnn.layers = [
// AUTO-SAME: {adds = 36 : i64, digits = 6 : i64, kernel = "l0_conv_1", macs = 24 : i64, name = "conv/1", operator = "conv_2d", positions = 6 : i64, predicted = {{[{].*unit = "instructions"[}]}}, reason = "straight-line code of about {{[0-9]+}} bytes fits", schedule = "straight-line", values = 18 : i64, weights = 4 : i64},
// STRAIGHT-SAME: {adds = 36 : i64, digits = 6 : i64, kernel = "l0_conv_1", macs = 24 : i64, name = "conv/1", operator = "conv_2d", positions = 6 : i64, predicted = {{[{].*unit = "instructions"[}]}}, reason = "asked for by option", schedule = "straight-line", values = 18 : i64, weights = 4 : i64},
// TABLE-SAME: {adds = 36 : i64, digits = 6 : i64, kernel = "l0_conv_1", macs = 24 : i64, name = "conv/1", operator = "conv_2d", positions = 6 : i64, predicted = {{[{].*unit = "instructions"[}]}}, reason = "asked for by option", schedule = "table", values = 18 : i64, weights = 4 : i64},
// MULTIPLY-SAME: {adds = 24 : i64, digits = 6 : i64, kernel = "l0_conv_1", macs = 24 : i64, name = "conv/1", operator = "conv_2d", positions = 6 : i64, predicted = {{[{].*unit = "instructions"[}]}}, reason = "asked for by option", schedule = "multiply", values = 18 : i64, weights = 4 : i64},
// In binary 3 has two digits, and 7 three.
// CHECK-SAME: digits = 6 : i64, kernel = "l1_fc", macs = 12 : i64, name = "fc", operator = "matmul", positions = 2 : i64,
// CHECK-SAME: values = 10 : i64, weights = 6 : i64}]
module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  // CHECK-LABEL: @model
  func.func @model(%x: tensor<1x1x3x4xi8>, %y: tensor<2x3xi8>, %init: tensor<1x1x2x3xi32>, %init1: tensor<2x2xi32>)
      -> (tensor<1x1x2x3xi32>, tensor<2x2xi32>) {
    %w = arith.constant dense<[[[[3, -1], [-8, 7]]]]> : tensor<1x1x2x2xi8>
    %w1 = arith.constant dense<[[3, 0, -1], [0, 7, 0]]> : tensor<2x3xi8>
    // CHECK: bitnn.conv_2d
    // AUTO-SAME: schedule = straight_line {bitnn.kernel = "l0_conv_1"}
    // STRAIGHT-SAME: schedule = straight_line {bitnn.kernel = "l0_conv_1"}
    // TABLE-SAME: schedule = table {bitnn.kernel = "l0_conv_1"}
    // MULTIPLY-SAME: schedule = multiply {bitnn.kernel = "l0_conv_1"}
    %0 = bitnn.conv_2d ins(%x, %w : tensor<1x1x3x4xi8>, tensor<1x1x2x2xi8>)
        outs(%init : tensor<1x1x2x3xi32>) encoding = csd -> tensor<1x1x2x3xi32> loc("conv/1")
    // CHECK: bitnn.matmul
    // AUTO-SAME: schedule = straight_line {bitnn.kernel = "l1_fc"}
    // STRAIGHT-SAME: schedule = straight_line {bitnn.kernel = "l1_fc"}
    // TABLE-SAME: schedule = table {bitnn.kernel = "l1_fc"}
    // MULTIPLY-SAME: schedule = multiply {bitnn.kernel = "l1_fc"}
    %1 = bitnn.matmul ins(%y, %w1 : tensor<2x3xi8>, tensor<2x3xi8>)
        outs(%init1 : tensor<2x2xi32>) encoding = binary -> tensor<2x2xi32> loc("fc")
    return %0, %1 : tensor<1x1x2x3xi32>, tensor<2x2xi32>
  }
}

// -----

// Layers on buffers, in every function; a network without layers has none.

// CHECK: bitnn.layers = [{adds = 1 : i64, {{.*}} kernel = "l0_f"{{.*}}}, {adds = 1 : i64, {{.*}} kernel = "l1_g"{{.*}}}]
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">} {
  memref.global "private" constant @w : memref<1x1xi8> = dense<1>
  func.func private @f(%x: memref<1x1xi8>, %init: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x1xi8>
    bitnn.matmul ins(%x, %w : memref<1x1xi8>, memref<1x1xi8>) outs(%init : memref<1x1xi32>) encoding = csd loc("f")
    return
  }
  func.func @g(%x: memref<1x1xi8>, %init: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x1xi8>
    bitnn.matmul ins(%x, %w : memref<1x1xi8>, memref<1x1xi8>) outs(%init : memref<1x1xi32>) encoding = csd loc("g")
    return
  }
}

// -----

// CHECK: module attributes {bitnn.layers = [], bitnn.target
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">} {}

// -----

// A kernel's name is a symbol that no other layer shares: number, and the last
// 40 letters of the layer's name, which is that of the first named operation in
// it, or else a line of the file.

// CHECK: bitnn.layers = [
// CHECK-SAME: kernel = "l0_a_b_c", macs = 1 : i64, name = "a.b:c",
// CHECK-SAME: kernel = "l1_a_b_c", macs = 1 : i64, name = "a_b_c",
// CHECK-SAME: kernel = "l2_ng_name_of_more_than_forty_letters_in_it", macs = 1 : i64, name = "very_long_name_of_more_than_forty_letters_in_it",
// CHECK-SAME: kernel = "l3_conv", macs = 1 : i64, name = "conv",
// CHECK-SAME: kernel = "l4_line_7", macs = 1 : i64, name = "line 7",
// CHECK-SAME: kernel = "l5_", macs = 1 : i64, name = "",
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">} {
  func.func @names(%x: tensor<1x1xi8>, %init: tensor<1x1xi32>) {
    %w = arith.constant dense<1> : tensor<1x1xi8>
    %0 = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<1x1xi8>) outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32> loc("a.b:c")
    %1 = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<1x1xi8>) outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32> loc("a_b_c")
    %2 = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<1x1xi8>) outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32> loc("very_long_name_of_more_than_forty_letters_in_it")
    %3 = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<1x1xi8>) outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32> loc(fused[unknown, "conv", "requantize"])
    %4 = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<1x1xi8>) outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32> loc("model.mlir":7:3)
    %5 = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<1x1xi8>) outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32> loc(unknown)
    return
  }
}
