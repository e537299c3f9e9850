// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_DIALECT_BITNNATTRIBUTES_TD
#define BITNN_DIALECT_BITNNATTRIBUTES_TD

include "bitnn/Dialect/BitNN/IR/BitNNDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class BitNN_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<BitNN_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

def BitNN_Encoding : I32EnumAttr<"DigitEncoding",
    "how an integer becomes signed digits", [
      I32EnumAttrCase<"Binary", 0, "binary">,
      I32EnumAttrCase<"Csd", 1, "csd">]> {
  let cppNamespace = "::bitnn";
  let genSpecializedAttr = 0;
}
def BitNN_EncodingAttr
    : EnumAttr<BitNN_Dialect, BitNN_Encoding, "encoding">;

def BitNN_Schedule : I32EnumAttr<"Schedule",
    "how one layer becomes code", [
      I32EnumAttrCase<"StraightLine", 0, "straight_line">,
      I32EnumAttrCase<"Table", 1, "table">,
      I32EnumAttrCase<"Multiply", 2, "multiply">]> {
  let cppNamespace = "::bitnn";
  let genSpecializedAttr = 0;
}
def BitNN_ScheduleAttr
    : EnumAttr<BitNN_Dialect, BitNN_Schedule, "schedule">;

//===----------------------------------------------------------------------===//
// Target
//===----------------------------------------------------------------------===//

def BitNN_TargetAttr : BitNN_Attr<"Target", "target"> {
  let summary = "the machine that code is generated for";
  let description = [{
    LLVM's names of a machine, as the module attribute `bitnn.target`. Lanes,
    registers, immediate ranges and costs follow from it (`lib/TargetInfo`).

    ```mlir
    module attributes {bitnn.target = #bitnn.target<
        triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
    }
    ```
  }];
  let parameters = (ins
    StringRefParameter<"LLVM target triple">:$triple,
    StringRefParameter<"LLVM processor name">:$cpu,
    StringRefParameter<"LLVM feature string, such as +avx2">:$features);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===----------------------------------------------------------------------===//
// Reference functions
//===----------------------------------------------------------------------===//

def BitNN_ReferenceFunction : AttrInterface<"ReferenceFunctionAttr"> {
  let cppNamespace = "::bitnn";
  let description = [{
    A family of functions from one accumulator to one small integer, one
    function per channel or one for all: the definition of a requantize. Each
    is nondecreasing in the accumulator, so it is given by its steps.
  }];
  let methods = [
    InterfaceMethod<"The number of functions: 1, or one per channel.",
      "int64_t", "getNumFunctions", (ins)>,
    InterfaceMethod<"The function of a channel. What it returns owns all it "
                    "needs; ask for it once, not for each accumulator.",
      "::std::function<int64_t(int64_t)>", "getFunction",
      (ins "int64_t":$index)>,
    InterfaceMethod<"The smallest value of the functions' range.",
      "int32_t", "getLowest", (ins)>,
    InterfaceMethod<"The largest value of the functions' range.",
      "int32_t", "getHighest", (ins)>,
  ];
  let extraSharedClassDeclaration = [{
    /// The value of one function at one accumulator.
    int64_t evaluate(int64_t index, int64_t accumulator) const {
      return $_attr.getFunction(index)(accumulator);
    }
  }];
}

def BitNN_FloatScaleAttr : BitNN_Attr<"FloatScale", "float_scale",
    [DeclareAttrInterfaceMethods<BitNN_ReferenceFunction,
       ["getNumFunctions", "getFunction"]>]> {
  let summary = "ONNX's requantize: scale in float32, round half to even";
  let description = [{
    `clamp(rint(f32(acc) * multiplier) + zero_point, lowest, highest)`, each
    step rounded to float32 and ties to even (ONNX, QLinearConv and
    QuantizeLinear). A multiplier is
    `f32(f32(input_scale * weight_scale) / output_scale)`; there is one, or
    one per channel.

    ```mlir
    #ref = #bitnn.float_scale<dense<[0.011, 0.02]> : tensor<2xf32>,
                              zero_point = -3, range = [-128, 127]>
    ```
  }];
  let parameters = (ins
    "::mlir::DenseFPElementsAttr":$multipliers,
    "int32_t":$zeroPoint, "int32_t":$lowest, "int32_t":$highest);
  let assemblyFormat = [{
    `<` $multipliers `,` `zero_point` `=` $zeroPoint `,`
        `range` `=` `[` $lowest `,` $highest `]` `>`
  }];
  let genVerifyDecl = 1;
}

def BitNN_FixedScaleAttr : BitNN_Attr<"FixedScale", "fixed_scale",
    [DeclareAttrInterfaceMethods<BitNN_ReferenceFunction,
       ["getNumFunctions", "getFunction"]>]> {
  let summary = "TFLite's and TOSA's requantize: a 31-bit multiplier and a shift";
  let description = [{
    `clamp(((acc * multiplier + 2^(shift-1)) >> shift) + zero_point, lowest,
    highest)` in 64 bits (TOSA `apply_scale`, single rounding), or with
    TOSA's double rounding if `double_round` is true. Shifts are in 2..62.

    ```mlir
    #ref = #bitnn.fixed_scale<dense<1395864371> : tensor<1xi32>,
                              shifts = dense<38> : tensor<1xi32>,
                              zero_point = 4, range = [-128, 127]>
    ```
  }];
  let parameters = (ins
    "::mlir::DenseIntElementsAttr":$multipliers,
    "::mlir::DenseIntElementsAttr":$shifts,
    "int32_t":$zeroPoint, "int32_t":$lowest, "int32_t":$highest,
    DefaultValuedParameter<"bool", "false">:$doubleRound);
  let assemblyFormat = [{
    `<` $multipliers `,` `shifts` `=` $shifts `,`
        `zero_point` `=` $zeroPoint `,`
        `range` `=` `[` $lowest `,` $highest `]`
        (`,` `double_round` `=` $doubleRound^)? `>`
  }];
  let genVerifyDecl = 1;
}

def BitNN_FloatAddAttr : BitNN_Attr<"FloatAdd", "float_add"> {
  let summary = "ONNX's addition of two quantized values";
  let description = [{
    `clamp(rint((a' + b') / scale) + zero_point, lowest, highest)` with
    `a' = (a - lhs_zero_point) * lhs_scale` and `b'` alike, each step rounded
    to float32 in the written order, ties to even (ONNX DequantizeLinear,
    Add, QuantizeLinear).

    ```mlir
    #ref = #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
                            rhs_scale = 0.25 : f32, rhs_zero_point = -128,
                            scale = 0.7 : f32, zero_point = -1,
                            range = [-128, 127]>
    ```
  }];
  let parameters = (ins
    "::mlir::FloatAttr":$lhsScale, "int32_t":$lhsZeroPoint,
    "::mlir::FloatAttr":$rhsScale, "int32_t":$rhsZeroPoint,
    "::mlir::FloatAttr":$scale, "int32_t":$zeroPoint,
    "int32_t":$lowest, "int32_t":$highest);
  let extraClassDeclaration = [{
    ::bitnn::FloatAdd getFunction() const;
  }];
  let assemblyFormat = [{
    `<` `lhs_scale` `=` $lhsScale `,` `lhs_zero_point` `=` $lhsZeroPoint `,`
        `rhs_scale` `=` $rhsScale `,` `rhs_zero_point` `=` $rhsZeroPoint `,`
        `scale` `=` $scale `,` `zero_point` `=` $zeroPoint `,`
        `range` `=` `[` $lowest `,` $highest `]` `>`
  }];
  let genVerifyDecl = 1;
}

#endif // BITNN_DIALECT_BITNNATTRIBUTES_TD
