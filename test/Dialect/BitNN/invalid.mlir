// RUN: bitnn-opt %s --split-input-file --verify-diagnostics

//===----------------------------------------------------------------------===//
// conv_2d
//===----------------------------------------------------------------------===//

func.func @conv_of_one_stride(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op strides must be two positive integers}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) strides = [1] encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_no_stride(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op strides must be two positive integers}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) strides = [1, 0] encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_negative_dilation(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op dilations must be two positive integers}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) dilations = [-1, 1] encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_dynamic_input(%x: tensor<?x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op needs static shapes}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<?x2x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_dynamic_weights(%x: tensor<1x2x6x6xi8>, %w: tensor<?x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op needs static shapes}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xi8>, tensor<?x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_dynamic_init(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x?x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op needs static shapes}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x?x4xi32>) encoding = csd -> tensor<1x4x?x4xi32>
  return
}

// -----

func.func @conv_of_wrong_channels(%x: tensor<1x3x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op groups = 1 does not fit 3 input channels and 4 x 2 weights}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x3x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_odd_outputs(%x: tensor<1x6x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op groups = 3 does not fit 6 input channels and 4 x 2 weights}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x6x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) groups = 3 encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_no_groups(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op groups = 0 does not fit 2 input channels and 4 x 2 weights}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) groups = 0 encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_high_window(%x: tensor<1x2x4x9xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x1x5xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op window of 5 does not fit the input's dimension 2 of 4}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x4x9xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x1x5xi32>) dilations = [2, 2] encoding = csd -> tensor<1x4x1x5xi32>
  return
}

// -----

func.func @conv_of_wide_window(%x: tensor<1x2x6x2xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x1xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op window of 3 does not fit the input's dimension 3 of 2}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x2xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x1xi32>) encoding = csd -> tensor<1x4x4x1xi32>
  return
}

// -----

func.func @conv_of_wrong_init(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op init must have shape [1, 4, 2, 4], but has [1, 4, 4, 4]}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) strides = [2, 1] encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_short_bias(%x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>, %b: tensor<3xi32>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op bias must have one element for each of the 4 outputs}}
  %y = bitnn.conv_2d ins(%x, %w, %b : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>, tensor<3xi32>)
      outs(%init : tensor<1x4x4x4xi32>) encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

func.func @conv_of_unsigned_input(%x: tensor<1x2x6x6xui8>, %w: tensor<4x2x3x3xi8>, %init: tensor<1x4x4x4xi32>) {
  // expected-error@+1 {{'bitnn.conv_2d' op operand #0 must be}}
  %y = bitnn.conv_2d ins(%x, %w : tensor<1x2x6x6xui8>, tensor<4x2x3x3xi8>)
      outs(%init : tensor<1x4x4x4xi32>) encoding = csd -> tensor<1x4x4x4xi32>
  return
}

// -----

//===----------------------------------------------------------------------===//
// matmul, and what both have in common
//===----------------------------------------------------------------------===//

func.func @matmul_of_dynamic_input(%x: tensor<?x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op needs static shapes}}
  %y = bitnn.matmul ins(%x, %w : tensor<?x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return
}

// -----

func.func @matmul_of_wrong_columns(%x: tensor<1x4xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op input has 4 columns, but the weights 3}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x4xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return
}

// -----

func.func @matmul_of_wrong_init(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x3xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op init must have shape [1, 2], but has [1, 3]}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x3xi32>) encoding = csd -> tensor<1x3xi32>
  return
}

// -----

func.func @tensors_and_memrefs(%x: tensor<1x3xi8>, %w: memref<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op mixes tensors and memrefs}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, memref<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return
}

// -----

func.func @no_result(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op must have one result of the init's type on tensors, and none on memrefs}}
  bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>) outs(%init : tensor<1x2xi32>) encoding = csd
  return
}

// -----

func.func @other_result(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op must have one result of the init's type on tensors, and none on memrefs}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi8>
  return
}

// -----

func.func @result_on_memrefs(%x: memref<1x3xi8>, %w: memref<2x3xi8>, %init: memref<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op must have one result of the init's type on tensors, and none on memrefs}}
  %y = bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<2x3xi8>)
      outs(%init : memref<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return
}

// -----

func.func @three_bit_weights(%x: tensor<1x3xi8>, %w: tensor<2x3xi3>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op weights must be i2, i4, i8 or i16, but are 'i3'}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi3>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return
}

// -----

func.func @long_bias(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %b: tensor<3xi32>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op bias must have one element for each of the 2 outputs}}
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi8>, tensor<3xi32>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return
}

// -----

func.func @residual_of_other_shape(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %r: tensor<2x1xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op residual must have the shape of the init}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>) residual(%r : tensor<2x1xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return
}

// -----

func.func @residual_without_epilogue(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %r: tensor<1x2xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op a residual needs an epilogue that reads it}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>) residual(%r : tensor<1x2xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return
}

// -----

func.func @one_bound(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op input_range must be two values of the input's type, the smaller first}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd input_range = [0] -> tensor<1x2xi32>
  return
}

// -----

func.func @larger_bound_first(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op input_range must be two values of the input's type, the smaller first}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd input_range = [1, 0] -> tensor<1x2xi32>
  return
}

// -----

func.func @range_of_unsigned(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op input_range must be two values of the input's type, the smaller first}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd input_range = [0, 128] -> tensor<1x2xi32>
  return
}

// -----

func.func @small_accumulator(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi16>) {
  // expected-error@+1 {{'bitnn.matmul' op without an epilogue the init must be i32, but is 'i16'}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi16>) encoding = csd -> tensor<1x2xi16>
  return
}

// -----

func.func @epilogue_without_channel(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op epilogue must take (accumulator: i32, channel: index)}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd epilogue {
  ^bb0(%acc: i32):
    bitnn.yield %acc : i32
  } -> tensor<1x2xi32>
  return
}

// -----

func.func @epilogue_without_residual(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %r: tensor<1x2xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op epilogue must take (accumulator: i32, channel: index, residual element)}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>) residual(%r : tensor<1x2xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index, %residual: i16):
    bitnn.yield %acc : i32
  } -> tensor<1x2xi32>
  return
}

// -----

func.func @epilogue_of_other_type(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi8>) {
  // expected-error@+1 {{'bitnn.matmul' op epilogue must yield one value of the init's element type 'i8'}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    bitnn.yield %acc : i32
  } -> tensor<1x2xi8>
  return
}

// -----

func.func @epilogue_of_two_values(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op epilogue must yield one value of the init's element type 'i32'}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    bitnn.yield %acc, %acc : i32, i32
  } -> tensor<1x2xi32>
  return
}

// -----

func.func @epilogue_with_other_end(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op epilogue must yield one value of the init's element type 'i32'}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    llvm.unreachable
  } -> tensor<1x2xi32>
  return
}

// -----

func.func @empty_epilogue(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) {
  // expected-error@+1 {{'bitnn.matmul' op epilogue must yield one value of the init's element type 'i32'}}
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
  } -> tensor<1x2xi32>
  return
}

// -----

func.func @epilogue_of_other_channels(%x: tensor<1x3xi8>, %w: tensor<4x3xi8>, %init: tensor<1x4xi8>) {
  %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<4x3xi8>)
      outs(%init : tensor<1x4xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    // expected-error@+1 {{'bitnn.requantize' op has 2 reference functions for 4 channels}}
    %q = bitnn.requantize %acc[%channel] : i32 -> i8 using #bitnn.float_scale<
        dense<0.5> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>
    bitnn.yield %q : i8
  } -> tensor<1x4xi8>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Scalar operations
//===----------------------------------------------------------------------===//

func.func @requantize_of_i64(%acc: i64) {
  // expected-error@+1 {{'bitnn.requantize' op accumulator must have at most 32 bits, but is 'i64'}}
  %q = bitnn.requantize %acc : i64 -> i8 using #bitnn.float_scale<
      dense<0.5> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
  return
}

// -----

func.func @channels_of_a_scalar(%acc: i32, %i: index) -> i8 {
  // expected-error@+1 {{'bitnn.requantize' op has consecutive indices, but is not on a vector}}
  %q = bitnn.requantize %acc[%i] consecutive : i32 -> i8 using #bitnn.float_scale<dense<0.1> : tensor<3xf32>,
      zero_point = 0, range = [-128, 127]>
  return %q : i8
}

// -----

func.func @accumulator_range_of_no_function(%acc: i32, %i: index) -> i8 {
  // expected-error@+1 {{'bitnn.requantize' op accumulator_range must be one interval, or 3, one for each reference function}}
  %q = bitnn.requantize %acc[%i] : i32 -> i8 using #bitnn.float_scale<dense<0.1> : tensor<3xf32>,
      zero_point = 0, range = [-128, 127]> accumulator_range = [0, 1, 0, 1]
  return %q : i8
}

// -----

func.func @accumulator_range_leaves_the_type(%acc: i16) -> i8 {
  // expected-error@+1 {{'bitnn.requantize' op accumulator_range has [0, 40000], which is not an interval of 'i16'}}
  %q = bitnn.requantize %acc : i16 -> i8 using #bitnn.float_scale<dense<0.1> : tensor<1xf32>,
      zero_point = 0, range = [-128, 127]> accumulator_range = [0, 40000]
  return %q : i8
}

// -----

func.func @requantize_without_index(%acc: i32) {
  // expected-error@+1 {{'bitnn.requantize' op needs an index to choose one of 2 reference functions}}
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
      dense<0.5> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>
  return
}

// -----

func.func @requantize_to_i8(%acc: i32) {
  // expected-error@+1 {{'bitnn.requantize' op range [0, 255] does not fit the result type 'i8'}}
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
      shifts = dense<38> : tensor<1xi32>, zero_point = 0, range = [0, 255]>
  return
}

// -----

func.func @requantize_to_i4(%acc: vector<8xi32>) {
  // expected-error@+1 {{'bitnn.requantize' op range [-9, 7] does not fit the result type 'i4'}}
  %q = bitnn.requantize %acc : vector<8xi32> -> vector<8xi4> using #bitnn.float_scale<
      dense<0.5> : tensor<1xf32>, zero_point = 0, range = [-9, 7]>
  return
}

// -----

func.func @requantize_by_addition(%acc: i32) {
  // expected-error@+1 {{custom op 'bitnn.requantize' invalid kind of attribute specified}}
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
      rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-128, 127]>
  return
}

// -----

func.func @lookup_of_i16(%x: i16) {
  // expected-error@+1 {{'bitnn.lookup' op input must be i8, but is 'i16'}}
  %y = bitnn.lookup %x : i16 in dense<7> : tensor<256xi8>
  return
}

// -----

func.func @lookup_in_small_table(%x: i8) {
  // expected-error@+1 {{'bitnn.lookup' op table must be a tensor<256xi8>, but is 'tensor<255xi8>'}}
  %y = bitnn.lookup %x : i8 in dense<7> : tensor<255xi8>
  return
}

// -----

func.func @lookup_of_i16_values(%x: vector<8xi8>) {
  // expected-error@+1 {{'bitnn.lookup' op table must be a tensor<256xi8>, but is 'tensor<256xi16>'}}
  %y = bitnn.lookup %x : vector<8xi8> in dense<7> : tensor<256xi16>
  return
}

// -----

func.func @lookup_in_resource(%x: i8) {
  // expected-error@+1 {{'bitnn.lookup' op table must be a dense attribute}}
  %y = bitnn.lookup %x : i8 in dense_resource<table> : tensor<256xi8>
  return
}

// -----

func.func @add_of_i16(%x: i16) {
  // expected-error@+1 {{'bitnn.add' op operands must be i8, but are 'i16'}}
  %y = bitnn.add %x, %x : i16 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
      rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-128, 127]>
  return
}

// -----

func.func @add_of_large_range(%x: i8) {
  // expected-error@+1 {{'bitnn.add' op range [-129, 127] does not fit the result type 'i8'}}
  %y = bitnn.add %x, %x : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
      rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-129, 127]>
  return
}

// -----

//===----------------------------------------------------------------------===//
// adder_graph and yield
//===----------------------------------------------------------------------===//

func.func @graph_without_results(%x: i32) {
  // expected-error@+1 {{a code block has at least one result}}
  bitnn.adder_graph(%x) : i32 -> 0 {
  ^bb0(%a: i32):
    bitnn.yield
  }
  return
}

// -----

func.func @generic_graph_without_results(%x: i32) {
  // expected-error@+1 {{'bitnn.adder_graph' op must have at least one result}}
  "bitnn.adder_graph"(%x) ({
  ^bb0(%a: i32):
    bitnn.yield
  }) : (i32) -> ()
  return
}

// -----

func.func @graph_of_two_inputs(%x: i32, %y: i16) {
  // expected-error@+1 {{'bitnn.adder_graph' op input of type 'i16' is not of the lane type 'i32'}}
  %z = "bitnn.adder_graph"(%x, %y) ({
  ^bb0(%a: i32, %b: i16):
    bitnn.yield %a : i32
  }) : (i32, i16) -> i32
  return
}

// -----

func.func @graph_of_two_results(%x: i32) {
  // expected-error@+1 {{'bitnn.adder_graph' op result of type 'i16' is not of the lane type 'i32'}}
  %z:2 = "bitnn.adder_graph"(%x) ({
  ^bb0(%a: i32):
    bitnn.yield %a, %a : i32, i32
  }) : (i32) -> (i32, i16)
  return
}

// -----

func.func @graph_of_other_arguments(%x: i32) {
  // expected-error@+1 {{'bitnn.adder_graph' op block arguments must be those of the inputs}}
  %z = bitnn.adder_graph(%x) : i32 -> 1 {
  ^bb0(%a: i32, %b: i32):
    bitnn.yield %a : i32
  }
  return
}

// -----

func.func @graph_that_multiplies(%x: i32) {
  %z = bitnn.adder_graph(%x) : i32 -> 1 {
  ^bb0(%a: i32):
    // expected-error@+1 {{'arith.muli' op is not an addition, a subtraction, a shift or a constant: it cannot be part of an adder graph}}
    %0 = arith.muli %a, %a : i32
    bitnn.yield %0 : i32
  }
  return
}

// -----

func.func @graph_of_other_lanes(%x: i32) {
  %z = bitnn.adder_graph(%x) : i32 -> 1 {
  ^bb0(%a: i32):
    // expected-error@+1 {{'arith.constant' op is not of the lane type 'i32'}}
    %0 = arith.constant 1 : i16
    bitnn.yield %a : i32
  }
  return
}

// -----

func.func @graph_with_variable_shift(%x: i32) {
  %z = bitnn.adder_graph(%x) : i32 -> 1 {
  ^bb0(%a: i32):
    // expected-error@+1 {{'arith.shli' op must shift by a constant}}
    %0 = arith.shli %a, %a : i32
    bitnn.yield %0 : i32
  }
  return
}

// -----

func.func @graph_of_other_yield(%x: i32) {
  %z:2 = bitnn.adder_graph(%x) : i32 -> 2 {
  ^bb0(%a: i32):
    // expected-error@+1 {{'bitnn.yield' op must yield the results of the adder graph}}
    bitnn.yield %a : i32
  }
  return
}

// -----

func.func @yield_elsewhere(%x: i32) {
  // expected-error@+1 {{'bitnn.yield' op expects parent op to be one of 'bitnn.adder_graph, bitnn.conv_2d, bitnn.matmul'}}
  bitnn.yield %x : i32
}
