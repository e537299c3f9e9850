// RUN: not bitnn-opt %s --pass-pipeline="builtin.module(transform-preload-library{transform-library-paths=%S/../../Integration/Inputs/decompose.mlir},transform-interpreter)" \
// RUN:   --split-input-file 2>&1 | FileCheck %s

// Without digits there are no planes.
// CHECK: error: transform.structured.decompose_interface failed to apply
// CHECK: note: when applied to this op
func.func @variable_weights(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}
