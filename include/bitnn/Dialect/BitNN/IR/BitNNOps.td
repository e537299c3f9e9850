// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_DIALECT_BITNNOPS_TD
#define BITNN_DIALECT_BITNNOPS_TD

include "bitnn/Dialect/BitNN/IR/BitNNAttributes.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferIntRangeInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/CommonTypeConstraints.td"

class BitNN_Op<string mnemonic, list<Trait> traits = []>
    : Op<BitNN_Dialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// Tensor operations
//===----------------------------------------------------------------------===//

class BitNN_Shaped<int rank, list<Type> elements>
    : AnyTypeOf<[TensorRankOf<elements, [rank]>, MemRefRankOf<elements, [rank]>]>;

/// What both tensor operations share: destination style, effects on buffers
/// only, loops that define them, and a decomposition into planes.
class BitNN_StructuredOp<string mnemonic>
    : BitNN_Op<mnemonic, [
        AttrSizedOperandSegments,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
          ["reifyResultShapes"]>,
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<TilingInterface,
          ["getLoopIteratorTypes", "getIterationDomain",
           "generateScalarImplementation"]>,
        AggregatedOpInterface,
        RecursivelySpeculatable]> {
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let hasVerifier = 1;

  code commonDeclarations = [{
    mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    // AggregatedOpInterface, which ODS can declare in namespace mlir only.
    mlir::FailureOr<mlir::SmallVector<mlir::Value>>
    decomposeOperation(mlir::OpBuilder &builder);

    /// The encoding as lib/Arithmetic names it.
    Encoding getDigitEncoding() {
      return getEncoding() == DigitEncoding::Csd ? Encoding::Csd
                                                 : Encoding::Binary;
    }
    mlir::ShapedType getInputType() {
      return mlir::cast<mlir::ShapedType>(getInput().getType());
    }
    mlir::ShapedType getWeightsType() {
      return mlir::cast<mlir::ShapedType>(getWeights().getType());
    }
    mlir::ShapedType getInitType() {
      return mlir::cast<mlir::ShapedType>(getInit().getType());
    }
    bool hasEpilogue() { return !getEpilogue().empty(); }
  }];
}

def BitNN_Conv2DOp : BitNN_StructuredOp<"conv_2d"> {
  let summary = "two-dimensional convolution with constant integer weights";
  let description = [{
    `acc[n,f,y,x] = bias[f] + sum_{c,i,j} weights[f,c,i,j] *
    input[n, g C/G + c, y sy + i dy, x sx + j dx]`, with `g = f / (F/G)`, in
    32-bit integers that wrap. Padding is in the input; its zero point is
    folded into the bias.

    | operand | shape | elements |
    |---|---|---|
    | input | N x C x H x W | i8, i16 |
    | weights | F x C/groups x KH x KW, constant | i2, i4, i8, i16 |
    | bias | F (optional) | i32 |
    | residual | N x F x OH x OW (optional) | i8, i16 |
    | init, result | N x F x OH x OW | i32, or what the epilogue yields |

    The epilogue, if there is one, turns the accumulator, its channel `f` and
    the residual at the same place into the stored value. `input_range` is
    the closed interval of the input's values (`bitnn-infer-ranges`), the
    whole type if it is missing; `schedule` is chosen by
    `bitnn-select-schedule`.

    ```mlir
    // given %x: tensor<1x2x6x6xi8>, %w: tensor<4x2x3x3xi8>,
    //   %b: tensor<4xi32>, %init: tensor<1x4x4x4xi8>
    %y = bitnn.conv_2d ins(%x, %w, %b : tensor<1x2x6x6xi8>, tensor<4x2x3x3xi8>, tensor<4xi32>)
           outs(%init : tensor<1x4x4x4xi8>) encoding = csd
           epilogue {
           ^bb0(%acc: i32, %channel: index):
             %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
                 dense<0.02> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
             bitnn.yield %q : i8
           } -> tensor<1x4x4x4xi8>
    ```
  }];
  let arguments = (ins
    BitNN_Shaped<4, [I8, I16]>:$input,
    BitNN_Shaped<4, [AnySignlessInteger]>:$weights,
    Optional<BitNN_Shaped<1, [I32]>>:$bias,
    Optional<BitNN_Shaped<4, [I8, I16]>>:$residual,
    BitNN_Shaped<4, [I8, I16, I32]>:$init,
    DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
    DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
    DefaultValuedAttr<I64Attr, "1">:$groups,
    DefaultValuedAttr<BitNN_EncodingAttr, "DigitEncoding::Csd">:$encoding,
    OptionalAttr<DenseI64ArrayAttr>:$input_range,
    OptionalAttr<BitNN_ScheduleAttr>:$schedule);
  let assemblyFormat = [{
    `ins` `(` $input `,` $weights (`,` $bias^)? `:`
        type($input) `,` type($weights) (`,` type($bias)^)? `)`
    (`residual` `(` $residual^ `:` type($residual) `)`)?
    `outs` `(` $init `:` type($init) `)`
    (`strides` `=` $strides^)? (`dilations` `=` $dilations^)?
    (`groups` `=` $groups^)? `encoding` `=` $encoding
    (`input_range` `=` $input_range^)? (`schedule` `=` $schedule^)?
    attr-dict (`epilogue` $epilogue^)? (`->` type($result)^)?
  }];
  let extraClassDeclaration = commonDeclarations;
}

def BitNN_MatmulOp : BitNN_StructuredOp<"matmul"> {
  let summary = "matrix product with constant integer weights";
  let description = [{
    `acc[m,n] = bias[n] + sum_k weights[n,k] * input[m,k]` in 32-bit integers
    that wrap: a fully connected layer for `M` inputs at once.

    | operand | shape | elements |
    |---|---|---|
    | input | M x K | i8, i16 |
    | weights | N x K (outputs x inputs), constant | i2, i4, i8, i16 |
    | bias | N (optional) | i32 |
    | residual | M x N (optional) | i8, i16 |
    | init, result | M x N | i32, or what the epilogue yields |

    Epilogue and attributes are those of `bitnn.conv_2d`; the channel is `n`.

    ```mlir
    // given %x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>
    %y = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
           outs(%init : tensor<1x2xi32>) encoding = binary -> tensor<1x2xi32>
    ```
  }];
  let arguments = (ins
    BitNN_Shaped<2, [I8, I16]>:$input,
    BitNN_Shaped<2, [AnySignlessInteger]>:$weights,
    Optional<BitNN_Shaped<1, [I32]>>:$bias,
    Optional<BitNN_Shaped<2, [I8, I16]>>:$residual,
    BitNN_Shaped<2, [I8, I16, I32]>:$init,
    DefaultValuedAttr<BitNN_EncodingAttr, "DigitEncoding::Csd">:$encoding,
    OptionalAttr<DenseI64ArrayAttr>:$input_range,
    OptionalAttr<BitNN_ScheduleAttr>:$schedule);
  let assemblyFormat = [{
    `ins` `(` $input `,` $weights (`,` $bias^)? `:`
        type($input) `,` type($weights) (`,` type($bias)^)? `)`
    (`residual` `(` $residual^ `:` type($residual) `)`)?
    `outs` `(` $init `:` type($init) `)` `encoding` `=` $encoding
    (`input_range` `=` $input_range^)? (`schedule` `=` $schedule^)?
    attr-dict (`epilogue` $epilogue^)? (`->` type($result)^)?
  }];
  let extraClassDeclaration = commonDeclarations;
}

//===----------------------------------------------------------------------===//
// Scalar operations
//===----------------------------------------------------------------------===//

class BitNN_ScalarOp<string mnemonic, list<Trait> traits = []>
    : BitNN_Op<mnemonic,
               !listconcat([Pure, DeclareOpInterfaceMethods<
                                      InferIntRangeInterface,
                                      ["inferResultRanges"]>],
                           ElementwiseMappable.traits, traits)> {
  let hasVerifier = 1;
}

def BitNN_RequantizeOp : BitNN_ScalarOp<"requantize"> {
  let summary = "accumulator to 8-bit activation, by a reference function";
  let description = [{
    `result = reference[index](accumulator)`. The reference is a
    `#bitnn.float_scale` or a `#bitnn.fixed_scale`; `index` chooses one of its
    functions and may be left out if there is one. The code generated for it
    equals the reference at every accumulator of `accumulator_range`: a closed
    interval, or one for each function, or the whole type if there is none. A
    narrow range makes it cheaper.

    All lanes of a vector have one index. With `consecutive` they have indices of
    their own: lane `i` has `index + i`, where `index` is a multiple of the
    number of lanes. Lanes past the last function have any value.

    ```mlir
    // given %acc: i32, %channel: index
    %q = bitnn.requantize %acc[%channel] : i32 -> i8 using #bitnn.float_scale<
        dense<[0.011, 0.02]> : tensor<2xf32>, zero_point = -3, range = [-128, 127]>
        accumulator_range = [-20000, 31000, -900, 800]
    ```
  }];
  let hasFolder = 1;
  let arguments = (ins
    SignlessIntegerLike:$accumulator,
    Optional<Index>:$index,
    BitNN_ReferenceFunction:$reference,
    OptionalAttr<DenseI64ArrayAttr>:$accumulator_range,
    UnitAttr:$consecutive);
  let results = (outs SignlessIntegerLike:$result);
  let assemblyFormat = [{
    $accumulator (`[` $index^ `]`)? (`consecutive` $consecutive^)? `:` type($accumulator) `->` type($result)
        `using` $reference (`accumulator_range` `=` $accumulator_range^)?
        attr-dict
  }];
  let extraClassDeclaration = [{
    /// What the accumulator can be where `index` is chosen.
    ::bitnn::Interval getAccumulatorInterval(int64_t index);
  }];
  // Without accumulator_range.
  let builders = [OpBuilder<(ins
      "::mlir::Type":$result, "::mlir::Value":$accumulator,
      "::mlir::Value":$index, "::bitnn::ReferenceFunctionAttr":$reference), [{
    build($_builder, $_state, result, accumulator, index, reference,
          ::mlir::DenseI64ArrayAttr(), ::mlir::UnitAttr());
  }]>];
}

def BitNN_LookupOp : BitNN_ScalarOp<"lookup", [SameOperandsAndResultType]> {
  let summary = "a function of an 8-bit value, by a table of its 256 values";
  let description = [{
    `result = table[input + 128]`: entry `k` is the value at `k - 128`.

    ```mlir
    // given %x: i8
    %r = bitnn.lookup %x : i8 in dense<7> : tensor<256xi8>
    ```
  }];
  let hasFolder = 1;
  let arguments = (ins SignlessIntegerLike:$input, ElementsAttr:$table);
  let results = (outs SignlessIntegerLike:$result);
  let assemblyFormat = "$input `:` type($input) `in` $table attr-dict";
}

def BitNN_AddOp : BitNN_ScalarOp<"add", [SameOperandsAndResultType]> {
  let summary = "sum of two quantized 8-bit values";
  let description = [{
    `result = reference(lhs, rhs)`, the float32 arithmetic of
    `#bitnn.float_add`. The code generated for it equals the reference at all
    65,536 pairs.

    ```mlir
    // given %a: i8, %b: i8
    %s = bitnn.add %a, %b : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
        rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1,
        range = [-128, 127]>
    ```
  }];
  let hasFolder = 1;
  let arguments = (ins SignlessIntegerLike:$lhs, SignlessIntegerLike:$rhs,
                       BitNN_FloatAddAttr:$reference);
  let results = (outs SignlessIntegerLike:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `:` type($lhs) `using` $reference attr-dict
  }];
}

//===----------------------------------------------------------------------===//
// Code blocks
//===----------------------------------------------------------------------===//

def BitNN_AdderGraphOp : BitNN_Op<"adder_graph", [
    IsolatedFromAbove, Pure, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "one code block: additions, subtractions and constant shifts";
  let description = [{
    The multiplication-free form of a constant matrix times a vector, for one
    block of outputs and a window of inputs. All values have one lane type:
    an integer, or a vector of integers whose lanes are neighbouring pixels.
    The region holds `arith.addi`, `arith.subi`, `arith.shli` by a constant,
    and constants, in the order in which they shall be executed.

    ```mlir
    // given %x0: vector<16xi16>, %x1: vector<16xi16>
    // it computes 7 x0 - x1, as (8 x0 - x0) - x1
    %y = bitnn.adder_graph(%x0, %x1) : vector<16xi16> -> 1 {
    ^bb0(%a: vector<16xi16>, %b: vector<16xi16>):
      %three = arith.constant dense<3> : vector<16xi16>
      %0 = arith.shli %a, %three : vector<16xi16>
      %1 = arith.subi %0, %a : vector<16xi16>
      %2 = arith.subi %1, %b : vector<16xi16>
      bitnn.yield %2 : vector<16xi16>
    }
    ```
  }];
  let arguments = (ins Variadic<SignlessIntegerLike>:$inputs);
  let results = (outs Variadic<SignlessIntegerLike>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The type of every value in the block.
    mlir::Type getLaneType() { return getResult(0).getType(); }
  }];
}

def BitNN_YieldOp : BitNN_Op<"yield", [
    Pure, ReturnLike, Terminator,
    ParentOneOf<["AdderGraphOp", "Conv2DOp", "MatmulOp"]>]> {
  let summary = "ends an epilogue or an adder graph";
  let description = [{
    ```mlir
    // given %x: i32
    %twice = bitnn.adder_graph(%x) : i32 -> 1 {
    ^bb0(%a: i32):
      %0 = arith.addi %a, %a : i32
      bitnn.yield %0 : i32
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{}]>];
}

#endif // BITNN_DIALECT_BITNNOPS_TD
