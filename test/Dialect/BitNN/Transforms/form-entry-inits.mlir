// RUN: bitnn-opt %s --bitnn-form-entry | FileCheck %s
// RUN: bitnn-opt %s --bitnn-form-entry --eliminate-empty-tensors --one-shot-bufferize | FileCheck %s --check-prefix=BUFFERS

// Two maxima that begin in one tensor: each gets its own, and so each its own
// output.
// CHECK: %[[A:.*]] = linalg.fill
// CHECK: %[[B:.*]] = linalg.fill
// CHECK: linalg.pooling_nchw_max {{.*}} outs(%[[B]] :
// CHECK: linalg.pooling_nchw_max {{.*}} outs(%[[A]] :

// BUFFERS: func.func @pools(%{{.*}}: {{.*}}, %{{.*}}: {{.*}}, %[[Y:.*]]: memref<1x2x1x1xi8> {{.*}}, %[[Z:.*]]: memref<1x2x1x1xi8>
// BUFFERS: linalg.pooling_nchw_max {{.*}} outs(%[[Y]] :
// BUFFERS: linalg.pooling_nchw_max {{.*}} outs(%[[Z]] :
func.func @pools(%a: tensor<1x2x3x3xi8>, %b: tensor<1x2x3x3xi8>)
    -> (tensor<1x2x1x1xi8>, tensor<1x2x1x1xi8>) {
  %least = arith.constant -128 : i8
  %window = tensor.empty() : tensor<3x3xi8>
  %empty = tensor.empty() : tensor<1x2x1x1xi8>
  %init = linalg.fill ins(%least : i8) outs(%empty : tensor<1x2x1x1xi8>) -> tensor<1x2x1x1xi8>
  %y = linalg.pooling_nchw_max ins(%a, %window : tensor<1x2x3x3xi8>, tensor<3x3xi8>)
      outs(%init : tensor<1x2x1x1xi8>) -> tensor<1x2x1x1xi8>
  %z = linalg.pooling_nchw_max ins(%b, %window : tensor<1x2x3x3xi8>, tensor<3x3xi8>)
      outs(%init : tensor<1x2x1x1xi8>) -> tensor<1x2x1x1xi8>
  return %y, %z : tensor<1x2x1x1xi8>, tensor<1x2x1x1xi8>
}
