// RUN: bitnn-opt %s --convert-linalg-to-bitnn --split-input-file --verify-diagnostics \
// RUN:   --remarks-filter=".*" --remark-format=emitRemark | FileCheck %s

func.func @converted(%x: tensor<1x2xi8>) -> tensor<1x2xi32> {
  %w = arith.constant dense<[[7, 0], [3, -128]]> : tensor<2x2xi8>
  %init = arith.constant dense<0> : tensor<1x2xi32>
  // CHECK: bitnn.matmul
  // expected-remark@+1 {{[Passed] bitnn.matmul | Category:convert-linalg-to-bitnn | Function=converted | Digits=5, Encoding=csd, Weights=4}}
  %y = linalg.matmul ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

// CHECK-LABEL: @added_init
func.func @added_init(%x: tensor<1x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<[[1, 0], [3, -128]]> : tensor<2x2xi8>
  // CHECK: linalg.add
  // expected-remark@+2 {{Reason="its init is not a constant per output channel: added afterwards"}}
  // expected-remark@+1 {{[Passed] bitnn.matmul}}
  %y = linalg.matmul ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

// CHECK-LABEL: @variable_weights
func.func @variable_weights(%x: tensor<1x2xi8>, %w: tensor<2x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  // CHECK: linalg.matmul
  // expected-remark@+1 {{[Missed] linalg.matmul | Category:convert-linalg-to-bitnn | Function=variable_weights | Reason="no operand is constant, so there are no digits", Suggestion="make the weights a constant of the model"}}
  %y = linalg.matmul ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

// A resource that is too short has no values.
func.func @short_resource(%x: tensor<1x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense_resource<short> : tensor<2x2xi8>
  // expected-remark@+1 {{no operand is constant}}
  %y = linalg.matmul ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

{-#
  dialect_resources: {
    builtin: {
      short: "0x01000000010203"
    }
  }
#-}

// -----

func.func @float(%x: tensor<1x2xf32>, %init: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-remark@+1 {{Reason="it accumulates in f32", Suggestion="quantize the operands and accumulate in i32"}}
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

func.func @variable_zero_point(%x: tensor<1x2xi8>, %z: i32, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  %c0 = arith.constant 0 : i32
  // expected-remark@+1 {{Reason="a zero point is not a constant"}}
  %y = linalg.quantized_matmul ins(%x, %w, %z, %c0 : tensor<1x2xi8>, tensor<2x2xi8>, i32, i32) outs(%init : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

func.func @large_weights(%x: tensor<1x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<32767> : tensor<2x2xi16>
  %c0 = arith.constant 0 : i32
  %z = arith.constant -1 : i32
  // expected-remark@+1 {{Reason="weights minus their zero point reach [0, 32768], which is not in 16 bits"}}
  %y = linalg.quantized_matmul ins(%x, %w, %c0, %z : tensor<1x2xi8>, tensor<2x2xi16>, i32, i32) outs(%init : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

func.func @wide_input(%x: tensor<1x2xi32>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  // expected-remark@+1 {{Reason="its input has elements of type i32", Suggestion="quantize the input to i8 or i16"}}
  %y = linalg.matmul ins(%x, %w : tensor<1x2xi32>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

func.func @dynamic(%x: tensor<?x2xi8>, %init: tensor<?x2xi32>) -> tensor<?x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  // expected-remark@+1 {{Reason="it is not on tensors of static shape"}}
  %y = linalg.matmul ins(%x, %w : tensor<?x2xi8>, tensor<2x2xi8>) outs(%init : tensor<?x2xi32>) -> tensor<?x2xi32>
  return %y : tensor<?x2xi32>
}

// -----

func.func @conv_1d(%x: tensor<1x2x5xi8>, %init: tensor<1x1x4xi32>) -> tensor<1x1x4xi32> {
  %w = arith.constant dense<1> : tensor<1x2x2xi8>
  // expected-remark@+1 {{Reason="it convolves 1 dimensions, and bitnn two"}}
  %y = linalg.conv_1d_ncw_fcw ins(%x, %w : tensor<1x2x5xi8>, tensor<1x2x2xi8>) outs(%init : tensor<1x1x4xi32>) -> tensor<1x1x4xi32>
  return %y : tensor<1x1x4xi32>
}

// -----

func.func @conv_without_batch(%x: tensor<4x4xi8>, %init: tensor<3x3xi32>) -> tensor<3x3xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  // expected-remark@+1 {{Reason="it has no batch or no channels"}}
  %y = linalg.conv_2d ins(%x, %w : tensor<4x4xi8>, tensor<2x2xi8>) outs(%init : tensor<3x3xi32>) -> tensor<3x3xi32>
  return %y : tensor<3x3xi32>
}

// -----

func.func @batch_matmul(%x: tensor<2x1x2xi8>, %init: tensor<2x1x2xi32>) -> tensor<2x1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2x2xi8>
  // expected-remark@+1 {{Reason="it is a batch of matrix products with different weights"}}
  %y = linalg.batch_matmul ins(%x, %w : tensor<2x1x2xi8>, tensor<2x2x2xi8>) outs(%init : tensor<2x1x2xi32>) -> tensor<2x1x2xi32>
  return %y : tensor<2x1x2xi32>
}

// -----

func.func @matvec(%x: tensor<2xi8>, %init: tensor<2xi32>) -> tensor<2xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  // expected-remark@+1 {{Reason="it is a product of a matrix and a vector"}}
  %y = linalg.matvec ins(%w, %x : tensor<2x2xi8>, tensor<2xi8>) outs(%init : tensor<2xi32>) -> tensor<2xi32>
  return %y : tensor<2xi32>
}

// -----

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @unsigned(%x: tensor<1x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  // expected-remark@+1 {{Reason="an operand is unsigned (arith.extui)", Suggestion="re-centre it: xor with -128, zero point minus 128"}}
  %y = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%in: i8, %weight: i8, %out: i32):
    %0 = arith.extui %in : i8 to i32
    %1 = arith.extsi %weight : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %out, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @shifted(%x: tensor<1x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  %c1 = arith.constant 1 : i32
  // expected-remark@+1 {{Reason="the body is not 'accumulator + a * b'"}}
  %y = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%in: i8, %weight: i8, %out: i32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.extsi %weight : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.shrsi %2, %c1 : i32
    %4 = arith.addi %out, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

// A zero point that is subtracted in 8 bits could wrap.
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @narrow_subtraction(%x: tensor<1x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  %z = arith.constant 3 : i8
  // expected-remark@+1 {{Reason="a factor is not an element of an operand minus a constant", Suggestion="compute the operand in an operation of its own"}}
  %y = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%in: i8, %weight: i8, %out: i32):
    %centred = arith.subi %in, %z : i8
    %0 = arith.extsi %centred : i8 to i32
    %1 = arith.extsi %weight : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %out, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n + k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @hankel_weights(%x: tensor<1x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<3xi8>
  // expected-remark@+1 {{Reason="its weights or results are not indexed by plain loops", Suggestion="write it as one of linalg's named operations"}}
  %y = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<1x2xi8>, tensor<3xi8>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%in: i8, %weight: i8, %out: i32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.extsi %weight : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %out, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

// A true convolution turns its window around.
#x = affine_map<(n, f, y, x, c, i, j) -> (n, c, y - i + 1, x + j)>
#w = affine_map<(n, f, y, x, c, i, j) -> (f, c, i, j)>
#y = affine_map<(n, f, y, x, c, i, j) -> (n, f, y, x)>
func.func @reversed_window(%x: tensor<1x1x3x3xi8>, %init: tensor<1x1x2x2xi32>) -> tensor<1x1x2x2xi32> {
  %w = arith.constant dense<1> : tensor<1x1x2x2xi8>
  // expected-remark@+1 {{Reason="dimension 2 of its input is not indexed by 'image * stride + kernel * dilation'", Suggestion="write it as one of linalg's named convolutions"}}
  %y = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<1x1x3x3xi8>, tensor<1x1x2x2xi8>) outs(%init : tensor<1x1x2x2xi32>) {
  ^bb0(%in: i8, %weight: i8, %out: i32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.extsi %weight : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %out, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x1x2x2xi32>
  return %y : tensor<1x1x2x2xi32>
}

// -----

// Two dimensions are summed that a matrix product would have as one.
#x = affine_map<(m, n, k, l) -> (m, k, l)>
#w = affine_map<(m, n, k, l) -> (n, k, l)>
#y = affine_map<(m, n, k, l) -> (m, n)>
func.func @two_reductions(%x: tensor<1x2x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2x3xi8>
  // expected-remark@+1 {{Reason="loop 3 is not the only batch, group, output channel or input channel", Suggestion="collapse dimensions of the same kind into one"}}
  %y = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<1x2x3xi8>, tensor<2x2x3xi8>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%in: i8, %weight: i8, %out: i32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.extsi %weight : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %out, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

// No sum of products: there is nothing to say.
func.func @pooling(%x: tensor<1x1x2x2xi8>, %w: tensor<2x2xi8>, %init: tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32> {
  %y = linalg.pooling_nchw_sum ins(%x, %w : tensor<1x1x2x2xi8>, tensor<2x2xi8>) outs(%init : tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32>
  return %y : tensor<1x1x1x1xi32>
}
