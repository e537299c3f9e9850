// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/AddressSpace.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Error;

namespace bitnn {

/// The bits of a target's addresses if there are few of them, else none.
static std::optional<unsigned> getFewBits(const TargetNames &target) {
  unsigned bits =
      describeTarget(target.triple, target.cpu, target.features).indexBits;
  return bits < 64 ? std::optional(bits) : std::nullopt;
}

static Error refuse(const Twine &what, unsigned bits, const Twine &remedy) {
  return llvm::createStringError("needs " + what + ", more than addresses of " +
                                 Twine(bits) + " bits reach; " + remedy);
}

static uint64_t getBytes(memref::GlobalOp global) {
  MemRefType type = global.getType();
  uint64_t bits =
      type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
  return uint64_t(type.getNumElements()) * llvm::divideCeil(bits, 8);
}

Error checkAddressSpace(ModuleOp module, const EntryPoint &entry,
                        const TargetNames &target) {
  std::optional<unsigned> bits = getFewBits(target);
  if (!bits)
    return Error::success();
  uint64_t constants = 0, largest = 0, edges = 0;
  StringRef name;
  for (auto global : module.getOps<memref::GlobalOp>()) {
    uint64_t bytes = getBytes(global);
    constants = llvm::SaturatingAdd(constants, bytes);
    if (bytes > largest) {
      largest = bytes;
      name = global.getName();
    }
  }
  for (const auto *list : {&entry.inputs, &entry.outputs})
    for (const Edge &edge : *list)
      edges = llvm::SaturatingAdd(edges, uint64_t(edge.getNumElements()) *
                                             llvm::divideCeil(edge.bits, 8));
  uint64_t scratch = entry.scratchBytes;
  uint64_t all =
      llvm::SaturatingAdd(llvm::SaturatingAdd(constants, scratch), edges);
  if (all <= llvm::maxUIntN(*bits))
    return Error::success();
  std::string what = llvm::formatv(
      "{0} bytes of constants, {1} of scratch memory and {2} of inputs and "
      "outputs",
      constants, scratch, edges);
  if (constants > all / 2)
    return refuse(what, *bits,
                  "most are constants, the largest is '" + name +
                      "'; choose another target or a smaller network");
  return refuse(what, *bits,
                "choose another target, or make the largest images smaller");
}

Error checkObjectSize(uint64_t bytes, const TargetNames &target) {
  std::optional<unsigned> bits = getFewBits(target);
  if (!bits || bytes <= llvm::maxUIntN(*bits))
    return Error::success();
  return refuse("an object of " + Twine(bytes) + " bytes", *bits,
                "choose --schedule=table, which is smaller, or another target");
}

} // namespace bitnn
