// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_TD
#define BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def AttachTargetPass : Pass<"bitnn-attach-target", "::mlir::ModuleOp"> {
  let summary = "Name the machine that code is generated for";
  let description = [{
    Sets the module attribute `bitnn.target`, from which every later pass
    takes lanes, registers, immediate ranges and costs.

    ```mlir
    // bitnn-attach-target{triple=riscv32-unknown-elf cpu=generic-rv32}
    module attributes {bitnn.target = #bitnn.target<
        triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {}
    ```
  }];
  let options = [
    Option<"triple", "triple", "std::string", [{"x86_64-unknown-linux-gnu"}],
           "LLVM target triple">,
    Option<"cpu", "cpu", "std::string", [{"x86-64"}], "LLVM processor name">,
    Option<"features", "features", "std::string", [{""}],
           "LLVM feature string, such as +avx2">,
  ];
  let dependentDialects = ["::bitnn::BitNNDialect"];
}

def FormEntryPass : Pass<"bitnn-form-entry", "::mlir::ModuleOp"> {
  let summary = "Give the network its C signature";
  let description = [{
    The public function's tensors become buffers of the caller: one argument
    per input and, after them, one per output, with the attributes of the
    edges. Results are written in place, without copies, once bufferization
    has run. Fails unless the module has exactly one public function.

    ```mlir
    func.func @model(%x: tensor<4xi8>) -> tensor<4xi8> {
      return %x : tensor<4xi8>
    }
    // bitnn-form-entry{name=model_run}: the signature is
    //   @model_run(memref<4xi8> {llvm.noalias}, memref<4xi8> {llvm.noalias})
    ```
  }];
  let options = [
    Option<"name", "name", "std::string", [{""}],
           "the function's new name; the old one if empty">,
  ];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect"];
}

def FuseEpiloguePass : Pass<"bitnn-fuse-epilogue"> {
  let summary = "Make what follows a layer elementwise part of the layer";
  let description = [{
    An elementwise `linalg.generic` on the result of a `bitnn.conv_2d` or
    `bitnn.matmul` moves into its epilogue: requantize, tables, and the
    addition of one residual. `linalg.index 1` becomes the channel.

    ```mlir
    %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
        outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
    %y = linalg.generic {indexing_maps = [affine_map<(n, f) -> (n, f)>, affine_map<(n, f) -> (n, f)>],
                         iterator_types = ["parallel", "parallel"]}
        ins(%acc : tensor<1x2xi32>) outs(%empty : tensor<1x2xi8>) {
    ^bb0(%a: i32, %e: i8):
      %q = bitnn.requantize %a : i32 -> i8 using #bitnn.float_scale<
          dense<0.02> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
      linalg.yield %q : i8
    } -> tensor<1x2xi8>
    // becomes: bitnn.matmul ... epilogue { bitnn.requantize } -> tensor<1x2xi8>
    ```

    A missed remark says why accumulators are still stored.
  }];
  let dependentDialects = ["::bitnn::BitNNDialect"];
}

def InferRangesPass : Pass<"bitnn-infer-ranges", "::mlir::func::FuncOp"> {
  let summary = "Write the interval of every layer's input";
  let description = [{
    Follows the interval of every tensor from the function's arguments (all
    values of their type) through requantize, tables, additions, padding and
    movement, by `InferIntRangeInterface` on scalars, and writes it as
    `input_range`. A layer whose accumulator could leave 32 bits is refused,
    with its channel and interval.

    ```mlir
    %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
        outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
    // becomes: bitnn.matmul ... input_range = [-128, 127]
    ```
  }];
}

def LayoutPass : Pass<"bitnn-layout", "::mlir::func::FuncOp"> {
  let summary = "Lay images out as the target's kernels want them";
  let description = [{
    On vector targets, the input of a convolution that is computed on vectors
    of pixels gets 16-bit elements, channel-planar, so that lanes are added
    without a conversion; the producer widens as it stores. On all targets,
    padding becomes part of the image: the producer stores into its middle,
    and the border is written around it.

    ```mlir
    %zero = arith.constant 0 : i8
    %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%n: index, %c: index, %h: index, %w: index):
      tensor.yield %zero : i8
    } : tensor<1x3x8x8xi8> to tensor<1x3x10x10xi8>
    // becomes, for a consumer on vectors: fill of a 10x10 image of i16, and
    // tensor.insert_slice of the widened %x
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def LinalgToLoopsPass : Pass<"bitnn-linalg-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Turn linalg on buffers into loops with running offsets";
  let description = [{
    Every operand is a flat buffer with one offset that runs along: no index
    is ever multiplied, on no target. Loops that walk contiguously through all
    operands are merged. Also lowers `memref.copy`. Sums of products are left
    to `convert-linalg-to-loops`: they are there to be multiplied.

    ```mlir
    linalg.transpose ins(%x : memref<2x3xi8>) outs(%y : memref<3x2xi8>) permutation = [1, 0]
    // becomes: two scf.for that carry an offset of %x and one of %y
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def LowerAdderGraphsPass
    : Pass<"bitnn-lower-adder-graphs", "::mlir::func::FuncOp"> {
  let summary = "Replace code blocks by their additions, in their order";
  let description = [{
    Inlines every `bitnn.adder_graph`. Inputs are loaded at their first use:
    no later pass may change the order, since it decides what is spilled.

    ```mlir
    %y = bitnn.adder_graph(%x) : i32 -> 1 {
    ^bb0(%a: i32):
      %0 = arith.addi %a, %a : i32
      bitnn.yield %0 : i32
    }
    // becomes: %y = arith.addi %x, %x : i32
    ```
  }];
}

def LowerKernelsPass : Pass<"bitnn-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn layers on buffers into straight-line or table kernels";
  let description = [{
    `straight_line`: the layer's matrix is partitioned into code blocks, each
    a private function that loops over the pixels of a tile around one
    `bitnn.adder_graph`; partial sums are added in 16-bit lanes where that is
    exact, and widened once per code block. `table`: one loop over index lists
    per output and plane. Both apply the epilogue as they store.

    The number of code blocks and of accumulator groups and the bytes of
    tables are added to the layer's record in `bitnn.layers`.

    ```mlir
    bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<2x3xi8>)
        outs(%y : memref<1x2xi32>) encoding = csd schedule = straight_line
    // becomes calls of the private functions @l0_layer.b0.w0 and
    // @l0_layer.b0.epilogue
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def PlanArenaPass : Pass<"bitnn-plan-arena", "::mlir::ModuleOp"> {
  let summary = "Place all buffers of the network in one scratch argument";
  let description = [{
    Every `memref.alloc` of the entry function becomes a view of its new last
    argument. Buffers that are not alive together share memory: the largest
    is placed first, each at the lowest offset that is free during its life.

    ```mlir
    %0 = memref.alloc() : memref<100xi8>
    // becomes: memref.view %scratch[%offset][] : memref<128xi8> to memref<100xi8>
    ```
  }];
  let options = [
    Option<"alignment", "alignment", "int64_t", "64",
           "alignment of every buffer and of the scratch argument, in bytes">,
    Option<"slack", "slack", "int64_t", "256",
           "bytes after the last buffer that vectors may read">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def SelectSchedulePass : Pass<"bitnn-select-schedule", "::mlir::ModuleOp"> {
  let summary = "Choose how each layer becomes code";
  let description = [{
    Writes the `schedule` of every `bitnn.conv_2d` and `bitnn.matmul`, and one
    record per layer into the module attribute `bitnn.layers`: its name,
    weights, digits, multiplications it replaces, adds, and the reason of the
    choice, which is also an analysis remark. With `auto`, straight-line code,
    and tables for the largest layers if the network's code would exceed the
    budget.

    ```mlir
    %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
        outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
    // becomes: bitnn.matmul ... schedule = straight_line
    ```
  }];
  let options = [
    Option<"schedule", "schedule", "std::string", [{"auto"}],
           "auto, straight-line, table or multiply">,
    Option<"maxCodeSize", "max-code-size", "int64_t", "0",
           "budget of all code in bytes; 0 is the target's default">,
  ];
}

def VerifyMultiplierFreePass : Pass<"bitnn-verify-multiplier-free"> {
  let summary = "Refuse multiplications, divisions and floating point";
  let description = [{
    The contract before code generation. Arithmetic on type `index` is exempt:
    it addresses memory, and the check of the object sees what becomes of it.

    ```mlir
    %y = arith.shli %x, %two : i32
    // legal; an arith.muli of i32 would be refused
    ```
  }];
}

def VerifyQuantizedPass : Pass<"bitnn-verify-quantized"> {
  let summary = "Refuse what is not a quantized network on integer tensors";
  let description = [{
    The contract of the first stage: `linalg`, `tensor`, `arith` and bitnn's
    scalar operations, on signless integer tensors of static shape.

    ```mlir
    %y = linalg.add ins(%a, %b : tensor<4xi8>, tensor<4xi8>) outs(%e : tensor<4xi8>) -> tensor<4xi8>
    // legal; a tensor of f32 would be refused
    ```
  }];
}

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_TD
