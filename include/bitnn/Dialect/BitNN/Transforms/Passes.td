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

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_TD
