// RUN: bitnn-opt %s --convert-bitnn-to-arith -split-input-file --remarks-filter=".*" --remark-format=emitRemark -verify-diagnostics

// float32 rounds accumulators above 2^24, so that no line gives all steps.
func.func @tiny(%acc: i32) -> i8 {
  // expected-remark@below {{narrow accumulator_range}}
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
      dense<1.3e-6> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
  return %q : i8
}

// -----

func.func @narrow(%acc: i32) -> i8 {
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
      dense<1.3e-6> : tensor<1xf32>, zero_point = 0, range = [-128, 127]> accumulator_range = [-900000, 900000]
  return %q : i8
}

// -----

func.func @tensor(%acc: tensor<3xi32>) -> tensor<3xi8> {
  // expected-error@below {{is on a tensor; put it into a linalg.generic, with --convert-elementwise-to-linalg}}
  %q = bitnn.requantize %acc : tensor<3xi32> -> tensor<3xi8> using #bitnn.float_scale<
      dense<0.1> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
  return %q : tensor<3xi8>
}

// -----

func.func @rank_2(%x: vector<2x4xi8>) -> vector<2x4xi8> {
  // expected-error@below {{is on a vector that is not of rank 1}}
  %y = bitnn.lookup %x : vector<2x4xi8> in dense<0> : tensor<256xi8>
  return %y : vector<2x4xi8>
}
