// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target{cpu=x86-64-v3},func.func(bitnn-split-phases))" \
// RUN:   --split-input-file --verify-diagnostics --remarks-filter=".*" --remark-format=emitRemark | FileCheck %s

// What keeps its strides, and why.

// CHECK-LABEL: @few_pixels
// CHECK: bitnn.conv_2d {{.*}} strides = [2, 2]
func.func @few_pixels(%x: tensor<1x1x4x5xi8>, %init: tensor<1x1x2x3xi32>) -> tensor<1x1x2x3xi32> {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  // expected-remark@+1 {{[Missed] bitnn.conv_2d | Category:bitnn-split-phases | Function=few_pixels | Reason="its 6 pixels leave most of a vector empty", Suggestion="scalar code takes strides as they are; larger images have vectors"}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x4x5xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x2x3xi32>) strides = [2, 2] encoding = csd -> tensor<1x1x2x3xi32>
  return %y : tensor<1x1x2x3xi32>
}

// -----

// CHECK-LABEL: @no_weights
// CHECK: bitnn.conv_2d {{.*}} strides = [2, 2]
func.func @no_weights(%x: tensor<1x1x32x32xi8>, %init: tensor<1x1x16x16xi32>) -> tensor<1x1x16x16xi32> {
  %w = arith.constant dense<0> : tensor<1x1x2x2xi8>
  // expected-remark@+1 {{[Missed] bitnn.conv_2d | Category:bitnn-split-phases | Function=no_weights | Reason="all of its weights are zero", Suggestion="remove the layer"}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x32x32xi8>, tensor<1x1x2x2xi8>)
      outs(%init : tensor<1x1x16x16xi32>) strides = [2, 2] encoding = csd -> tensor<1x1x16x16xi32>
  return %y : tensor<1x1x16x16xi32>
}

// -----

// CHECK-LABEL: @full_rows
// CHECK: bitnn.conv_2d {{.*}} strides = [2, 1]
func.func @full_rows(%x: tensor<1x1x16x32xi8>, %init: tensor<1x1x8x32xi32>) -> tensor<1x1x8x32xi32> {
  %w = arith.constant dense<85> : tensor<1x1x1x1xi8>
  // expected-remark@+1 {{[Missed] bitnn.conv_2d | Category:bitnn-split-phases | Function=full_rows | Reason="its columns have stride 1 and its rows fill vectors as they are", Suggestion="nothing needs to be done"}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x16x32xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x8x32xi32>) strides = [2, 1] encoding = csd -> tensor<1x1x8x32xi32>
  return %y : tensor<1x1x8x32xi32>
}

// -----

// Nothing is said of tables, and of layers without strides.

// CHECK-LABEL: @others
// CHECK: bitnn.conv_2d {{.*}} strides = [2, 2]
// CHECK: bitnn.conv_2d
func.func @others(%x: tensor<1x1x32x32xi8>, %init: tensor<1x1x16x16xi32>, %init1: tensor<1x1x32x32xi32>) -> (tensor<1x1x16x16xi32>, tensor<1x1x32x32xi32>) {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x1x32x32xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x16x16xi32>) strides = [2, 2] encoding = csd schedule = table -> tensor<1x1x16x16xi32>
  %z = bitnn.conv_2d ins(%x, %w : tensor<1x1x32x32xi8>, tensor<1x1x1x1xi8>)
      outs(%init1 : tensor<1x1x32x32xi32>) encoding = csd -> tensor<1x1x32x32xi32>
  return %y, %z : tensor<1x1x16x16xi32>, tensor<1x1x32x32xi32>
}
