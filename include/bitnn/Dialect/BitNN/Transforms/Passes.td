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
    module {}
    // becomes, with {triple=riscv32-unknown-elf cpu=generic-rv32}
    module attributes {bitnn.target = #bitnn.target<
        triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
    }
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
    has run; a `tensor.concat` becomes insertions, into the caller's buffer
    where it is a result. Fails unless the module has exactly one public
    function.

    ```mlir
    func.func @model(%x: tensor<4xi8> {bitnn.name = "x"}) -> tensor<4xi8> {
      %y = arith.addi %x, %x : tensor<4xi8>
      return %y : tensor<4xi8>
    }
    // becomes, with {name=model_run}
    func.func @model_run(%x: memref<4xi8> {bitnn.name = "x", llvm.noalias},
                         %y: memref<4xi8> {llvm.noalias}) {
      %0 = bufferization.to_tensor %x restrict : memref<4xi8> to tensor<4xi8>
      %1 = arith.addi %0, %0 : tensor<4xi8>
      bufferization.materialize_in_destination %1 in restrict writable %y
          : (tensor<4xi8>, memref<4xi8>) -> ()
      return
    }
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
    func.func @layer(%x: tensor<1x3xi8>) -> tensor<1x2xi8> {
      %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
      %init = tensor.empty() : tensor<1x2xi32>
      %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
          outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
      %empty = tensor.empty() : tensor<1x2xi8>
      %y = linalg.generic {indexing_maps = [affine_map<(n, f) -> (n, f)>, affine_map<(n, f) -> (n, f)>],
                           iterator_types = ["parallel", "parallel"]}
          ins(%acc : tensor<1x2xi32>) outs(%empty : tensor<1x2xi8>) {
      ^bb0(%a: i32, %e: i8):
        %q = bitnn.requantize %a : i32 -> i8 using #bitnn.float_scale<
            dense<0.02> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
        linalg.yield %q : i8
      } -> tensor<1x2xi8>
      return %y : tensor<1x2xi8>
    }
    // becomes
    %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
        outs(%empty : tensor<1x2xi8>) encoding = csd epilogue {
    ^bb0(%a: i32, %channel: index):
      %q = bitnn.requantize %a : i32 -> i8 using #bitnn.float_scale<
          dense<2.000000e-02> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
      bitnn.yield %q : i8
    } -> tensor<1x2xi8>
    return %y : tensor<1x2xi8>
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
    `input_range`; a requantize learns its `accumulator_range`. A layer whose
    accumulator could leave 32 bits is refused, with its channel and interval.

    ```mlir
    func.func @layer(%x: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
      %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
      %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
          outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
      return %y : tensor<1x2xi32>
    }
    // becomes
    %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
        outs(%init : tensor<1x2xi32>) encoding = csd input_range = [-128, 127] -> tensor<1x2xi32>
    ```
  }];
}

def LayersToLoopsPass : Pass<"bitnn-layers-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Turn layers on buffers into their definition";
  let description = [{
    The plain loops over results and sums, with multiplications: what every
    kernel is compared with. Upstream's tiling builds the loops over results
    from the operations' `TilingInterface`.

    ```mlir
    memref.global "private" constant @weights : memref<2x3xi8> = dense<[[3, 0, -1], [0, 2, 5]]>
    func.func @model(%x: memref<1x3xi8>, %y: memref<1x2xi32>) {
      %w = memref.get_global @weights : memref<2x3xi8>
      bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<2x3xi8>)
          outs(%y : memref<1x2xi32>) encoding = csd
      return
    }
    // becomes
    scf.for %m = %m0 to %m1 step %m2 {
      ...
      scf.for %n = %n0 to %n1 step %n2 {
        ...
        %acc = scf.for %k = %k0 to %k1 step %k2 iter_args(%sum = %zero) -> (i32) {
          %x8 = memref.load %x[%m, %k] : memref<1x3xi8>
          %x32 = arith.extsi %x8 : i8 to i32
          %w8 = memref.load %w[%n, %k] : memref<2x3xi8>
          %w32 = arith.extsi %w8 : i8 to i32
          %product = arith.muli %x32, %w32 : i32
          %next = arith.addi %sum, %product : i32
          scf.yield %next : i32
        }
        memref.store %acc, %y[%m, %n] : memref<1x2xi32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
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
    module attributes {bitnn.target = #bitnn.target<
        triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
      func.func @pad(%x: tensor<1x1x8x8xi8>) -> tensor<1x1x10x10xi8> {
        %zero = arith.constant 0 : i8
        %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
        ^bb0(%n: index, %c: index, %h: index, %w: index):
          tensor.yield %zero : i8
        } : tensor<1x1x8x8xi8> to tensor<1x1x10x10xi8>
        return %p : tensor<1x1x10x10xi8>
      }
    }
    // becomes
    %image = tensor.empty() : tensor<1x1x10x10xi8>
    %border = linalg.fill ins(%zero : i8) outs(%image : tensor<1x1x10x10xi8>) -> tensor<1x1x10x10xi8>
    %p = tensor.insert_slice %x into %border[0, 0, 1, 1] [1, 1, 8, 8] [1, 1, 1, 1]
        : tensor<1x1x8x8xi8> into tensor<1x1x10x10xi8>
    return %p : tensor<1x1x10x10xi8>
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
    operands are merged, and what accumulates stays in registers. Where the
    target of the module has vectors, a loop of which all outputs are
    neighbours in memory becomes the innermost and is computed on vectors, with
    ever smaller ones at its end: nothing past a buffer is touched. Also lowers `memref.copy`. Sums of products are left
    to `convert-linalg-to-loops`: they are there to be multiplied.

    ```mlir
    func.func @transpose(%x: memref<2x3xi8>, %y: memref<3x2xi8>) {
      linalg.transpose ins(%x : memref<2x3xi8>) outs(%y : memref<3x2xi8>) permutation = [1, 0]
      return
    }
    // becomes
    %rows:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%from = %x0, %to = %y0) -> (index, index) {
      ...
      %row:2 = scf.for %j = %d0 to %d2 step %d1 iter_args(%s = %from, %t = %to) -> (index, index) {
        %value = memref.load %flat_x[%s] : memref<6xi8>
        memref.store %value, %flat_y[%t] : memref<6xi8>
        %three = arith.constant 3 : index
        %s1 = arith.addi %s, %three : index
        %one = arith.constant 1 : index
        %t1 = arith.addi %t, %one : index
        scf.yield %s1, %t1 : index, index
      }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def LowerAdderGraphsPass
    : Pass<"bitnn-lower-adder-graphs", "::mlir::func::FuncOp"> {
  let summary = "Replace code blocks by their additions, in their order";
  let description = [{
    Inlines every `bitnn.adder_graph`. Inputs are loaded at their first use:
    no later pass may change the order, since it decides what is spilled.

    ```mlir
    func.func @twice(%x: i32) -> i32 {
      %y = bitnn.adder_graph(%x) : i32 -> 1 {
      ^bb0(%a: i32):
        %0 = arith.addi %a, %a : i32
        bitnn.yield %0 : i32
      }
      return %y : i32
    }
    // becomes
    func.func @twice(%x: i32) -> i32 {
      %y = arith.addi %x, %x : i32
      return %y : i32
    }
    ```
  }];
}

def LowerKernelsPass : Pass<"bitnn-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn layers on buffers into straight-line or table kernels";
  let description = [{
    `straight_line`: the layer's matrix is partitioned into code blocks, each
    a private function that loops over the pixels of a tile around one
    `bitnn.adder_graph`; partial sums are added in 16-bit lanes where that is
    exact, and widened by the epilogue. `table`: one loop over index lists
    per output and plane; where the target has a vector instruction that looks
    up bytes or words in a register, the sums of all subsets of a few inputs are
    looked up for many outputs at once. All apply the epilogue as they store.

    The number of code blocks and of accumulator groups, the bytes of tables
    and the additions that are executed are written into the layer's record in
    `bitnn.layers`.

    ```mlir
    module attributes {bitnn.target = #bitnn.target<
        triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
      memref.global "private" constant @weights : memref<1x2xi8> = dense<[[3, -1]]>
      func.func @model(%x: memref<1x2xi8>, %y: memref<1x1xi32>) {
        %w = memref.get_global @weights : memref<1x2xi8>
        bitnn.matmul ins(%x, %w : memref<1x2xi8>, memref<1x2xi8>)
            outs(%y : memref<1x1xi32>) encoding = csd schedule = straight_line
        return
      }
    }
    // becomes
    func.func private @l0_layer.b0.w0(...) {
      ...
      %y0 = bitnn.adder_graph(%x0, %x1, %bias) : i32 -> 1 {
      ^bb0(%a: i32, %b: i32, %c: i32):
        %two = arith.constant 2 : i32
        %0 = arith.subi %c, %a : i32
        %1 = arith.shli %a, %two : i32
        %2 = arith.addi %0, %1 : i32
        %3 = arith.subi %2, %b : i32
        bitnn.yield %3 : i32
      }
      ...
    func.func private @l0_layer.b0.epilogue(...) {
      ...
    func.func @model(%x: memref<1x2xi8>, %y: memref<1x1xi32>) {
      ...
      call @l0_layer.b0.w0(...)
      call @l0_layer.b0.epilogue(...)
    ```
  }];
  let options = [
    Option<"sharing", "sharing", "bool", "true",
           "compute sums that several digits use once">,
    Option<"countUnbounded", "count-unbounded", "bool", "false",
           "record the adds of one graph per layer with any number of "
           "registers, too; takes longer than everything else">,
    Option<"accumulators", "accumulators", "unsigned", "0",
           "most outputs of a block, at most 64; 0 is the target's number">,
    Option<"registers", "registers", "unsigned", "0",
           "registers of a code block, its accumulators and at least 2 more; 0 "
           "is the target's number">,
    Option<"maxAdds", "max-adds", "unsigned", "0",
           "digits of a code block; 0 is the target's number">,
    Option<"parallel", "parallel", "bool", "false",
           "blocks of outputs and pieces of the image become cases of one "
           "scf.parallel, each with sums of its own">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def PinAddressesPass : Pass<"bitnn-pin-addresses"> {
  let summary = "Keep an address that many accesses share in a register";
  let description = [{
    On x86 every access can add a base, an index and a constant. Code
    generation therefore repeats the sum of base and index in each of the
    hundreds of accesses of a code block: longer instructions, and on many
    processors two operations instead of one for an addition that reads memory.
    An empty assembly statement around the address keeps it whole.

    ```mlir
    llvm.func @sum(%base: !llvm.ptr, %i: i64) -> i16 {
      %p = llvm.getelementptr %base[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i16
      %p1 = llvm.getelementptr %p[1] : (!llvm.ptr) -> !llvm.ptr, i16
      %p2 = llvm.getelementptr %p[2] : (!llvm.ptr) -> !llvm.ptr, i16
      %p3 = llvm.getelementptr %p[3] : (!llvm.ptr) -> !llvm.ptr, i16
      %x0 = llvm.load %p : !llvm.ptr -> i16
      %x1 = llvm.load %p1 : !llvm.ptr -> i16
      %x2 = llvm.load %p2 : !llvm.ptr -> i16
      %x3 = llvm.load %p3 : !llvm.ptr -> i16
      %a = llvm.add %x0, %x1 : i16
      %b = llvm.add %x2, %x3 : i16
      %c = llvm.add %a, %b : i16
      llvm.return %c : i16
    }
    // becomes
    llvm.func @sum(%base: !llvm.ptr, %i: i64) -> i16 {
      %0 = llvm.getelementptr %base[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i16
      %p = llvm.inline_asm "", "=r,0" %0 : (!llvm.ptr) -> !llvm.ptr
      %p1 = llvm.getelementptr %p[1] : (!llvm.ptr) -> !llvm.ptr, i16
      ...
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def PlanArenaPass : Pass<"bitnn-plan-arena", "::mlir::ModuleOp"> {
  let summary = "Place all buffers of the network in one scratch argument";
  let description = [{
    Every `memref.alloc` of the entry function becomes a view of its new last
    argument. Buffers that are not alive together share memory; a chain of
    layers takes no more than what is alive at once. Where each buffer is, and
    from which node of the network to which, is written into the module's
    attribute `bitnn.arena`.

    ```mlir
    func.func @model_run(%x: memref<100xi8>, %y: memref<100xi8>) {
      %0 = memref.alloc() : memref<100xi8>
      memref.copy %x, %0 : memref<100xi8> to memref<100xi8>
      memref.copy %0, %y : memref<100xi8> to memref<100xi8>
      return
    }
    // becomes, with {slack=0}
    func.func @model_run(%x: memref<100xi8>, %y: memref<100xi8>,
                         %scratch: memref<128xi8> {llvm.align = 64 : i64, llvm.noalias}) {
      %offset = arith.constant 0 : index
      %0 = memref.view %scratch[%offset][] : memref<128xi8> to memref<100xi8>
      memref.copy %x, %0 : memref<100xi8> to memref<100xi8>
      memref.copy %0, %y : memref<100xi8> to memref<100xi8>
      return
    }
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

def FillBordersPass : Pass<"bitnn-fill-borders", "::mlir::func::FuncOp"> {
  let summary = "Fill of a padded image what nothing else writes";
  let description = [{
    Where a buffer is filled, and the same rows and columns of all channels are
    overwritten before anything else happens to it, only what is around them is
    filled: runs of neighbours in memory, from one row, or channel, to the next.

    ```mlir
    func.func @pad(%x: memref<3x8xi16>) {
      %c0 = arith.constant 0 : i16
      %image = memref.alloc() : memref<5x10xi16>
      linalg.fill ins(%c0 : i16) outs(%image : memref<5x10xi16>)
      %inside = memref.subview %image[1, 1] [3, 8] [1, 1]
        : memref<5x10xi16> to memref<3x8xi16, strided<[10, 1], offset: 11>>
      memref.copy %x, %inside
        : memref<3x8xi16> to memref<3x8xi16, strided<[10, 1], offset: 11>>
      return
    }
    // becomes
    %top = memref.reinterpret_cast %image to offset: [0], sizes: [11], strides: [1]
        : memref<5x10xi16> to memref<11xi16, strided<[1]>>
    linalg.fill ins(%c0 : i16) outs(%top : memref<11xi16, strided<[1]>>)
    ...
    linalg.fill ins(%c0 : i16) outs(%between_rows : memref<1x2x2xi16, strided<[50, 10, 1], offset: 19>>)
    ...
    linalg.fill ins(%c0 : i16) outs(%bottom : memref<11xi16, strided<[1], offset: 39>>)
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect"];
}

def ReuseOperandsPass : Pass<"bitnn-reuse-operands", "::mlir::func::FuncOp"> {
  let summary = "Write results over operands that are read for the last time";
  let description = [{
    An elementwise operation, and a layer with a residual, reads an element of
    that operand and then writes the element of its result at the same place.
    Where the result has the operand's type and no other destination yet, and
    nothing needs the operand afterwards, its buffer becomes the destination. To
    be run after the elimination of empty tensors, which finds destinations that
    save a copy. Where operand and result are in images with a border of the
    same value, the result's image becomes a part of the operand's.

    ```mlir
    func.func @twice(%x: tensor<4xi8>) -> tensor<4xi8> {
      %e = tensor.empty() : tensor<4xi8>
      %a = linalg.add ins(%x, %x : tensor<4xi8>, tensor<4xi8>)
             outs(%e : tensor<4xi8>) -> tensor<4xi8>
      %b = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                           iterator_types = ["parallel"]}
             ins(%a : tensor<4xi8>) outs(%e : tensor<4xi8>) {
      ^bb0(%in: i8, %out: i8):
        %0 = arith.addi %in, %in : i8
        linalg.yield %0 : i8
      } -> tensor<4xi8>
      return %b : tensor<4xi8>
    }
    // becomes
    %a = linalg.add ins(%x, %x : tensor<4xi8>, tensor<4xi8>) outs(%e : tensor<4xi8>) -> tensor<4xi8>
    ... ins(%a : tensor<4xi8>) outs(%a : tensor<4xi8>) {
    ...
    ```
  }];
}

def SelectSchedulePass : Pass<"bitnn-select-schedule", "::mlir::ModuleOp"> {
  let summary = "Choose how each layer becomes code";
  let description = [{
    Writes the `schedule` of every `bitnn.conv_2d` and `bitnn.matmul`, and one
    record per layer into the module attribute `bitnn.layers`: its name,
    weights, digits, multiplications it replaces, adds, what each schedule is
    predicted to cost, and the reason of the choice, which is also an analysis
    remark. With `auto`, the schedule of least predicted cost (straight-line
    code on machines that were not measured), and tables for the largest
    layers if the network's code would exceed the budget; schedules that
    multiply take part with `multiply`.

    ```mlir
    module attributes {bitnn.target = #bitnn.target<
        triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
      func.func @model(%x: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
        %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
        %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
            outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32> loc("fc")
        return %y : tensor<1x2xi32>
      }
    }
    // becomes
    module attributes {bitnn.layers = [{adds = 6 : i64, digits = 6 : i64, kernel = "l0_fc",
        macs = 6 : i64, name = "fc", operator = "matmul", positions = 1 : i64, ...
        schedule = "straight-line", values = 5 : i64, weights = 6 : i64 ... {
      ...
      %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
          outs(%init : tensor<1x2xi32>) encoding = csd schedule = straight_line
          {bitnn.kernel = "l0_fc"} -> tensor<1x2xi32>
    ```
  }];
  let options = [
    Option<"schedule", "schedule", "std::string", [{"auto"}],
           "auto, straight-line, table or multiply">,
    Option<"maxCodeSize", "max-code-size", "int64_t", "0",
           "budget of all code in bytes; 0 is the target's default">,
    Option<"multiply", "multiply", "bool", "false",
           "with auto: layers whose digits are dense may multiply">,
    ListOption<"tables", "tables", "std::string",
               "with auto: names of kernels that must be tables, to save "
               "scratch memory">,
  ];
}

def SelectLanesPass : Pass<"bitnn-select-lanes", "::mlir::func::FuncOp"> {
  let summary = "Choose 8-bit lanes where sums of few bits fit them";
  let description = [{
    On vector targets. Activations of at most 4 bits leave room for sums in
    8-bit lanes, twice as many as 16-bit ones: 17 digits of one plane fit. The
    attribute `byte_lanes` marks convolutions that are estimated to execute
    fewer instructions in that way; their images keep 8-bit pixels. A missed
    remark says why others do not.

    ```mlir
    module attributes {bitnn.target = #bitnn.target<
        triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
      func.func @four_bits(%x: tensor<1x64x8x8xi8>, %init: tensor<1x1x8x8xi32>) -> tensor<1x1x8x8xi32> {
        %w = arith.constant dense<1> : tensor<1x64x1x1xi8>
        %y = bitnn.conv_2d ins(%x, %w : tensor<1x64x8x8xi8>, tensor<1x64x1x1xi8>)
            outs(%init : tensor<1x1x8x8xi32>) encoding = csd input_range = [0, 15] -> tensor<1x1x8x8xi32>
        return %y : tensor<1x1x8x8xi32>
      }
    }
    // becomes
    %y = bitnn.conv_2d ins(%x, %w : tensor<1x64x8x8xi8>, tensor<1x64x1x1xi8>)
        outs(%init : tensor<1x1x8x8xi32>) encoding = csd input_range = [0, 15] {byte_lanes} -> tensor<1x1x8x8xi32>
    ```
  }];
}

def SplitPhasesPass : Pass<"bitnn-split-phases", "::mlir::func::FuncOp"> {
  let summary = "Turn strides into phases of the image";
  let description = [{
    On vector targets. A phase is every s-th row and column of an image. With
    the phases as channels, a convolution of stride s has stride 1 and a
    smaller window: its vectors are loaded as they are. Only phases with a
    weight that is not zero are stored, inside of their padding and with 16
    bits; all convolutions of one image and stride share them. Channels keep
    their order, and so do groups.

    ```mlir
    module attributes {bitnn.target = #bitnn.target<
        triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
      func.func @rows(%x: tensor<1x1x4x64xi8>, %init: tensor<1x1x2x32xi32>) -> tensor<1x1x2x32xi32> {
        %w = arith.constant dense<[[[[1, 2, 3]]]]> : tensor<1x1x1x3xi8>
        %zero = arith.constant 0 : i8
        %p = tensor.pad %x low[0, 0, 0, 1] high[0, 0, 0, 1] {
        ^bb0(%n: index, %c: index, %h: index, %w0: index):
          tensor.yield %zero : i8
        } : tensor<1x1x4x64xi8> to tensor<1x1x4x66xi8>
        %y = bitnn.conv_2d ins(%p, %w : tensor<1x1x4x66xi8>, tensor<1x1x1x3xi8>)
            outs(%init : tensor<1x1x2x32xi32>) strides = [2, 2] encoding = csd -> tensor<1x1x2x32xi32>
        return %y : tensor<1x1x2x32xi32>
      }
    }
    // becomes
    ...
    %even = tensor.extract_slice %x[0, 0, 0, 0] [1, 1, 2, 32] [1, 1, 2, 2]
    ...
    %odd = tensor.extract_slice %x[0, 0, 0, 1] [1, 1, 2, 32] [1, 1, 2, 2]
    ...
    // 1 and 3 read odd columns, 2 reads even ones
    %w = arith.constant dense<[[[[0, 2]], [[1, 3]]]]> : tensor<1x2x1x2xi8>
    %y = bitnn.conv_2d ins(%phases, %w : tensor<1x2x2x33xi16>, tensor<1x2x1x2xi8>)
        outs(%init : tensor<1x1x2x32xi32>) encoding = csd input_range = [-128, 127] -> tensor<1x1x2x32xi32>
    ```

    Where a row without its border takes fewer vectors, columns of the window are
    set apart as well, also at stride 1: column o of the window reads a phase
    of its own, the image from column o on. So rows have no border, a window
    has one column, and vectors begin where rows do.

    A missed remark says why strides were left to the kernel.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def VerifyMultiplierFreePass : Pass<"bitnn-verify-multiplier-free"> {
  let summary = "Refuse multiplications, divisions and floating point";
  let description = [{
    The contract before code generation. Arithmetic on type `index` is exempt:
    it addresses memory, and the check of the object sees what becomes of it.

    ```mlir
    func.func @five_times(%x: i32) -> i32 {
      %five = arith.constant 5 : i32
      %y = arith.muli %x, %five : i32
      return %y : i32
    }
    // refused: 'arith.muli' op multiplies or divides
    ```
  }];
  let options = [
    Option<"requantize", "requantize", "bool", "false",
           "allow products of scalars and vectors, as in a requantize, but no "
           "sums of products">,
  ];
}

def VerifyQuantizedPass : Pass<"bitnn-verify-quantized"> {
  let summary = "Refuse what is not a quantized network on integer tensors";
  let description = [{
    The contract of the first stage: `linalg`, `tensor`, `arith` and bitnn's
    scalar operations, on signless integer tensors of static shape.

    ```mlir
    func.func @twice(%a: tensor<4xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
      %y = linalg.add ins(%a, %a : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      return %y : tensor<4xf32>
    }
    // refused: 'linalg.add' op computes with tensor<4xf32>
    ```
  }];
}

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_TD
