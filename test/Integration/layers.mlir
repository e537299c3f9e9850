// A grouped, strided, dilated convolution and a matrix product with a residual,
// in all the ways there are to execute them: the definition, one generic per
// plane, upstream's named operations, and the kernels of both schedules.

// DEFINE: %{to-llvm} = func.func(bitnn-linalg-to-loops,convert-linalg-to-loops),expand-strided-metadata,func.func(bitnn-lower-adder-graphs),lower-affine,convert-scf-to-cf,convert-vector-to-llvm,convert-arith-to-llvm,convert-cf-to-llvm,finalize-memref-to-llvm,convert-func-to-llvm,reconcile-unrealized-casts
// DEFINE: %{bufferize} = one-shot-bufferize{bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map}
// The runner does not know our attributes.
// DEFINE: %{run} = sed 's/^module attributes .* {$/module {/' | mlir-runner -e main --entry-point-result=void --shared-libs=%mlir_lib_dir/libmlir_runner_utils.so,%mlir_lib_dir/libmlir_c_runner_utils.so | FileCheck %s

// RUN: bitnn-opt %s --pass-pipeline="builtin.module(%{bufferize},func.func(bitnn-layers-to-loops),%{to-llvm})" | %{run}
// RUN: bitnn-opt %s --pass-pipeline="builtin.module(transform-preload-library{transform-library-paths=%S/Inputs/decompose.mlir},transform-interpreter,%{bufferize},%{to-llvm})" | %{run}
// RUN: bitnn-opt %s --pass-pipeline="builtin.module(convert-bitnn-to-linalg{all},%{bufferize},%{to-llvm})" | %{run}
// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target,bitnn-select-schedule{schedule=straight-line},%{bufferize},bitnn-lower-kernels,%{to-llvm})" | %{run}
// RUN: bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target,bitnn-select-schedule{schedule=table},%{bufferize},bitnn-lower-kernels,%{to-llvm})" | %{run}
// RUN: %if avx2 %{ bitnn-opt %s --pass-pipeline="builtin.module(bitnn-attach-target{cpu=x86-64-v3},bitnn-select-schedule{schedule=straight-line},func.func(bitnn-split-phases,bitnn-layout),%{bufferize},bitnn-lower-kernels,%{to-llvm})" | %{run} %}

func.func private @printMemrefI32(tensor<*xi32>) attributes {llvm.emit_c_interface}

func.func private @conv(%x: tensor<1x4x7x10xi8>) -> tensor<1x4x3x8xi32> {
  %w = arith.constant dense<[
      [[[1, -2], [3, 127]], [[0, 0], [0, 0]]], [[[-128, 5], [6, 7]], [[85, -86], [1, 0]]],
      [[[0, 0], [0, 0]], [[0, 0], [0, 0]]], [[[-1, -1], [-1, -1]], [[64, 32], [16, 8]]]]> : tensor<4x2x2x2xi8>
  %b = arith.constant dense<[-5, 1000, 9, 7]> : tensor<4xi32>
  %e = tensor.empty() : tensor<1x4x3x8xi32>
  %y = bitnn.conv_2d ins(%x, %w, %b : tensor<1x4x7x10xi8>, tensor<4x2x2x2xi8>, tensor<4xi32>)
      outs(%e : tensor<1x4x3x8xi32>) strides = [2, 1] dilations = [2, 2] groups = 2 encoding = csd
      -> tensor<1x4x3x8xi32>
  return %y : tensor<1x4x3x8xi32>
}

// The epilogue is max(acc + 100 * channel - residual, 0), saturated nowhere.
func.func private @matmul(%x: tensor<2x3xi8>, %r: tensor<2x4xi8>) -> tensor<2x4xi32> {
  %w = arith.constant dense<[[1, 2, 3], [-128, 127, 0], [0, 0, 0], [7, -7, 100]]> : tensor<4x3xi8>
  %e = tensor.empty() : tensor<2x4xi32>
  %y = bitnn.matmul ins(%x, %w : tensor<2x3xi8>, tensor<4x3xi8>) residual(%r : tensor<2x4xi8>)
      outs(%e : tensor<2x4xi32>) encoding = binary epilogue {
      ^bb0(%acc: i32, %channel: index, %residual: i8):
        %zero = arith.constant 0 : i32
        %c = arith.index_cast %channel : index to i32
        %wide = arith.extsi %residual : i8 to i32
        %0 = arith.addi %acc, %c : i32
        %1 = arith.subi %0, %wide : i32
        %2 = arith.maxsi %1, %zero : i32
        bitnn.yield %2 : i32
      } -> tensor<2x4xi32>
  return %y : tensor<2x4xi32>
}

func.func @main() {
  %x = tensor.generate {
  ^bb0(%n: index, %c: index, %h: index, %w: index):
    %c29 = arith.constant 29 : index
    %c13 = arith.constant 13 : index
    %0 = arith.muli %h, %c29 : index
    %1 = arith.muli %w, %c13 : index
    %2 = arith.addi %0, %1 : index
    %3 = arith.subi %2, %c : index
    %4 = arith.index_cast %3 : index to i8
    tensor.yield %4 : i8
  } : tensor<1x4x7x10xi8>
  %y = func.call @conv(%x) : (tensor<1x4x7x10xi8>) -> tensor<1x4x3x8xi32>
  %yu = tensor.cast %y : tensor<1x4x3x8xi32> to tensor<*xi32>
  func.call @printMemrefI32(%yu) : (tensor<*xi32>) -> ()
  %a = arith.constant dense<[[-128, 127, 5], [0, -1, 2]]> : tensor<2x3xi8>
  %r = arith.constant dense<[[-128, 127, -1, 1], [0, 1, 2, -3]]> : tensor<2x4xi8>
  %z = func.call @matmul(%a, %r) : (tensor<2x3xi8>, tensor<2x4xi8>) -> tensor<2x4xi32>
  %zu = tensor.cast %z : tensor<2x4xi32> to tensor<*xi32>
  func.call @printMemrefI32(%zu) : (tensor<*xi32>) -> ()
  return
}


// CHECK:      [10785, 12462, 14139, 15816, -15019, -13342, -12433, -10756],
// CHECK-NEXT: [-14245, -13336, -11659, -9982, -7793, -6116, -4695, -3018],
// CHECK-NEXT: [-7019, -5598, -3921, -2244, -567, 1110, 2787, 4464]
// CHECK:      [-112, -1542, -2972, -4402, -7624, -9054, -12276, -13706],
// CHECK-NEXT: [-8284, -11506, -12936, -14366, 4940, 3510, 13088, 11658],
// CHECK-NEXT: [4280, 13858, 12428, 10998, 9568, 8138, 6708, 5278]
// CHECK:      [9, 9, 9, 9, 9, 9, 9, 9],
// CHECK:      [1919, 3427, 4935, 6443, 6159, 7667, 5335, 6843],
// CHECK-NEXT: [6855, 8363, 6031, 7539, 1111, 2619, -12001, -10493],
// CHECK-NEXT: [1807, 3315, -11305, -9797, -8289, -6781, -5273, -3765]
// CHECK:      [269, 32387, 3, 0],
// CHECK-NEXT: [4, 0, 0, 213]
