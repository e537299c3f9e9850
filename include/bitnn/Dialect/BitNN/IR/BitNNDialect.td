// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_DIALECT_BITNNDIALECT_TD
#define BITNN_DIALECT_BITNNDIALECT_TD

include "mlir/IR/OpBase.td"

def BitNN_Dialect : Dialect {
  let name = "bitnn";
  let cppNamespace = "::bitnn";
  let summary = "Quantized neural networks as additions and shifts";
  let description = [{
    Weights are constants, so each is written as signed digits,
    `w = sum_m d_m 2^m` with `d_m` in {-1, 0, +1}, and a dot product becomes
    adds, shifts, adds. The dialect has

    * two tensor operations, `bitnn.conv_2d` and `bitnn.matmul`, whose digits
      are computed from their constant weights and an encoding,
    * three scalar operations, `bitnn.requantize`, `bitnn.lookup` and
      `bitnn.add`, defined by reference functions in float32 arithmetic which
      the generated code equals on every integer,
    * one operation for a code block, `bitnn.adder_graph`.

    Attributes on the arguments and results of the entry function describe
    the edges of the network:

    | attribute | type | meaning |
    |---|---|---|
    | `bitnn.name` | string | the name in the ONNX graph |
    | `bitnn.tensor` | string | the integer tensor at which the graph was cut |
    | `bitnn.scale` | f32 | real value = scale * (integer - zero point) |
    | `bitnn.zero_point` | i32 | in the type of the edge: 0..255 if unsigned |
    | `bitnn.unsigned` | unit | the edge is uint8; otherwise int8 |
    | `bitnn.float` | unit | the edge of the ONNX graph itself is float32 |
    | `bitnn.caller` | strings | operators left to the caller, in order |

    On the module, `bitnn.target` is a `#bitnn.target`, and `bitnn.layers`
    is an array with one dictionary per layer: what the report prints. On a
    structured operation, `bitnn.kernel` is the prefix of its functions.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    void registerAttributes();

    static constexpr llvm::StringLiteral kTargetAttr = "bitnn.target";
    static constexpr llvm::StringLiteral kLayersAttr = "bitnn.layers";
    static constexpr llvm::StringLiteral kArenaAttr = "bitnn.arena";
    static constexpr llvm::StringLiteral kKernelAttr = "bitnn.kernel";
    static constexpr llvm::StringLiteral kNameAttr = "bitnn.name";
    static constexpr llvm::StringLiteral kTensorAttr = "bitnn.tensor";
    static constexpr llvm::StringLiteral kScaleAttr = "bitnn.scale";
    static constexpr llvm::StringLiteral kZeroPointAttr = "bitnn.zero_point";
    static constexpr llvm::StringLiteral kUnsignedAttr = "bitnn.unsigned";
    static constexpr llvm::StringLiteral kFloatAttr = "bitnn.float";
    static constexpr llvm::StringLiteral kCallerAttr = "bitnn.caller";
  }];
}

#endif // BITNN_DIALECT_BITNNDIALECT_TD
