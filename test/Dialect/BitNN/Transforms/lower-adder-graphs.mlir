// RUN: bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-lower-adder-graphs))" --split-input-file | FileCheck %s

// The additions stay in their order, and a graph that is not in another one's
// way keeps its place.
// CHECK-LABEL: @order
// CHECK-SAME: (%[[X:.*]]: i32, %[[Y:.*]]: i32)
func.func @order(%x: i32, %y: i32) -> (i32, i32) {
  // CHECK-NEXT: %[[ONE:.*]] = arith.constant 1 : i32
  // CHECK-NEXT: %[[S:.*]] = arith.shli %[[X]], %[[ONE]] : i32
  // CHECK-NEXT: %[[A:.*]] = arith.addi %[[S]], %[[Y]] : i32
  // CHECK-NEXT: %[[B:.*]] = arith.subi %[[X]], %[[Y]] : i32
  // CHECK-NEXT: return %[[B]], %[[A]]
  %z:2 = bitnn.adder_graph(%x, %y) : i32 -> 2 {
  ^bb0(%a: i32, %b: i32):
    %one = arith.constant 1 : i32
    %0 = arith.shli %a, %one : i32
    %1 = arith.addi %0, %b : i32
    %2 = arith.subi %a, %b : i32
    bitnn.yield %2, %1 : i32, i32
  }
  return %z#0, %z#1 : i32, i32
}

// -----

// Inputs are loaded, and extended, at their first use: until then they need no
// register. What is loaded for two inputs is loaded for the first.
// CHECK-LABEL: @loads
// CHECK: %[[X0:.*]] = memref.load %arg0[%c0]
// CHECK-NEXT: %[[W0:.*]] = arith.extsi %[[X0]] : i8 to i32
// CHECK-NEXT: %[[A:.*]] = arith.addi %[[W0]], %[[W0]] : i32
// CHECK-NEXT: %[[C1:.*]] = arith.constant 1 : index
// CHECK-NEXT: %[[X1:.*]] = memref.load %arg0[%[[C1]]]
// CHECK-NEXT: %[[W1:.*]] = arith.extsi %[[X1]] : i8 to i32
// CHECK-NEXT: %[[B:.*]] = arith.addi %[[A]], %[[W1]] : i32
// CHECK-NEXT: %[[C2:.*]] = arith.constant 2 : index
// CHECK-NEXT: %[[V:.*]] = vector.load %arg0[%[[C2]]]
// CHECK-NEXT: %[[E:.*]] = vector.extract %[[V]][0]
// CHECK-NEXT: %[[W2:.*]] = arith.extsi %[[E]] : i8 to i32
// CHECK-NEXT: %[[D:.*]] = arith.subi %[[B]], %[[W2]] : i32
// CHECK-NEXT: return %[[D]]
func.func @loads(%x: memref<8xi8>) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %v = vector.load %x[%c2] : memref<8xi8>, vector<2xi8>
  %2 = vector.extract %v[0] : i8 from vector<2xi8>
  %w2 = arith.extsi %2 : i8 to i32
  %1 = memref.load %x[%c1] : memref<8xi8>
  %w1 = arith.extsi %1 : i8 to i32
  %0 = memref.load %x[%c0] : memref<8xi8>
  %w0 = arith.extsi %0 : i8 to i32
  %y = bitnn.adder_graph(%w0, %w1, %w2, %w0) : i32 -> 1 {
  ^bb0(%a: i32, %b: i32, %c: i32, %d: i32):
    %s = arith.addi %a, %d : i32
    %t = arith.addi %s, %b : i32
    %u = arith.subi %t, %c : i32
    bitnn.yield %u : i32
  }
  return %y : i32
}

// -----

// One load serves two graphs: it stays before the first of them.
// CHECK-LABEL: @two_graphs
// CHECK: memref.load %arg0[%c0]
// CHECK-NEXT: arith.addi
// CHECK: %[[X1:.*]] = memref.load %arg0[%c1]
// CHECK-NEXT: arith.subi %{{.*}}, %[[X1]]
func.func @two_graphs(%x: memref<2xi32>) -> (i32, i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = memref.load %x[%c0] : memref<2xi32>
  %1 = memref.load %x[%c1] : memref<2xi32>
  %y = bitnn.adder_graph(%0) : i32 -> 1 {
  ^bb0(%a: i32):
    %s = arith.addi %a, %a : i32
    bitnn.yield %s : i32
  }
  %z = bitnn.adder_graph(%0, %1) : i32 -> 1 {
  ^bb0(%a: i32, %b: i32):
    %s = arith.subi %a, %b : i32
    bitnn.yield %s : i32
  }
  return %y, %z : i32, i32
}

// -----

// No load moves past a store, nor to a use outside of the graph.
// CHECK-LABEL: @store_between
// CHECK: %[[OLD:.*]] = memref.load %arg0
// CHECK-NEXT: memref.store %arg1, %arg0
// CHECK-NEXT: %[[S:.*]] = arith.addi %[[OLD]], %[[OLD]]
func.func @store_between(%x: memref<1xi32>, %v: i32) -> i32 {
  %c0 = arith.constant 0 : index
  %old = memref.load %x[%c0] : memref<1xi32>
  memref.store %v, %x[%c0] : memref<1xi32>
  %y = bitnn.adder_graph(%old) : i32 -> 1 {
  ^bb0(%a: i32):
    %s = arith.addi %a, %a : i32
    bitnn.yield %s : i32
  }
  return %y : i32
}

// -----

// CHECK-LABEL: @passed_through
// CHECK: %[[OLD:.*]] = memref.load %arg0
// CHECK-NEXT: memref.store %arg1, %arg0
// CHECK-NEXT: return %[[OLD]]
func.func @passed_through(%x: memref<1xi32>, %v: i32) -> i32 {
  %c0 = arith.constant 0 : index
  %old = memref.load %x[%c0] : memref<1xi32>
  %y = bitnn.adder_graph(%old) : i32 -> 1 {
  ^bb0(%a: i32):
    bitnn.yield %a : i32
  }
  memref.store %v, %x[%c0] : memref<1xi32>
  return %y : i32
}

// -----

// A use in a loop behind the graph is behind it.
// CHECK-LABEL: @used_in_loop
// CHECK: arith.constant dense<1>
// CHECK-NEXT: %[[X:.*]] = vector.load
// CHECK-NEXT: arith.addi %[[X]]
// CHECK-NEXT: scf.for
// CHECK-NEXT: vector.store %[[X]]
func.func @used_in_loop(%x: memref<8xi16>, %n: index) -> vector<4xi16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = vector.load %x[%c0] : memref<8xi16>, vector<4xi16>
  %y = bitnn.adder_graph(%0) : vector<4xi16> -> 1 {
  ^bb0(%a: vector<4xi16>):
    %c = arith.constant dense<1> : vector<4xi16>
    %s = arith.addi %a, %c : vector<4xi16>
    bitnn.yield %s : vector<4xi16>
  }
  scf.for %i = %c0 to %n step %c1 {
    vector.store %0, %x[%i] : memref<8xi16>, vector<4xi16>
  }
  return %y : vector<4xi16>
}
