// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_CONVERSION_PASSES_TD
#define BITNN_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertBitNNToLinalgPass : Pass<"convert-bitnn-to-linalg"> {
  let summary = "Turn layers that shall multiply back into linalg";
  let description = [{
    A `bitnn.conv_2d` or `bitnn.matmul` with the schedule `multiply` becomes
    upstream's named operation on the bias, and its epilogue an elementwise
    `linalg.generic`.

    ```mlir
    func.func @layer(%x: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
      %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
      %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
             outs(%init : tensor<1x2xi32>) encoding = csd schedule = multiply -> tensor<1x2xi32>
      return %y : tensor<1x2xi32>
    }
    // becomes
    %zeros = linalg.fill ins(%zero : i32) outs(%e : tensor<1x2xi32>) -> tensor<1x2xi32>
    %y = linalg.matmul ... ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
           outs(%zeros : tensor<1x2xi32>) -> tensor<1x2xi32>
    return %y : tensor<1x2xi32>
    ```
  }];
  let options = [
    Option<"all", "all", "bool", "false",
           "layers of every schedule, not of multiply alone">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ConvertLinalgToBitNNPass : Pass<"convert-linalg-to-bitnn"> {
  let summary = "Turn convolutions and matrix products with constant weights "
                "into bitnn operations";
  let description = [{
    Recognizes integer convolutions and matrix products among all linalg
    operations, named or generic, by their body (`acc + (x - zx) * (w - zw)`,
    sign-extended to i32) and their indexing maps, and so in every layout:
    other layouts than N,C,H,W get a `linalg.transpose` before and after, and
    weights are transposed here and now. Zero points are folded: weights minus
    their zero point, bias minus `zx * sum(w)`. An init that is constant per
    output channel becomes the bias; any other is added afterwards.

    ```mlir
    func.func @layer(%x: tensor<1x1x4x4xi8>) -> tensor<1x2x3x3xi32> {
      %w = arith.constant dense<[[[[7, 0], [-1, 2]]], [[[1, 1], [0, -8]]]]> : tensor<2x1x2x2xi8>
      %b = arith.constant dense<[100, -5]> : tensor<2xi32>
      %e = tensor.empty() : tensor<1x2x3x3xi32>
      %bias = linalg.broadcast ins(%b : tensor<2xi32>) outs(%e : tensor<1x2x3x3xi32>) dimensions = [0, 2, 3]
      %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x1x4x4xi8>, tensor<2x1x2x2xi8>)
             outs(%bias : tensor<1x2x3x3xi32>) -> tensor<1x2x3x3xi32>
      return %y : tensor<1x2x3x3xi32>
    }
    // becomes
    %y = bitnn.conv_2d ins(%x, %w, %b : tensor<1x1x4x4xi8>, tensor<2x1x2x2xi8>, tensor<2xi32>)
           outs(%e : tensor<1x2x3x3xi32>) encoding = csd -> tensor<1x2x3x3xi32>
    return %y : tensor<1x2x3x3xi32>
    ```

    A passed remark gives weights and digits; a missed remark says why a sum
    of products stays as it is, and what to do.
  }];
  let options = [
    Option<"encoding", "encoding", "::bitnn::DigitEncoding",
           "::bitnn::DigitEncoding::Csd", "How weights become digits", [{
      ::llvm::cl::values(
        clEnumValN(::bitnn::DigitEncoding::Csd, "csd",
                   "canonical signed digits"),
        clEnumValN(::bitnn::DigitEncoding::Binary, "binary",
                   "sign and magnitude"))
    }]>,
  ];
  let dependentDialects = [
    "::bitnn::BitNNDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"
  ];
}

def ConvertBitNNToArithPass
    : Pass<"convert-bitnn-to-arith", "::mlir::ModuleOp"> {
  let summary = "Lower requantize, lookup and add to integer operations, "
                "without multiplication";
  let description = [{
    Lowers `bitnn.requantize`, `bitnn.lookup` and `bitnn.add` on scalars and on
    vectors of rank 1 to `arith`, with constant tables as private
    `memref.global`s. What is generated equals the reference: of a requantize
    on its whole `accumulator_range`, of the others on all inputs. It is proven
    here, not tested.

    A requantize becomes a clamp, a sum of the accumulator's shifts, and a
    shift; where no such sum rounds like the reference, comparisons with the
    thresholds that differ. An index that is not constant reads the same from a
    table of all channels. A lookup becomes a minimum and a maximum where that
    is the table, otherwise a load.

    ```mlir
    func.func @requantize(%acc: i32) -> i8 {
      %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
          dense<0.03125> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
      return %q : i8
    }
    // becomes
    %low = arith.constant -4080 : i32
    %0 = arith.maxsi %acc, %low : i32
    %high = arith.constant 4049 : i32
    %1 = arith.minsi %0, %high : i32
    %c15 = arith.constant 15 : i32
    %2 = arith.addi %1, %c15 : i32
    %c5 = arith.constant 5 : i32
    %3 = arith.shrsi %2, %c5 : i32
    %c1 = arith.constant 1 : i32
    %4 = arith.andi %3, %c1 : i32  // ties to even
    %5 = arith.addi %2, %4 : i32
    %again = arith.constant 5 : i32
    %6 = arith.shrsi %5, %again : i32
    %q = arith.trunci %6 : i32 to i8
    return %q : i8
    ```

    A missed remark names channels that need many comparisons.
  }];
  let options = [
    Option<"multiply", "multiply", "bool", "false",
           "Requantize with one multiplication instead of digits">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def ConvertKernelsToLLVMPass
    : Pass<"convert-kernels-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower kernels on buffers to the LLVM dialect, all at once";
  let description = [{
    Lowers `func`, `scf`, `arith`, `memref` and `vector` with upstream's
    patterns, in one conversion: every operation is visited once, where a pass
    per dialect visits all of them. Buffers are passed as bare pointers.
    Functions with operations that upstream takes apart before it lowers them
    (views of views, vectors of several dimensions) go through those passes
    first.

    ```mlir
    func.func private @twice(%x: memref<4xi16>, %i: index) {
      %v = memref.load %x[%i] : memref<4xi16>
      %y = arith.addi %v, %v : i16
      memref.store %y, %x[%i] : memref<4xi16>
      return
    }
    // becomes
    llvm.func @twice(%x: !llvm.ptr, %i: i64) attributes {sym_visibility = "private"} {
      ...
      %0 = llvm.getelementptr inbounds|nuw %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i16
      %v = llvm.load %0 : !llvm.ptr -> i16
      %y = llvm.add %v, %v : i16
      ...
    }
    ```
  }];
  let options = [
    Option<"indexBitwidth", "index-bitwidth", "unsigned", "64",
           "Bits of an index, as many as a pointer has">,
  ];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::affine::AffineDialect",
    "::mlir::cf::ControlFlowDialect"
  ];
}

def OutlineParallelPass : Pass<"bitnn-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "Let the caller run the bodies of parallel loops";
  let description = [{
    Every `scf.parallel` of the network becomes a private function of an
    argument and an index, which the caller's threads may call in any order. The
    argument points to the buffers of the network, on its stack. The network
    gets one more argument: a pointer to a function of the caller that calls
    `body(argument, 0)` to `body(argument, count - 1)`, and to what it needs for
    that; or a null pointer, and the bodies run one after the other.

    ```mlir
    func.func private @piece(memref<8xi8>, memref<8xi8>, index)
    func.func @net_run(%x: memref<8xi8>, %y: memref<8xi8>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      scf.parallel (%i) = (%c0) to (%c2) step (%c1) {
        func.call @piece(%x, %y, %i) : (memref<8xi8>, memref<8xi8>, index) -> ()
      }
      return
    }
    // becomes, with {entry=net_run}
    ...
    func.func private @net_run.parallel0(%argument: !llvm.ptr, %index: i32) {
      ...
      call @piece(%x, %y, %i) : (memref<8xi8>, memref<8xi8>, index) -> ()
      return
    }
    func.func @net_run(%x: memref<8xi8>, %y: memref<8xi8>, %parallel: !llvm.ptr) {
      ...
      call @net_run.in_any_order(%parallel, %count, %body, %argument) : (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr) -> ()
      return
    }
    ```
  }];
  let options = [
    Option<"entry", "entry", "std::string", [{""}], "the network's function">,
    Option<"indexBitwidth", "index-bitwidth", "unsigned", "64",
           "Bits of an index, as many as a pointer has">,
  ];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect"
  ];
}

#endif // BITNN_CONVERSION_PASSES_TD
