// RUN: bitnn-opt %s --bitnn-form-entry --split-input-file | FileCheck %s
// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-form-entry,eliminate-empty-tensors,one-shot-bufferize,cse,canonicalize)" --split-input-file | FileCheck %s --check-prefix=BUFFERS

// What is inserted into an empty tensor as a whole, and read by nobody else, is
// inserted into the caller's buffer, where it is computed.
// CHECK-LABEL: func.func @concat(
// CHECK-SAME: %[[X:.*]]: memref<2xi8> {{.*}}, %[[Y:.*]]: memref<4xi8>
// CHECK: %[[T:.*]] = bufferization.to_tensor %[[Y]] restrict writable
// CHECK: %[[A:.*]] = tensor.insert_slice %{{.*}} into %[[T]][0] [2] [1]
// CHECK: %[[B:.*]] = tensor.insert_slice %{{.*}} into %[[A]][2] [2] [1]
// CHECK: bufferization.materialize_in_destination %[[B]] in writable %[[Y]]
// BUFFERS-LABEL: func.func @concat(
// BUFFERS-NOT: memref.alloc
// BUFFERS: linalg.add {{.*}} outs(%subview{{.*}} :
// BUFFERS: linalg.max {{.*}} outs(%subview{{.*}} :
// BUFFERS-NOT: memref.copy
// BUFFERS: return
func.func @concat(%x: tensor<2xi8>) -> tensor<4xi8> {
  %e = tensor.empty() : tensor<2xi8>
  %a = linalg.add ins(%x, %x : tensor<2xi8>, tensor<2xi8>) outs(%e : tensor<2xi8>) -> tensor<2xi8>
  %b = linalg.max ins(%x, %x : tensor<2xi8>, tensor<2xi8>) outs(%e : tensor<2xi8>) -> tensor<2xi8>
  %y = tensor.concat dim(0) %a, %b : (tensor<2xi8>, tensor<2xi8>) -> tensor<4xi8>
  return %y : tensor<4xi8>
}

// -----

// Two results that begin in one tensor: it is copied for one of them.
// CHECK-LABEL: func.func @read_again(
// CHECK-NOT: restrict writable :
// CHECK: materialize_in_destination {{.*}} in restrict writable
// CHECK: materialize_in_destination {{.*}} in restrict writable
func.func @read_again(%x: tensor<2xi8>) -> (tensor<4xi8>, tensor<4xi8>) {
  %y = tensor.concat dim(0) %x, %x : (tensor<2xi8>, tensor<2xi8>) -> tensor<4xi8>
  %e = tensor.empty() : tensor<4xi8>
  %z = linalg.add ins(%y, %y : tensor<4xi8>, tensor<4xi8>) outs(%e : tensor<4xi8>) -> tensor<4xi8>
  return %y, %z : tensor<4xi8>, tensor<4xi8>
}
