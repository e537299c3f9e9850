// RUN: bitnn-opt %s --canonicalize | FileCheck %s

#scales = #bitnn.float_scale<dense<[0.5, 0.25]> : tensor<2xf32>, zero_point = 1, range = [-128, 127]>
#one = #bitnn.float_scale<dense<0.5> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
#fixed = #bitnn.fixed_scale<dense<1073741824> : tensor<1xi32>, shifts = dense<31> : tensor<1xi32>, zero_point = 0, range = [-128, 127]>
#add = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3, rhs_scale = 0.25 : f32,
                        rhs_zero_point = -128, scale = 0.5 : f32, zero_point = -1, range = [-128, 127]>

// Ties to even, and half up.
// CHECK-LABEL: @requantize
func.func @requantize() -> (i8, i8, i8, i8, i16) {
  // CHECK-DAG: %[[TWO:.*]] = arith.constant 2 : i8
  // CHECK-DAG: %[[THREE:.*]] = arith.constant 3 : i8
  // CHECK-DAG: %[[MAX:.*]] = arith.constant 127 : i8
  // CHECK-DAG: %[[WIDE:.*]] = arith.constant -2 : i16
  // CHECK: return %[[TWO]], %[[THREE]], %[[THREE]], %[[MAX]], %[[WIDE]]
  %c5 = arith.constant 5 : i32
  %c6 = arith.constant 6 : i32
  %big = arith.constant 2147483647 : i32
  %minus3 = arith.constant -3 : i32
  %one = arith.constant 1 : index
  %a = bitnn.requantize %c5 : i32 -> i8 using #one
  %b = bitnn.requantize %c6[%one] : i32 -> i8 using #scales
  %c = bitnn.requantize %c5 : i32 -> i8 using #fixed
  %d = bitnn.requantize %big[%one] : i32 -> i8 using #scales
  %e = bitnn.requantize %minus3 : i32 -> i16 using #one
  return %a, %b, %c, %d, %e : i8, i8, i8, i8, i16
}

// CHECK-LABEL: @vectors
func.func @vectors() -> (vector<3xi8>, vector<2xi8>, vector<2xi8>) {
  // CHECK-DAG: %[[Q:.*]] = arith.constant dense<[0, 2, 2]> : vector<3xi8>
  // CHECK-DAG: %[[S:.*]] = arith.constant dense<70> : vector<2xi8>
  // CHECK-DAG: %[[L:.*]] = arith.constant dense<[7, 9]> : vector<2xi8>
  // CHECK: return %[[Q]], %[[S]], %[[L]]
  %acc = arith.constant dense<[1, 3, 5]> : vector<3xi32>
  %q = bitnn.requantize %acc : vector<3xi32> -> vector<3xi8> using #one
  %x = arith.constant dense<10> : vector<2xi8>
  %y = arith.constant dense<0> : vector<2xi8>
  %s = bitnn.add %x, %y : vector<2xi8> using #add
  %p = arith.constant dense<[-128, 0]> : vector<2xi8>
  %l = bitnn.lookup %p : vector<2xi8> in dense<"0x07000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000900000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"> : tensor<256xi8>
  return %q, %s, %l : vector<3xi8>, vector<2xi8>, vector<2xi8>
}

// What is not constant stays, and an index outside of the family too.
// CHECK-LABEL: @stays
func.func @stays(%acc: i32, %index: index, %x: i8) -> (i8, i8, i8, i8) {
  // CHECK-COUNT-3: bitnn.requantize
  // CHECK: bitnn.add
  %c6 = arith.constant 6 : i32
  %two = arith.constant 2 : index
  %y = arith.constant 1 : i8
  %a = bitnn.requantize %acc : i32 -> i8 using #one accumulator_range = [-100, 200]
  %b = bitnn.requantize %c6[%index] : i32 -> i8 using #scales
  %c = bitnn.requantize %c6[%two] : i32 -> i8 using #scales
  %d = bitnn.add %x, %y : i8 using #add
  return %a, %b, %c, %d : i8, i8, i8, i8
}

// CHECK-LABEL: @add
func.func @add() -> i8 {
  // CHECK: %[[S:.*]] = arith.constant 70 : i8
  // CHECK: return %[[S]]
  %x = arith.constant 10 : i8
  %y = arith.constant 0 : i8
  %s = bitnn.add %x, %y : i8 using #add
  return %s : i8
}

// Lanes of channels of their own have no one function.
// CHECK-LABEL: @channels
func.func @channels() -> vector<2xi8> {
  // CHECK: bitnn.requantize %{{.*}}[%{{.*}}] consecutive : vector<2xi32> -> vector<2xi8>
  %acc = arith.constant dense<6> : vector<2xi32>
  %zero = arith.constant 0 : index
  %q = bitnn.requantize %acc[%zero] consecutive : vector<2xi32> -> vector<2xi8> using #scales
  return %q : vector<2xi8>
}
