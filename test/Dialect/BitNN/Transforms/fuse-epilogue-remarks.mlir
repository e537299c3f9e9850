// RUN: bitnn-opt %s --bitnn-fuse-epilogue --split-input-file --verify-diagnostics \
// RUN:   --remarks-filter=".*" --remark-format=emitRemark | FileCheck %s

// What does not fuse stays as it is, and a remark says why.

#same = affine_map<(n, f) -> (n, f)>
#swapped = affine_map<(n, f) -> (f, n)>

// CHECK-LABEL: @transposed
// CHECK: bitnn.matmul {{.*}} -> tensor<1x2xi32>
// CHECK: linalg.generic
func.func @transposed(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %e: tensor<2x1xi8>) -> tensor<2x1xi8> {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{[Missed] bitnn.matmul | Category:bitnn-fuse-epilogue | Function=transposed | Reason="it is not elementwise", Suggestion="keep the requantize directly behind the layer"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#swapped, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e : tensor<2x1xi8>) {
  ^bb0(%a: i32, %out: i8):
    %0 = arith.trunci %a : i32 to i8
    linalg.yield %0 : i8
  } -> tensor<2x1xi8>
  return %y : tensor<2x1xi8>
}

// -----

#same = affine_map<(n, f) -> (n, f)>
#sum = affine_map<(n, f) -> (n)>

// CHECK-LABEL: @reduction
// CHECK: linalg.generic
func.func @reduction(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %e: tensor<1xi32>) -> tensor<1xi32> {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{Reason="it is not elementwise"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #sum], iterator_types = ["parallel", "reduction"]}
      ins(%acc : tensor<1x2xi32>) outs(%e : tensor<1xi32>) {
  ^bb0(%a: i32, %out: i32):
    %0 = arith.maxsi %a, %out : i32
    linalg.yield %0 : i32
  } -> tensor<1xi32>
  return %y : tensor<1xi32>
}

// -----

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @two_results
// CHECK: linalg.generic
func.func @two_results(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %e: tensor<1x2xi8>) -> (tensor<1x2xi8>, tensor<1x2xi8>) {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{Reason="it is not elementwise"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y:2 = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e, %e : tensor<1x2xi8>, tensor<1x2xi8>) {
  ^bb0(%a: i32, %out0: i8, %out1: i8):
    %0 = arith.trunci %a : i32 to i8
    linalg.yield %0, %0 : i8, i8
  } -> (tensor<1x2xi8>, tensor<1x2xi8>)
  return %y#0, %y#1 : tensor<1x2xi8>, tensor<1x2xi8>
}

// -----

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @reads_init
// CHECK: linalg.generic
func.func @reads_init(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %e: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{Reason="it reads its init", Suggestion="use a tensor.empty as init"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e : tensor<1x2xi32>) {
  ^bb0(%a: i32, %out: i32):
    %0 = arith.addi %a, %out : i32
    linalg.yield %0 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @overwritten
// CHECK: %[[ACC:.*]] = bitnn.matmul
// CHECK: linalg.generic {{.*}} outs(%[[ACC]] :
func.func @overwritten(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %r: tensor<1x2xi8>) -> tensor<1x2xi32> {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{Reason="it writes over the layer's result without reading it", Suggestion="use a tensor.empty as init"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%r : tensor<1x2xi8>) outs(%acc : tensor<1x2xi32>) {
  ^bb0(%a: i8, %out: i32):
    %0 = arith.extsi %a : i8 to i32
    linalg.yield %0 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @two_residuals
// CHECK: linalg.generic
func.func @two_residuals(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %r: tensor<1x2xi8>, %s: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{Reason="it reads a second tensor beside the layer's result", Suggestion="add one residual per layer"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %e = tensor.empty() : tensor<1x2xi8>
  %y = linalg.generic {indexing_maps = [#same, #same, #same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc, %r, %s : tensor<1x2xi32>, tensor<1x2xi8>, tensor<1x2xi8>) outs(%e : tensor<1x2xi8>) {
  ^bb0(%a: i32, %b: i8, %c: i8, %out: i8):
    %0 = arith.addi %b, %c : i8
    linalg.yield %0 : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @wide_residual
// CHECK: linalg.generic
func.func @wide_residual(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %r: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{Reason="its residual has elements of type i32", Suggestion="quantize the residual to i8 or i16"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc, %r : tensor<1x2xi32>, tensor<1x2xi32>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%a: i32, %b: i32, %out: i32):
    %0 = arith.addi %a, %b : i32
    linalg.yield %0 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @wide_result
// CHECK: linalg.generic
func.func @wide_result(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %e: tensor<1x2xi64>) -> tensor<1x2xi64> {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{Reason="it stores elements of type i64", Suggestion="requantize to i8 or i16"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e : tensor<1x2xi64>) {
  ^bb0(%a: i32, %out: i64):
    %0 = arith.extsi %a : i32 to i64
    linalg.yield %0 : i64
  } -> tensor<1x2xi64>
  return %y : tensor<1x2xi64>
}

// -----

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @depends_on_batch
// CHECK: linalg.generic
func.func @depends_on_batch(%x: tensor<2x3xi8>, %w: tensor<2x3xi8>, %e: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %init = tensor.empty() : tensor<2x2xi32>
  // expected-remark@+1 {{Reason="'linalg.index' in it is no function of one element and its channel", Suggestion="keep such operations behind the requantize"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<2x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<2x2xi32>) encoding = csd -> tensor<2x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<2x2xi32>) outs(%e : tensor<2x2xi8>) {
  ^bb0(%a: i32, %out: i8):
    %n = linalg.index 0 : index
    %0 = arith.index_cast %n : index to i8
    linalg.yield %0 : i8
  } -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// -----

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @reads_elsewhere
// CHECK: linalg.generic
func.func @reads_elsewhere(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %t: tensor<2xi8>, %e: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %init = tensor.empty() : tensor<1x2xi32>
  // expected-remark@+1 {{Reason="'tensor.extract' in it is no function of one element and its channel"}}
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e : tensor<1x2xi8>) {
  ^bb0(%a: i32, %out: i8):
    %f = linalg.index 1 : index
    %0 = tensor.extract %t[%f] : tensor<2xi8>
    linalg.yield %0 : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

#same = affine_map<(n, f, y, x) -> (n, f, y, x)>

// CHECK-LABEL: @two_uses
// CHECK: linalg.generic
func.func @two_uses(%x: tensor<1x1x2x2xi8>, %w: tensor<1x1x1x1xi8>, %e: tensor<1x1x2x2xi8>) -> (tensor<1x1x2x2xi8>, tensor<1x1x2x2xi32>) {
  %init = tensor.empty() : tensor<1x1x2x2xi32>
  // expected-remark@+1 {{[Missed] bitnn.conv_2d | Category:bitnn-fuse-epilogue | Function=two_uses | Reason="its accumulators have several uses", Suggestion="requantize once and use the 8-bit values"}}
  %acc = bitnn.conv_2d ins(%x, %w : tensor<1x1x2x2xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x2x2xi32>) encoding = csd -> tensor<1x1x2x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%acc : tensor<1x1x2x2xi32>) outs(%e : tensor<1x1x2x2xi8>) {
  ^bb0(%a: i32, %out: i8):
    %0 = arith.trunci %a : i32 to i8
    linalg.yield %0 : i8
  } -> tensor<1x1x2x2xi8>
  return %y, %acc : tensor<1x1x2x2xi8>, tensor<1x1x2x2xi32>
}

// -----

// Accumulators are the result of this network: there is nothing to say.
// CHECK-LABEL: @returned
// CHECK: bitnn.matmul {{.*}} -> tensor<1x2xi32>
func.func @returned(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>) -> tensor<1x2xi32> {
  %init = tensor.empty() : tensor<1x2xi32>
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %acc : tensor<1x2xi32>
}

// -----

// Layers on buffers are left alone.
// CHECK-LABEL: @on_buffers
// CHECK: bitnn.matmul {{.*}} outs(%{{.*}} : memref<1x2xi32>)
func.func @on_buffers(%x: memref<1x3xi8>, %w: memref<2x3xi8>, %init: memref<1x2xi32>) {
  bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<2x3xi8>) outs(%init : memref<1x2xi32>) encoding = csd
  return
}
