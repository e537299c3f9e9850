// RUN: bitnn-opt %s --split-input-file --verify-diagnostics

//===----------------------------------------------------------------------===//
// float_scale
//===----------------------------------------------------------------------===//

// expected-error@+1 {{multipliers must be a nonempty tensor<?xf32>, but are 'tensor<f32>'}}
module attributes {test.a = #bitnn.float_scale<dense<0.5> : tensor<f32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{multipliers must be a nonempty tensor<?xf32>, but are 'tensor<0xf32>'}}
module attributes {test.a = #bitnn.float_scale<dense<> : tensor<0xf32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{multipliers must be a nonempty tensor<?xf32>, but are 'tensor<1xf64>'}}
module attributes {test.a = #bitnn.float_scale<dense<0.5> : tensor<1xf64>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a multiplier must be positive and finite, but is -0.5}}
module attributes {test.a = #bitnn.float_scale<dense<[0.5, -0.5]> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a multiplier must be positive and finite, but is 0}}
module attributes {test.a = #bitnn.float_scale<dense<0.0> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a multiplier must be positive and finite, but is +Inf}}
module attributes {test.a = #bitnn.float_scale<dense<0x7F800000> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a multiplier must be positive and finite, but is NaN}}
module attributes {test.a = #bitnn.float_scale<dense<0x7FC00000> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{range [1, 0] is empty}}
module attributes {test.a = #bitnn.float_scale<dense<0.5> : tensor<1xf32>, zero_point = 0, range = [1, 0]>} {}

// -----

// expected-error@+1 {{range [-32769, 0] does not fit 16 bits}}
module attributes {test.a = #bitnn.float_scale<dense<0.5> : tensor<1xf32>, zero_point = 0, range = [-32769, 0]>} {}

// -----

// expected-error@+1 {{range [0, 32768] does not fit 16 bits}}
module attributes {test.a = #bitnn.float_scale<dense<0.5> : tensor<1xf32>, zero_point = 0, range = [0, 32768]>} {}

// -----

// expected-error@+1 {{zero point -65537 is out of range}}
module attributes {test.a = #bitnn.float_scale<dense<0.5> : tensor<1xf32>, zero_point = -65537, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{zero point 65537 is out of range}}
module attributes {test.a = #bitnn.float_scale<dense<0.5> : tensor<1xf32>, zero_point = 65537, range = [-128, 127]>} {}

// -----

//===----------------------------------------------------------------------===//
// fixed_scale
//===----------------------------------------------------------------------===//

// expected-error@+1 {{multipliers and shifts must be a nonempty tensor<?xi32>, but one is 'tensor<i32>'}}
module attributes {test.a = #bitnn.fixed_scale<dense<1395864371> : tensor<i32>,
    shifts = dense<38> : tensor<1xi32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{multipliers and shifts must be a nonempty tensor<?xi32>, but one is 'tensor<0xi32>'}}
module attributes {test.a = #bitnn.fixed_scale<dense<> : tensor<0xi32>,
    shifts = dense<38> : tensor<1xi32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{multipliers and shifts must be a nonempty tensor<?xi32>, but one is 'tensor<1xi8>'}}
module attributes {test.a = #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
    shifts = dense<38> : tensor<1xi8>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{2 multipliers do not match 1 shifts}}
module attributes {test.a = #bitnn.fixed_scale<dense<1395864371> : tensor<2xi32>,
    shifts = dense<38> : tensor<1xi32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a multiplier must not be negative, but is -1}}
module attributes {test.a = #bitnn.fixed_scale<dense<[5, -1]> : tensor<2xi32>,
    shifts = dense<38> : tensor<2xi32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a shift must be in 2..62, but is 1}}
module attributes {test.a = #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
    shifts = dense<1> : tensor<1xi32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a shift must be in 2..62, but is 63}}
module attributes {test.a = #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
    shifts = dense<63> : tensor<1xi32>, zero_point = 0, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{range [1, 0] is empty}}
module attributes {test.a = #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
    shifts = dense<38> : tensor<1xi32>, zero_point = 0, range = [1, 0]>} {}

// -----

// expected-error@+1 {{zero point 65537 is out of range}}
module attributes {test.a = #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
    shifts = dense<38> : tensor<1xi32>, zero_point = 65537, range = [-128, 127]>} {}

// -----

//===----------------------------------------------------------------------===//
// float_add
//===----------------------------------------------------------------------===//

// expected-error@+1 {{scales must be f32, but one is 'f64'}}
module attributes {test.a = #bitnn.float_add<lhs_scale = 0.5 : f64, lhs_zero_point = 3,
    rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{scales must be f32, but one is 'f16'}}
module attributes {test.a = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
    rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.5 : f16, zero_point = -1, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a scale must be positive and finite, but is 0}}
module attributes {test.a = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
    rhs_scale = 0.0 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{a scale must be positive and finite, but is -0.7}}
module attributes {test.a = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
    rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = -0.75 : f32, zero_point = -1, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{zero point 65537 is out of range}}
module attributes {test.a = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 65537,
    rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{zero point -65537 is out of range}}
module attributes {test.a = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
    rhs_scale = 0.25 : f32, rhs_zero_point = -65537, scale = 0.7 : f32, zero_point = -1, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{zero point 65538 is out of range}}
module attributes {test.a = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
    rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = 65538, range = [-128, 127]>} {}

// -----

// expected-error@+1 {{range [127, -128] is empty}}
module attributes {test.a = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
    rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [127, -128]>} {}

// -----

//===----------------------------------------------------------------------===//
// Attributes of the dialect on operations
//===----------------------------------------------------------------------===//

// expected-error@+1 {{'builtin.module' op attribute 'bitnn.target' must be a #bitnn.target, but is "rv32i"}}
module attributes {bitnn.target = "rv32i"} {}

// -----

// expected-error@+1 {{'func.func' op cannot carry 'bitnn.target'; put it on the module}}
func.func private @f() attributes {bitnn.target = #bitnn.target<triple = "", cpu = "", features = "">}

// -----

// expected-error@+1 {{'builtin.module' op attribute 'bitnn.layers' must be an array of dictionaries}}
module attributes {bitnn.layers = {}} {}

// -----

// expected-error@+1 {{'builtin.module' op attribute 'bitnn.layers' must be an array of dictionaries}}
module attributes {bitnn.layers = [{}, 1]} {}

// -----

func.func @kernel() {
  // expected-error@+1 {{'arith.constant' op attribute 'bitnn.kernel' must be a string}}
  %c = arith.constant {bitnn.kernel = 1} 0 : i32
  return
}

// -----

// expected-error@+1 {{'builtin.module' op has an unknown attribute 'bitnn.tarjet' of the bitnn dialect}}
module attributes {bitnn.tarjet} {}

// -----

//===----------------------------------------------------------------------===//
// Edges
//===----------------------------------------------------------------------===//

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.name' must be a string}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.name = 1 : i32})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.tensor' must be a string}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.tensor})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.scale' must be an f32}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.scale = 0.5 : f64})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.scale' must be an f32}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.scale = 1 : i32})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.zero_point' must be an i32}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.zero_point = 1 : i8})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.unsigned' must be a unit attribute}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.unsigned = true})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.float' must be a unit attribute}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.float = "f32"})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.caller' must be an array of strings}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.caller = "Softmax"})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.caller' must be an array of strings}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.caller = ["Softmax", 1]})

// -----

// expected-error@+1 {{'func.func' op argument 1: attribute 'bitnn.color' is not an attribute of an edge}}
func.func private @f(tensor<4xi8>, tensor<4xi8> {bitnn.color})

// -----

// expected-error@+1 {{'func.func' op result 0: attribute 'bitnn.scale' must be an f32}}
func.func private @f() -> (tensor<4xi8> {bitnn.scale = 0.5 : f64})

// -----

// expected-error@+1 {{'func.func' op result 0: attribute 'bitnn.kernel' is not an attribute of an edge}}
func.func private @f() -> (tensor<4xi8> {bitnn.kernel = "l0"})

// -----

// expected-error@+1 {{attribute 'bitnn.arena' must be a dictionary}}
module attributes {bitnn.arena = 7} {}
