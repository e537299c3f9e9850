// RUN: bitnn-opt %s --convert-bitnn-to-arith --canonicalize | FileCheck %s --implicit-check-not=arith.mul --implicit-check-not=bitnn.requantize
// RUN: bitnn-opt %s --convert-bitnn-to-arith=multiply --canonicalize | FileCheck %s --check-prefix=MULTIPLY
// The same bytes twice:
// RUN: bitnn-opt %s --convert-bitnn-to-arith > %t.first
// RUN: bitnn-opt %s --convert-bitnn-to-arith > %t.second
// RUN: cmp %t.first %t.second

// A power of two is one shift; the parity bit rounds ties to even.
// CHECK-LABEL: @power_of_two(
// CHECK-SAME: %[[ACC:.*]]: i32) -> i8
func.func @power_of_two(%acc: i32) -> i8 {
  // CHECK-DAG: %[[LOWER:.*]] = arith.constant -4080 : i32
  // CHECK-DAG: %[[UPPER:.*]] = arith.constant 4049 : i32
  // CHECK-DAG: %[[C15:.*]] = arith.constant 15 : i32
  // CHECK-DAG: %[[C5:.*]] = arith.constant 5 : i32
  // CHECK-DAG: %[[C1:.*]] = arith.constant 1 : i32
  // CHECK: %[[A:.*]] = arith.maxsi %[[ACC]], %[[LOWER]] : i32
  // CHECK: %[[V:.*]] = arith.minsi %[[A]], %[[UPPER]] : i32
  // CHECK: %[[S:.*]] = arith.addi %[[V]], %[[C15]] : i32
  // CHECK: %[[B:.*]] = arith.shrsi %[[S]], %[[C5]] : i32
  // CHECK: %[[P:.*]] = arith.andi %[[B]], %[[C1]] : i32
  // CHECK: %[[E:.*]] = arith.addi %[[S]], %[[P]] : i32
  // CHECK: %[[R:.*]] = arith.shrsi %[[E]], %[[C5]] : i32
  // CHECK: %[[Q:.*]] = arith.trunci %[[R]] : i32 to i8
  // CHECK: return %[[Q]]
  // MULTIPLY-LABEL: @power_of_two(
  // MULTIPLY-NOT: arith.shli
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
      dense<0.03125> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
  return %q : i8
}

// With half rounded up it is a constant and a shift; a range within the clamp needs no clamp.
// CHECK-LABEL: @ranged(
// CHECK-SAME: %[[ACC:.*]]: i16) -> i8
func.func @ranged(%acc: i16) -> i8 {
  // CHECK: %[[V:.*]] = arith.extsi %[[ACC]] : i16 to i32
  // CHECK-NOT: arith.maxsi
  // CHECK-NOT: arith.minsi
  // CHECK: %[[S:.*]] = arith.addi %[[V]], %{{.*}} : i32
  // CHECK-NEXT: %[[R:.*]] = arith.shrsi %[[S]], %{{.*}} : i32
  // CHECK-NEXT: arith.trunci %[[R]] : i32 to i8
  %q = bitnn.requantize %acc : i16 -> i8 using #bitnn.fixed_scale<
      dense<1073741824> : tensor<1xi32>, shifts = dense<35> : tensor<1xi32>, zero_point = 3, range = [-128, 127]>
      accumulator_range = [-2000, 2500]
  return %q : i8
}

// A vector in 32-bit lanes, at a channel that is known; the network stores 16 bits.
// CHECK-LABEL: @vector(
// CHECK-SAME: %[[ACC:.*]]: vector<8xi32>) -> vector<8xi16>
func.func @vector(%acc: vector<8xi32>) -> vector<8xi16> {
  // CHECK: arith.maxsi %[[ACC]], %{{.*}} : vector<8xi32>
  // CHECK: arith.shli %{{.*}} : vector<8xi32>
  // CHECK: arith.shrsi %{{.*}} : vector<8xi32>
  // CHECK: arith.trunci %{{.*}} : vector<8xi32> to vector<8xi16>
  // MULTIPLY-LABEL: @vector(
  // MULTIPLY-COUNT-1: arith.muli %{{.*}} : vector<8xi
  // MULTIPLY-NOT: arith.muli
  // MULTIPLY: return
  %c1 = arith.constant 1 : index
  %q = bitnn.requantize %acc[%c1] : vector<8xi32> -> vector<8xi16> using #bitnn.float_scale<
      dense<[0.01, 0.0123]> : tensor<2xf32>, zero_point = 3, range = [-128, 127]>
  return %q : vector<8xi16>
}

// Two bits are counted.
// CHECK-LABEL: @two_bits(
// CHECK-SAME: %[[ACC:.*]]: i32) -> i8
func.func @two_bits(%acc: i32) -> i8 {
  // CHECK-NOT: arith.shrsi
  // CHECK: %[[G0:.*]] = arith.cmpi sge, %[[ACC]], %{{.*}} : i32
  // CHECK: %[[M0:.*]] = arith.extsi %[[G0]] : i1 to i32
  // CHECK: arith.subi %{{.*}}, %[[M0]] : i32
  // CHECK: arith.cmpi sge, %[[ACC]]
  // CHECK: arith.cmpi sge, %[[ACC]]
  // CHECK-NOT: arith.cmpi
  // CHECK: return
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
      dense<0.0123> : tensor<1xf32>, zero_point = 0, range = [0, 3]>
  return %q : i8
}

// CHECK-LABEL: @saturated(
func.func @saturated(%acc: i32) -> i8 {
  // CHECK: %[[C:.*]] = arith.constant 127 : i{{.*}}
  // CHECK-NOT: cmpi
  // CHECK: return
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
      dense<1.0> : tensor<1xf32>, zero_point = 0, range = [-128, 127]> accumulator_range = [127, 90000]
  return %q : i8
}

// A channel that is not known reads a record, whose words are a power of two, and its digits.
// CHECK-LABEL: @indexed(
// CHECK-SAME: %[[ACC:.*]]: i32, %[[I:.*]]: index) -> i8
func.func @indexed(%acc: i32, %i: index) -> i8 {
  // CHECK: %[[WORDS:.*]] = memref.get_global @bitnn_table_i32_{{.*}} : memref<12xi32>
  // CHECK: %[[W:.*]] = arith.shli %[[I]], %c2 : index
  // CHECK: %[[BYTES:.*]] = memref.get_global @bitnn_table_i8_{{.*}} : memref<48xi8>
  // CHECK: arith.shli %[[I]], %c4 : index
  // CHECK: %[[LOWER:.*]] = memref.load %[[WORDS]][%[[W]]]
  // CHECK: arith.maxsi %[[ACC]], %[[LOWER]] : i32
  // CHECK: scf.for %[[D:.*]] = %{{.*}} to %{{.*}} step %c1 iter_args(%[[SUM:.*]] = %{{.*}}) -> (i32)
  // CHECK:   %[[DIGIT:.*]] = memref.load %[[BYTES]][%[[D]]]
  // CHECK:   %[[TERM:.*]] = arith.shrsi
  // CHECK:   arith.xori %{{.*}}, %{{.*}} : i32
  // CHECK:   scf.yield
  // MULTIPLY-LABEL: @indexed(
  // MULTIPLY-NOT: scf.for
  // MULTIPLY: arith.muli
  // MULTIPLY: return
  %q = bitnn.requantize %acc[%i] : i32 -> i8 using #bitnn.float_scale<
      dense<[0.01, 0.0123, 0.0021]> : tensor<3xf32>, zero_point = 3, range = [-128, 127]>
  return %q : i8
}

// Two operations that read the same channels share one table.
// CHECK-LABEL: @again(
func.func @again(%acc: vector<4xi32>, %i: index) -> vector<4xi8> {
  // CHECK: memref.get_global @bitnn_table_i32_{{.*}} : memref<12xi32>
  // CHECK: vector.broadcast %{{.*}} : i32 to vector<4xi32>
  %q = bitnn.requantize %acc[%i] : vector<4xi32> -> vector<4xi8> using #bitnn.float_scale<
      dense<[0.01, 0.0123, 0.0021]> : tensor<3xf32>, zero_point = 3, range = [-128, 127]>
  return %q : vector<4xi8>
}

// On vectors what is added last is part of the plan, and the limits are left to
// the saturating truncation.
// CHECK-LABEL: @left_to_the_pack(
// CHECK-SAME: %[[X:.*]]: vector<8xi16>) -> vector<8xi8>
func.func @left_to_the_pack(%x: vector<8xi16>) -> vector<8xi8> {
  // CHECK-DAG: %[[MOST:.*]] = arith.constant dense<127> : vector<8xi32>
  // CHECK-DAG: %[[LEAST:.*]] = arith.constant dense<-128> : vector<8xi32>
  // CHECK: %[[W:.*]] = arith.extsi %[[X]] : vector<8xi16> to vector<8xi32>
  // CHECK-NEXT: arith.shli %[[W]], %{{.*}} : vector<8xi32>
  // CHECK-NOT: arith.maxsi
  // CHECK: %[[A:.*]] = arith.maxsi %{{.*}}, %[[LEAST]] : vector<8xi32>
  // CHECK-NEXT: %[[B:.*]] = arith.minsi %[[A]], %[[MOST]] : vector<8xi32>
  // CHECK-NEXT: %[[Q:.*]] = arith.trunci %[[B]] : vector<8xi32> to vector<8xi8>
  // CHECK-NEXT: return %[[Q]]
  %bias = arith.constant dense<1000> : vector<8xi32>
  %w = arith.extsi %x : vector<8xi16> to vector<8xi32>
  %acc = arith.addi %w, %bias : vector<8xi32>
  %q = bitnn.requantize %acc : vector<8xi32> -> vector<8xi8> using #bitnn.float_scale<
      dense<0.007> : tensor<1xf32>, zero_point = 5, range = [-128, 127]> accumulator_range = [-31000, 33000]
  return %q : vector<8xi8>
}

// Stored with 16 bits, 8-bit limits are those of 16 bits, 8 bits higher.
// CHECK-LABEL: @left_to_the_wide_pack(
func.func @left_to_the_wide_pack(%acc: vector<8xi32>) -> vector<8xi16> {
  // CHECK-DAG: %[[EIGHT:.*]] = arith.constant dense<8> : vector<8xi16>
  // CHECK-DAG: %[[MOST:.*]] = arith.constant dense<32767> : vector<8xi32>
  // CHECK-DAG: %[[LEAST:.*]] = arith.constant dense<-32768> : vector<8xi32>
  // CHECK: %[[A:.*]] = arith.maxsi %{{.*}}, %[[LEAST]] : vector<8xi32>
  // CHECK-NEXT: %[[B:.*]] = arith.minsi %[[A]], %[[MOST]] : vector<8xi32>
  // CHECK-NEXT: %[[T:.*]] = arith.trunci %[[B]] : vector<8xi32> to vector<8xi16>
  // CHECK-NEXT: %[[R:.*]] = arith.shrsi %[[T]], %[[EIGHT]] : vector<8xi16>
  // CHECK-NEXT: return %[[R]]
  %q = bitnn.requantize %acc : vector<8xi32> -> vector<8xi8> using #bitnn.float_scale<
      dense<0.007> : tensor<1xf32>, zero_point = 5, range = [-128, 127]> accumulator_range = [-31000, 33000]
  %wide = arith.extsi %q : vector<8xi8> to vector<8xi16>
  return %wide : vector<8xi16>
}

// Results that end within 8 bits are clamped at that end.
// CHECK-LABEL: @clamped_below(
// CHECK-SAME: %[[ACC:.*]]: vector<8xi32>)
func.func @clamped_below(%acc: vector<8xi32>) -> vector<8xi8> {
  // CHECK: %[[V:.*]] = arith.maxsi %[[ACC]], %{{.*}} : vector<8xi32>
  // CHECK-NEXT: arith.shli %[[V]], %{{.*}} : vector<8xi32>
  %q = bitnn.requantize %acc : vector<8xi32> -> vector<8xi8> using #bitnn.float_scale<
      dense<0.007> : tensor<1xf32>, zero_point = 5, range = [5, 127]> accumulator_range = [-31000, 33000]
  return %q : vector<8xi8>
}
