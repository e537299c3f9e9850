// RUN: bitnn-opt %s --bitnn-lower-kernels=sharing=false --cse --split-input-file | FileCheck %s

// Scalar: one code block for both outputs, one function for the epilogue. The
// bias is where the sums start, the channel is a constant: -x0 + 4 x0 - x1 is
// 3 x0 - x1, and 8 x0 - 2 x0 is 6 x0.

// CHECK-LABEL: func.func private @l0_layer.b0.w0(
// CHECK-SAME: %[[IN:.*]]: memref<12xi8> {llvm.noalias}, %[[AT:.*]]: index, %[[SUMS:.*]]: memref<8xi32> {llvm.noalias})
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[AT]], %{{.*}} = %{{.*}})
// CHECK: %[[TEN:.*]] = arith.constant 10 : i32
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK: %[[Y:.*]]:2 = bitnn.adder_graph(%{{.*}}, %{{.*}}, %{{.*}}, %[[TEN]], %[[ZERO]]) : i32 -> 2 {
// CHECK-NEXT: ^bb0(%[[X0:.*]]: i32, %[[X1:.*]]: i32, %[[X2:.*]]: i32, %[[S0:.*]]: i32, %[[S1:.*]]: i32):
// CHECK-DAG:   %[[C1:.*]] = arith.constant 1 : i32
// CHECK-DAG:   %[[C2:.*]] = arith.constant 2 : i32
// CHECK-DAG:   %[[C3:.*]] = arith.constant 3 : i32
// CHECK:       %[[A0:.*]] = arith.subi %[[S0]], %[[X0]] : i32
// CHECK-NEXT:  %[[T1:.*]] = arith.shli %[[X0]], %[[C1]] : i32
// CHECK-NEXT:  %[[B0:.*]] = arith.subi %[[S1]], %[[T1]] : i32
// CHECK-NEXT:  %[[T2:.*]] = arith.shli %[[X0]], %[[C2]] : i32
// CHECK-NEXT:  %[[A1:.*]] = arith.addi %[[A0]], %[[T2]] : i32
// CHECK-NEXT:  %[[T3:.*]] = arith.shli %[[X0]], %[[C3]] : i32
// CHECK-NEXT:  %[[B1:.*]] = arith.addi %[[B0]], %[[T3]] : i32
// CHECK-NEXT:  %[[A2:.*]] = arith.subi %[[A1]], %[[X1]] : i32
// CHECK-NEXT:  %[[T4:.*]] = arith.shli %[[X2]], %[[C2]] : i32
// CHECK-NEXT:  %[[B2:.*]] = arith.subi %[[B1]], %[[T4]] : i32
// CHECK-NEXT:  bitnn.yield %[[A2]], %[[B2]] : i32, i32
// CHECK: memref.store %[[Y]]#0
// CHECK: memref.store %[[Y]]#1

// CHECK-LABEL: func.func private @l0_layer.b0.epilogue(
// CHECK-SAME: %{{.*}}: memref<8xi32>, %{{.*}}: memref<8xi8>, %{{.*}}: index)
// CHECK: %[[F0:.*]] = arith.index_cast %c0 : index to i32
// CHECK: arith.addi %{{.*}}, %[[F0]] : i32
// CHECK: memref.store %{{.*}} : memref<8xi8,
// CHECK: %[[F1:.*]] = arith.index_cast %c1 : index to i32
// CHECK: arith.addi %{{.*}}, %[[F1]] : i32
// CHECK: memref.store %{{.*}} : memref<8xi8,

// The positions of one tile are the rows of the matrix.
// CHECK-LABEL: func.func @model(
// CHECK-NOT: bitnn.matmul
// CHECK: %[[ACC:.*]] = memref.alloc() : memref<8xi32>
// CHECK-NOT: scf.for
// CHECK: call @l0_layer.b0.w0(%{{.*}}, %{{.*}}, %[[ACC]])
// CHECK-NEXT: call @l0_layer.b0.epilogue(%[[ACC]], %{{.*}}, %{{.*}})
module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<2x3xi8> = dense<[[3, -1, 0], [6, 0, -4]]>
  memref.global "private" constant @b : memref<2xi32> = dense<[10, 0]>
  func.func @model(%x: memref<4x3xi8>, %y: memref<4x2xi8>) {
    %w = memref.get_global @w : memref<2x3xi8>
    %b = memref.get_global @b : memref<2xi32>
    bitnn.matmul ins(%x, %w, %b : memref<4x3xi8>, memref<2x3xi8>, memref<2xi32>)
        outs(%y : memref<4x2xi8>) encoding = csd schedule = straight_line epilogue {
    ^bb0(%acc: i32, %f: index):
      %c = arith.index_cast %f : index to i32
      %s = arith.addi %acc, %c : i32
      %q = arith.trunci %s : i32 to i8
      bitnn.yield %q : i8
    }
    return
  }
}

// -----

// A convolution in rows: the entry loops over them, a code block over the
// pixels of one. Strides are steps, the window is offsets, the residual walks
// along. Without a schedule a layer is straight-line.

// CHECK-LABEL: func.func private @l0_layer.b0.w0(
// CHECK: %[[C7:.*]] = arith.constant 7 : index
// CHECK: memref.load %{{.*}}[%[[C7]]] : memref<30xi8
// CHECK: bitnn.adder_graph
// CHECK-LABEL: func.func private @l0_layer.b0.epilogue(
// CHECK-SAME: %{{.*}}: memref<6xi32>, %{{.*}}: memref<12xi8>, %{{.*}}: index, %{{.*}}: memref<12xi8>, %{{.*}}: index)
// CHECK: %[[R:.*]] = memref.load %{{.*}} : memref<12xi8
// CHECK: %[[Q:.*]] = arith.trunci %{{.*}} : i32 to i8
// CHECK: %[[S:.*]] = arith.addi %[[Q]], %[[R]] : i8
// CHECK: memref.store %[[S]]

// CHECK-LABEL: func.func @conv(
// CHECK: %[[ACC:.*]] = memref.alloc() : memref<6xi32>
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[IN:.*]] = %c0, %[[OUT:.*]] = %c0, %[[RES:.*]] = %c0)
// CHECK-NEXT: func.call @l0_layer.b0.w0(%{{.*}}, %[[IN]], %[[ACC]])
// CHECK-NEXT: func.call @l0_layer.b0.epilogue(%[[ACC]], %{{.*}}, %[[OUT]], %{{.*}}, %[[RES]])
// CHECK: %[[NEXT:.*]] = arith.addi %[[IN]], %c12 : index
// CHECK: %[[NEXTOUT:.*]] = arith.addi %[[OUT]], %c3 : index
// CHECK: scf.yield %[[NEXT]], %[[NEXTOUT]],
module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<2x1x2x2xi8> = dense<1>
  func.func @conv(%x: memref<1x1x5x6xi8>, %r: memref<1x2x2x3xi8>, %y: memref<1x2x2x3xi8>) {
    %w = memref.get_global @w : memref<2x1x2x2xi8>
    bitnn.conv_2d ins(%x, %w : memref<1x1x5x6xi8>, memref<2x1x2x2xi8>) residual(%r : memref<1x2x2x3xi8>)
        outs(%y : memref<1x2x2x3xi8>) strides = [2, 2] encoding = csd epilogue {
    ^bb0(%acc: i32, %f: index, %res: i8):
      %0 = arith.trunci %acc : i32 to i8
      %1 = arith.addi %0, %res : i8
      bitnn.yield %1 : i8
    }
    return
  }
}

// -----

// More outputs than accumulators fit registers: several blocks of outputs,
// each with its epilogue.

// CHECK: bitnn.layers = [{adds = 40 : i64, code_blocks = 3 : i64, groups = 1 : i64, kernel = "l0_layer", table_bytes = 0 : i64, unshared_adds = 40 : i64}]
// CHECK: func.func private @l0_layer.b0.w0(
// CHECK: func.func private @l0_layer.b0.epilogue(
// CHECK: func.func private @l0_layer.b1.w0(
// CHECK: func.func private @l0_layer.b1.epilogue(
// CHECK: func.func private @l0_layer.b2.w0(
// CHECK: func.func private @l0_layer.b2.epilogue(
// CHECK-LABEL: func.func @many_outputs(
// CHECK: call @l0_layer.b0.w0
// CHECK: call @l0_layer.b0.epilogue
// CHECK: call @l0_layer.b1.w0
// CHECK: call @l0_layer.b1.epilogue
// CHECK: call @l0_layer.b2.w0
// CHECK: call @l0_layer.b2.epilogue
module attributes {bitnn.layers = [{kernel = "l0_layer"}], bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<40x1xi8> = dense<1>
  func.func @many_outputs(%x: memref<1x1xi8>, %y: memref<1x40xi32>) {
    %w = memref.get_global @w : memref<40x1xi8>
    bitnn.matmul ins(%x, %w : memref<1x1xi8>, memref<40x1xi8>) outs(%y : memref<1x40xi32>) encoding = csd
    return
  }
}

// -----

// A table: index lists per output and plane, from the highest, in the smallest
// type that holds them; plus, then minus. The bias of 1000 needs 16 bits.

// CHECK: bitnn.layers = [{adds = 7 : i64}, {adds = 32 : i64, code_blocks = 0 : i64, groups = 1 : i64, kernel = "l1_fc", name = "fc", table_bytes = 26 : i64, unshared_adds = 32 : i64}]
// CHECK: memref.global "private" constant @l1_fc.counts : memref<16xi8> = dense<[0, 0, 1, 0, 0, 0, 0, 2, 1, 0, 0, 1, 0, 1, 0, 0]>
// CHECK: memref.global "private" constant @l1_fc.offsets : memref<6xi8> = dense<[0, 0, 1, 0, 2, 0]>
// CHECK: memref.global "private" constant @l1_fc.bias : memref<2xi16> = dense<[1000, 0]>
// CHECK-LABEL: func.func private @l1_fc.row(
// CHECK-SAME: %{{.*}}: memref<12xi8>, %[[IN:.*]]: index, %{{.*}}: memref<8xi8>, %[[OUT:.*]]: index)
// CHECK-DAG: %[[COUNTS:.*]] = memref.get_global @l1_fc.counts
// CHECK-DAG: %[[OFFSETS:.*]] = memref.get_global @l1_fc.offsets
// CHECK-DAG: %[[BIAS:.*]] = memref.get_global @l1_fc.bias
// Positions, outputs, planes.
// CHECK: scf.for {{.*}} = %c0 to %c4 step %c1 iter_args(%{{.*}} = %[[IN]], %{{.*}} = %[[OUT]])
// CHECK: scf.for %[[F:.*]] = %c0 to %c2 step %c1
// CHECK: scf.for {{.*}} = %c0 to %c4 step %c1 iter_args(%[[SUM:.*]] = %c0_i32,
// CHECK: arith.shli %[[SUM]], %c1_i32 : i32
// CHECK: memref.load %[[COUNTS]]
// CHECK: scf.for
// CHECK: memref.load %[[OFFSETS]]
// CHECK: arith.addi %{{.*}} : i32
// CHECK: memref.load %[[COUNTS]]
// CHECK: scf.for
// CHECK: memref.load %[[OFFSETS]]
// CHECK: arith.subi %{{.*}} : i32
// CHECK: %[[B:.*]] = memref.load %[[BIAS]][%[[F]]]
// CHECK: %[[WIDE:.*]] = arith.extui %[[B]] : i16 to i32
// CHECK: %[[ACC:.*]] = arith.addi %{{.*}}, %[[WIDE]] : i32
// The channel is the loop's.
// CHECK: arith.index_cast %[[F]] : index to i32
// CHECK: memref.store %{{.*}} : memref<8xi8>
// CHECK-LABEL: func.func @table(
// CHECK: call @l1_fc.row(
module attributes {bitnn.layers = [{adds = 7 : i64}, {name = "fc", kernel = "l1_fc"}],
    bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">} {
  memref.global "private" constant @w : memref<2x3xi8> = dense<[[3, -1, 0], [6, 0, -4]]>
  memref.global "private" constant @b : memref<2xi32> = dense<[1000, 0]>
  func.func @table(%x: memref<4x3xi8>, %y: memref<4x2xi8>) {
    %w = memref.get_global @w : memref<2x3xi8>
    %b = memref.get_global @b : memref<2xi32>
    bitnn.matmul ins(%x, %w, %b : memref<4x3xi8>, memref<2x3xi8>, memref<2xi32>)
        outs(%y : memref<4x2xi8>) encoding = csd schedule = table {bitnn.kernel = "l1_fc"} epilogue {
    ^bb0(%acc: i32, %f: index):
      %c = arith.index_cast %f : index to i32
      %s = arith.addi %acc, %c : i32
      %q = arith.trunci %s : i32 to i8
      bitnn.yield %q : i8
    }
    return
  }
}

// -----

// In binary the same weights have other digits: 3 = 2 + 1, 6 = 4 + 2.

// CHECK: memref.global "private" constant @l0_layer.counts : memref<12xi8> = dense<[0, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0]>
// CHECK: memref.global "private" constant @l0_layer.offsets : memref<6xi8> = dense<[0, 0, 1, 0, 2, 0]>
// A negative bias is a bit pattern of 32 bits.
// CHECK: memref.global "private" constant @l0_layer.bias : memref<2xi32> = dense<[-1, 0]>
// CHECK: func.func private @l0_layer.row(
// CHECK-SAME: memref<2xi16>, %{{.*}}: index)
// CHECK: %[[R:.*]] = memref.load %{{.*}} : memref<2xi16>
// CHECK: arith.extsi %[[R]] : i16 to i32
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">} {
  memref.global "private" constant @w : memref<2x3xi8> = dense<[[3, -1, 0], [6, 0, -4]]>
  memref.global "private" constant @b : memref<2xi32> = dense<[-1, 0]>
  func.func @table_of_binary_digits(%x: memref<1x3xi8>, %r: memref<1x2xi16>, %y: memref<1x2xi32>) {
    %w = memref.get_global @w : memref<2x3xi8>
    %b = memref.get_global @b : memref<2xi32>
    bitnn.matmul ins(%x, %w, %b : memref<1x3xi8>, memref<2x3xi8>, memref<2xi32>) residual(%r : memref<1x2xi16>)
        outs(%y : memref<1x2xi32>) encoding = binary schedule = table epilogue {
    ^bb0(%acc: i32, %f: index, %res: i16):
      %0 = arith.extsi %res : i16 to i32
      %1 = arith.addi %acc, %0 : i32
      bitnn.yield %1 : i32
    }
    return
  }
}

// -----

// Weights of zero have neither digits nor planes; the bias remains.

// CHECK-LABEL: func.func private @l0_zero.row(
// CHECK-NOT: arith.shli
// CHECK: memref.load %{{.*}} : memref<1xi8>
// CHECK-NOT: bitnn.adder_graph
// CHECK-LABEL: func.func private @l1_zero.b0.epilogue(
// CHECK: %[[FIVE:.*]] = arith.constant 5 : i32
// CHECK: memref.store %[[FIVE]],
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">} {
  memref.global "private" constant @w : memref<1x3xi8> = dense<0>
  memref.global "private" constant @b : memref<1xi32> = dense<5>
  func.func @zero(%x: memref<1x3xi8>, %y: memref<1x1xi32>, %z: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x3xi8>
    %b = memref.get_global @b : memref<1xi32>
    bitnn.matmul ins(%x, %w, %b : memref<1x3xi8>, memref<1x3xi8>, memref<1xi32>)
        outs(%y : memref<1x1xi32>) encoding = csd schedule = table {bitnn.kernel = "l0_zero"}
    bitnn.matmul ins(%x, %w, %b : memref<1x3xi8>, memref<1x3xi8>, memref<1xi32>)
        outs(%z : memref<1x1xi32>) encoding = csd schedule = straight_line {bitnn.kernel = "l1_zero"}
    return
  }
}
