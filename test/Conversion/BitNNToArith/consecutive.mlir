// RUN: bitnn-opt %s --convert-bitnn-to-arith --canonicalize | FileCheck %s --implicit-check-not=arith.mul --implicit-check-not=bitnn.requantize

// A channel for each lane: the fields of neighbouring channels are neighbours.
// Digits differ; lanes that have fewer are masked. What is the same in all
// channels is a constant.
// CHECK: memref.global "private" constant @[[BYTES:bitnn_table_i8_.*]] : memref<{{[0-9]+}}xi8>
// CHECK-LABEL: func.func @channels(
// CHECK-SAME: %[[ACC:.*]]: vector<4xi32>, %[[INDEX:.*]]: index) -> vector<4xi8>
// CHECK: %[[WORDS:.*]] = memref.get_global @bitnn_table_i32_{{.*}} : memref<[[SIZE:[0-9]+]]xi32>
// CHECK: vector.load %[[WORDS]][%[[INDEX]]] : memref<[[SIZE]]xi32>, vector<4xi32>
// CHECK: arith.maxsi %[[ACC]], %{{.*}} : vector<4xi32>
// CHECK: %[[NEXT:.*]] = arith.addi %[[INDEX]], %c8 : index
// CHECK: vector.load %[[WORDS]][%[[NEXT]]] : memref<[[SIZE]]xi32>, vector<4xi32>
// CHECK: %[[X:.*]] = arith.shli
// CHECK: %[[D:.*]] = vector.load %{{.*}} : memref<{{[0-9]+}}xi8>, vector<4xi8>
// CHECK: %[[DIGIT:.*]] = arith.extsi %[[D]] : vector<4xi8> to vector<4xi32>
// CHECK: %[[M:.*]] = vector.load %{{.*}} : memref<{{[0-9]+}}xi8>, vector<4xi8>
// CHECK: %[[MASK:.*]] = arith.extsi %[[M]] : vector<4xi8> to vector<4xi32>
// CHECK: %[[AMOUNT:.*]] = arith.andi %[[DIGIT]], %{{.*}} : vector<4xi32>
// CHECK: %[[SIGN:.*]] = arith.shrsi %[[DIGIT]], %{{.*}} : vector<4xi32>
// CHECK: %[[SHIFTED:.*]] = arith.shrsi %[[X]], %[[AMOUNT]] : vector<4xi32>
// CHECK: %[[TERM:.*]] = arith.xori %[[SHIFTED]], %[[SIGN]] : vector<4xi32>
// CHECK: arith.andi %[[TERM]], %[[MASK]] : vector<4xi32>
// Corrections are rows, as many as one of the lanes needs.
// CHECK: %[[VECTOR:.*]] = arith.shrui %[[INDEX]], %c2 : index
// CHECK: memref.load %{{.*}}[%[[VECTOR]]] : memref<3xi32>
// CHECK: scf.for
// CHECK: arith.cmpi sge, %[[ACC]], %{{.*}} : vector<4xi32>
// CHECK: return
func.func @channels(%acc: vector<4xi32>, %index: index) -> vector<4xi8> {
  %q = bitnn.requantize %acc[%index] consecutive : vector<4xi32> -> vector<4xi8> using #bitnn.float_scale<
      dense<[0.0011, 0.0123, 0.03125, 0.0077, 0.001953125, 0.0042]> : tensor<6xf32>, zero_point = 3, range = [-128, 127]>
      accumulator_range = [-40000, 40000]
  return %q : vector<4xi8>
}

// One function is that of all channels: nothing is read.
// CHECK-LABEL: func.func @one_function(
// CHECK-NOT: memref
// CHECK: return
func.func @one_function(%acc: vector<4xi32>, %index: index) -> vector<4xi8> {
  %q = bitnn.requantize %acc[%index] consecutive : vector<4xi32> -> vector<4xi8> using #bitnn.float_scale<
      dense<0.0123> : tensor<1xf32>, zero_point = 3, range = [-128, 127]>
  return %q : vector<4xi8>
}
