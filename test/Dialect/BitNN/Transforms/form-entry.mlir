// RUN: bitnn-opt %s --bitnn-form-entry | FileCheck %s --check-prefixes=CHECK,OLD
// RUN: bitnn-opt %s --bitnn-form-entry=name=model_run | FileCheck %s --check-prefixes=CHECK,NEW

// Private functions are no entry.
// CHECK: func.func private @helper(tensor<4xi8>) -> tensor<4xi8>
func.func private @helper(tensor<4xi8>) -> tensor<4xi8>

// Inputs, then outputs: each with its attributes, none an alias of another.
// OLD: func.func @model(
// NEW: func.func @model_run(
// CHECK-SAME: %[[X:.*]]: memref<4xi8> {bitnn.name = "x", bitnn.scale = 5.000000e-01 : f32, llvm.noalias},
// CHECK-SAME: %[[B:.*]]: memref<2x4xi32> {llvm.noalias},
// CHECK-SAME: %[[Y:.*]]: memref<4xi8> {llvm.noalias},
// CHECK-SAME: %[[Z:.*]]: memref<2x4xi32> {bitnn.name = "z", bitnn.unsigned, llvm.noalias}) {
func.func @model(%x: tensor<4xi8> {bitnn.name = "x", bitnn.scale = 0.5 : f32}, %b: tensor<2x4xi32>)
    -> (tensor<4xi8>, tensor<2x4xi32> {bitnn.name = "z", bitnn.unsigned}) {
  // CHECK-DAG: %[[XT:.*]] = bufferization.to_tensor %[[X]] restrict : memref<4xi8> to tensor<4xi8>
  // CHECK-DAG: %[[BT:.*]] = bufferization.to_tensor %[[B]] restrict : memref<2x4xi32> to tensor<2x4xi32>
  // CHECK: %[[S:.*]] = arith.addi %[[XT]], %[[XT]] : tensor<4xi8>
  // CHECK: %[[H:.*]] = call @helper(%[[S]])
  %s = arith.addi %x, %x : tensor<4xi8>
  %y = func.call @helper(%s) : (tensor<4xi8>) -> tensor<4xi8>
  // CHECK-NEXT: bufferization.materialize_in_destination %[[H]] in restrict writable %[[Y]] : (tensor<4xi8>, memref<4xi8>) -> ()
  // An input that is returned as it is gets copied.
  // CHECK-NEXT: bufferization.materialize_in_destination %[[BT]] in restrict writable %[[Z]] : (tensor<2x4xi32>, memref<2x4xi32>) -> ()
  // CHECK-NEXT: return{{$}}
  return %y, %b : tensor<4xi8>, tensor<2x4xi32>
}
