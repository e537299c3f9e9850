// The pipelines by name. Every option changes what they produce.

// RUN: bitnn-opt %s --bitnn-to-kernels | FileCheck %s --check-prefixes=KERNELS,DEFAULT,CSD --implicit-check-not="linalg." --implicit-check-not="bitnn.conv_2d" --implicit-check-not="bitnn.adder_graph" --implicit-check-not="bufferization." --implicit-check-not=" tensor<" --implicit-check-not="memref.alloc" --implicit-check-not="muli"
// RUN: bitnn-opt %s --bitnn-to-kernels=name=model_run | FileCheck %s --check-prefixes=KERNELS,NAME,CSD
// RUN: bitnn-opt %s --bitnn-to-kernels=target=x86-64-v3 | FileCheck %s --check-prefix=AVX2
// RUN: bitnn-opt %s --bitnn-to-kernels=target=rv32i | FileCheck %s --check-prefix=RV32I
// RUN: bitnn-opt %s --bitnn-to-kernels=encoding=binary | FileCheck %s --check-prefixes=KERNELS,DEFAULT,BINARY
// RUN: bitnn-opt %s --bitnn-to-kernels=schedule=straight-line | FileCheck %s --check-prefix=STRAIGHT
// RUN: bitnn-opt %s --bitnn-to-kernels=schedule=table | FileCheck %s --check-prefix=TABLE
// RUN: bitnn-opt %s --bitnn-to-kernels=schedule=multiply | FileCheck %s --check-prefix=MULTIPLY
// RUN: bitnn-opt %s --bitnn-to-kernels=max-code-size=5000 | FileCheck %s --check-prefix=SIZE

// The same bytes at every run, on several threads or on one.
// RUN: bitnn-opt %s --bitnn-to-kernels=target=x86-64-v3 -o %t.1
// RUN: bitnn-opt %s --bitnn-to-kernels=target=x86-64-v3 -o %t.2
// RUN: bitnn-opt %s --bitnn-to-kernels=target=x86-64-v3 --mlir-disable-threading -o %t.3
// RUN: cmp %t.1 %t.2
// RUN: cmp %t.1 %t.3

// From there to the LLVM dialect; indices are as wide as the target's pointers.
// RUN: bitnn-opt %t.1 --bitnn-to-llvm=target=x86-64-v3 -o %t.4
// RUN: bitnn-opt %t.1 --bitnn-to-llvm=target=x86-64-v3 -o %t.5
// RUN: cmp %t.4 %t.5
// RUN: FileCheck %s --check-prefixes=LLVM,LLVM64 --implicit-check-not="unrealized_conversion_cast" --implicit-check-not="llvm.mul" < %t.4
// RUN: bitnn-opt %s --bitnn-to-kernels=target=rv32i --bitnn-to-llvm=target=rv32i | FileCheck %s --check-prefixes=LLVM,LLVM32
// RUN: mlir-translate --mlir-to-llvmir --allow-unregistered-dialect %t.4 | FileCheck %s --check-prefix=IR

// RUN: not bitnn-opt %s --bitnn-to-kernels=target=z80 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not bitnn-opt %s --bitnn-to-kernels=schedule=fast 2>&1 | FileCheck %s --check-prefix=SCHEDULE
// TARGET: unknown target 'z80'; known are host, x86-64,
// SCHEDULE: unknown schedule 'fast'

// KERNELS: module attributes {bitnn.arena = {{.*}}bitnn.layers = [
// CSD-SAME: digits = 20 : i64,
// BINARY-SAME: digits = 21 : i64,
// KERNELS-SAME: name = "conv",
// DEFAULT-SAME: schedule = "straight-line",
// KERNELS-SAME: name = "fc",
// KERNELS-SAME: bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">
// KERNELS: func.func private @l0_conv.b0.w0(
// KERNELS: func.func private @l0_conv.b0.epilogue(
// KERNELS: func.func private @l1_fc.b0.w0(
// DEFAULT: func.func @net(
// NAME: func.func @model_run(
// KERNELS-SAME: %{{.*}}: memref<1x1x8x16xi8> {bitnn.name = "image", llvm.noalias}, %{{.*}}: memref<1x8xi32> {bitnn.name = "scores", llvm.noalias}, %[[SCRATCH:.*]]: memref<{{[0-9]+}}xi8> {llvm.align = 64 : i64, llvm.noalias}) {
// KERNELS: memref.view %[[SCRATCH]]
// KERNELS: func.call @l0_conv.b0.w0(
// KERNELS: call @l1_fc.b0.w0(
// KERNELS: return{{$}}

// AVX2: bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">
// AVX2-LABEL: func.func private @l0_conv.b0.w0(
// AVX2: vector.load {{.*}} vector<16xi16>
// AVX2: arith.subi {{.*}} vector<16xi16>
// AVX2-LABEL: func.func private @l0_conv.b0.epilogue(

// RV32I: bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">
// RV32I-NOT: vector<

// STRAIGHT-COUNT-2: reason = "asked for by option", schedule = "straight-line"

// TABLE-COUNT-2: reason = "asked for by option", schedule = "table"
// TABLE-DAG: memref.global "private" constant @l0_conv.offsets
// TABLE-DAG: memref.global "private" constant @l1_fc.offsets
// TABLE-DAG: func.func private @l0_conv.row(

// MULTIPLY-COUNT-2: reason = "asked for by option", schedule = "multiply"
// MULTIPLY-NOT: func.func private
// MULTIPLY: func.func @net(
// MULTIPLY: arith.muli {{.*}} : i32
// MULTIPLY: arith.muli {{.*}} : i32

// SIZE: name = "conv", {{[^}]*}} schedule = "straight-line"
// SIZE-SAME: name = "fc", {{[^}]*}} budget of 5000 for the network", schedule = "table"

// LLVM: module attributes {{.*}}bitnn.layers
// LLVM64: llvm.func @l0_conv.b0.w0(%{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: i64, %{{.*}}: !llvm.ptr {llvm.noalias}) attributes {sym_visibility = "private"} {
// LLVM32: llvm.func @l0_conv.b0.w0(%{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: i32, %{{.*}}: !llvm.ptr {llvm.noalias}) attributes {sym_visibility = "private"} {
// LLVM: llvm.func @net(%{{.*}}: !llvm.ptr {bitnn.name = "image", llvm.noalias}, %{{.*}}: !llvm.ptr {bitnn.name = "scores", llvm.noalias}, %{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.noalias}) {
// LLVM: llvm.call @l0_conv.b0.w0(
// LLVM: llvm.return{{$}}

// IR: define void @net(ptr noalias %{{.*}}, ptr noalias %{{.*}}, ptr noalias align 64 %{{.*}}) {

#same = affine_map<(n, f, y, x) -> (n, f, y, x)>
func.func @net(%x: tensor<1x1x8x16xi8> {bitnn.name = "image"}) -> (tensor<1x8xi32> {bitnn.name = "scores"}) {
  %w = arith.constant dense<[[[[1, -2, 3], [0, 64, 7], [-128, 0, 1]]], [[[3, 3, 3], [-5, 0, 0], [0, 100, 0]]]]> : tensor<2x1x3x3xi8>
  %b = arith.constant dense<[10, -20]> : tensor<2xi32>
  %zero = arith.constant 0 : i8
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %i: index):
    tensor.yield %zero : i8
  } : tensor<1x1x8x16xi8> to tensor<1x1x10x18xi8>
  %e = tensor.empty() : tensor<1x2x8x16xi32>
  %start = linalg.broadcast ins(%b : tensor<2xi32>) outs(%e : tensor<1x2x8x16xi32>) dimensions = [0, 2, 3]
  %acc = linalg.conv_2d_nchw_fchw ins(%p, %w : tensor<1x1x10x18xi8>, tensor<2x1x3x3xi8>)
      outs(%start : tensor<1x2x8x16xi32>) -> tensor<1x2x8x16xi32> loc("conv")
  %e8 = tensor.empty() : tensor<1x2x8x16xi8>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%acc : tensor<1x2x8x16xi32>) outs(%e8 : tensor<1x2x8x16xi8>) {
  ^bb0(%a: i32, %out: i8):
    %shift = arith.constant 8 : i32
    %low = arith.constant 0 : i32
    %high = arith.constant 127 : i32
    %0 = arith.shrsi %a, %shift : i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<1x2x8x16xi8> loc("relu")
  %lowest = arith.constant -128 : i8
  %e1 = tensor.empty() : tensor<1x2x4x8xi8>
  %fill = linalg.fill ins(%lowest : i8) outs(%e1 : tensor<1x2x4x8xi8>) -> tensor<1x2x4x8xi8>
  %window = tensor.empty() : tensor<2x2xi8>
  %max = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>} ins(%y, %window : tensor<1x2x8x16xi8>, tensor<2x2xi8>)
      outs(%fill : tensor<1x2x4x8xi8>) -> tensor<1x2x4x8xi8>
  %flat = tensor.collapse_shape %max [[0], [1, 2, 3]] : tensor<1x2x4x8xi8> into tensor<1x64xi8>
  %w1 = arith.constant dense<85> : tensor<64x8xi8>
  %c0 = arith.constant 0 : i32
  %e2 = tensor.empty() : tensor<1x8xi32>
  %zeros = linalg.fill ins(%c0 : i32) outs(%e2 : tensor<1x8xi32>) -> tensor<1x8xi32>
  %z = linalg.matmul ins(%flat, %w1 : tensor<1x64xi8>, tensor<64x8xi8>) outs(%zeros : tensor<1x8xi32>) -> tensor<1x8xi32> loc("fc")
  return %z : tensor<1x8xi32>
}
