// RUN: bitnn-opt %s --convert-bitnn-to-arith --canonicalize | FileCheck %s --implicit-check-not=arith.mul

// 2 a + b with the parity bit: powers of two.
// CHECK-LABEL: @powers(
// CHECK-SAME: %[[A:.*]]: i8, %[[B:.*]]: i8
func.func @powers(%a: i8, %b: i8) -> i8 {
  // CHECK-DAG: %[[WA:.*]] = arith.extsi %[[A]] : i8 to i32
  // CHECK-DAG: %[[WB:.*]] = arith.extsi %[[B]] : i8 to i32
  // CHECK: %[[A2:.*]] = arith.shli %[[WA]], %{{.*}} : i32
  // CHECK: %[[S:.*]] = arith.addi %[[A2]], %[[WB]] : i32
  // CHECK: arith.andi
  // CHECK: arith.shrsi
  // CHECK: arith.maxsi
  // CHECK: arith.minsi
  // CHECK: arith.trunci %{{.*}} : i32 to i8
  %s = bitnn.add %a, %b : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
      rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.5 : f32, zero_point = -1, range = [-128, 127]>
  return %s : i8
}

// Both scales the same: one sum is scaled, not two values.
// CHECK-LABEL: @same(
// CHECK-SAME: %[[A:.*]]: vector<8xi8>, %[[B:.*]]: vector<8xi8>
func.func @same(%a: vector<8xi8>, %b: vector<8xi8>) -> vector<8xi8> {
  // CHECK-DAG: %[[WA:.*]] = arith.extsi %[[A]] : vector<8xi8> to vector<8xi32>
  // CHECK-DAG: %[[WB:.*]] = arith.extsi %[[B]] : vector<8xi8> to vector<8xi32>
  // CHECK: arith.addi %[[WA]], %[[WB]] : vector<8xi32>
  %s = bitnn.add %a, %b : vector<8xi8> using #bitnn.float_add<lhs_scale = 0.02 : f32, lhs_zero_point = 3,
      rhs_scale = 0.02 : f32, rhs_zero_point = 0, scale = 0.031 : f32, zero_point = -1, range = [-128, 127]>
  return %s : vector<8xi8>
}

// Ties that float32's errors decide: a bit for each pair.
// CHECK-LABEL: @tied(
// CHECK-SAME: %[[A:.*]]: i8, %[[B:.*]]: i8
func.func @tied(%a: i8, %b: i8) -> i8 {
  // CHECK: %[[T:.*]] = memref.get_global @bitnn_table_i8_{{.*}} : memref<8192xi8>
  // CHECK: %[[BYTE:.*]] = memref.load %[[T]]
  // CHECK: arith.shrui %[[BYTE]], %{{.*}} : i8
  // CHECK: %[[BIT:.*]] = arith.andi %{{.*}} : i8
  // CHECK: %[[S:.*]] = arith.addi %{{.*}}, %[[BIT]] : i8
  // CHECK: return %[[S]]
  %s = bitnn.add %a, %b : i8 using #bitnn.float_add<lhs_scale = 0.0123 : f32, lhs_zero_point = 7,
      rhs_scale = 0.0123 : f32, rhs_zero_point = -3, scale = 0.0246 : f32, zero_point = 0, range = [-128, 127]>
  return %s : i8
}

// Scales too far apart for 32 bits: all pairs.
// CHECK-LABEL: @distant(
func.func @distant(%a: i8, %b: i8) -> i8 {
  // CHECK: %[[T:.*]] = memref.get_global @bitnn_table_i8_{{.*}} : memref<65536xi8>
  // CHECK: %[[S:.*]] = memref.load %[[T]]
  // CHECK: return %[[S]]
  %s = bitnn.add %a, %b : i8 using #bitnn.float_add<lhs_scale = 1.0e+10 : f32, lhs_zero_point = 0,
      rhs_scale = 1.0 : f32, rhs_zero_point = 0, scale = 1.0 : f32, zero_point = 0, range = [-128, 127]>
  return %s : i8
}

// Small factors keep the sum within 16 bits, twice the lanes. What a requantize
// gives to the addition has 16 bits, too, without having had 8.
// CHECK-LABEL: @residual(
// CHECK-SAME: %[[ACC:.*]]: vector<8xi32>, %[[B:.*]]: vector<8xi8>
func.func @residual(%acc: vector<8xi32>, %b: vector<8xi8>) -> vector<8xi8> {
  // CHECK-DAG: %[[WB:.*]] = arith.extsi %[[B]] : vector<8xi8> to vector<8xi16>
  // CHECK-DAG: %[[T:.*]] = arith.trunci %{{.*}} : vector<8xi32> to vector<8xi16>
  // CHECK-DAG: %[[WA:.*]] = arith.shrsi %[[T]], %{{.*}} : vector<8xi16>
  // CHECK: %[[DOUBLE:.*]] = arith.shli %[[WA]], %{{.*}} : vector<8xi16>
  // CHECK: arith.addi %[[DOUBLE]], %[[WB]] : vector<8xi16>
  // CHECK-NOT: i32
  // CHECK: %[[R:.*]] = arith.trunci %{{.*}} : vector<8xi16> to vector<8xi8>
  // CHECK-NEXT: return %[[R]]
  %a = bitnn.requantize %acc : vector<8xi32> -> vector<8xi8> using #bitnn.float_scale<
      dense<0.007> : tensor<1xf32>, zero_point = 5, range = [-128, 127]> accumulator_range = [-31000, 33000]
  %s = bitnn.add %a, %b : vector<8xi8> using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 5,
      rhs_scale = 0.25 : f32, rhs_zero_point = -7, scale = 0.5 : f32, zero_point = -10, range = [-128, 127]>
  return %s : vector<8xi8>
}
