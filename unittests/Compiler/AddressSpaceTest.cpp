// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/AddressSpace.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace bitnn;
using namespace mlir;
using testing::HasSubstr;

namespace {

TargetNames find(llvm::StringRef name) {
  return llvm::cantFail(lookupTarget(name));
}

std::string check(llvm::StringRef text, const EntryPoint &entry,
                  llvm::StringRef target) {
  MLIRContext context;
  context.loadDialect<arith::ArithDialect, memref::MemRefDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  return llvm::toString(checkAddressSpace(*module, entry, find(target)));
}

constexpr llvm::StringLiteral kConstants = R"(
  memref.global "private" constant @small : memref<4xi32> = dense<1>
  memref.global "private" constant @large : memref<65536x65535xi8> = dense<3>
)";

TEST(AddressSpace, OfConstants) {
  EntryPoint entry;
  EXPECT_EQ(check(kConstants, entry, "x86-64"), "");
  // 65,536 bytes are left, of which the small constant takes 16.
  entry.scratchBytes = 65519;
  EXPECT_EQ(check(kConstants, entry, "rv32i"), "");
  entry.scratchBytes = 65520;
  EXPECT_EQ(check(kConstants, entry, "rv32i"),
            "needs 4294901776 bytes of constants, 65520 of scratch memory and "
            "0 of inputs and outputs, more than addresses of 32 bits reach; "
            "most are constants, the largest is 'large'; choose another target "
            "or a smaller network");
}

TEST(AddressSpace, OfImages) {
  EntryPoint entry;
  entry.scratchBytes = int64_t(1) << 31;
  Edge edge;
  edge.bits = 32;
  edge.shape = {1 << 14, 1 << 15};
  entry.outputs.push_back(edge);
  EXPECT_THAT(check("", entry, "rv32i"),
              HasSubstr("2147483648 of scratch memory and 2147483648 of inputs "
                        "and outputs"));
  EXPECT_THAT(check("", entry, "rv32i"), HasSubstr("the largest images"));
  EXPECT_EQ(check("", entry, "aarch64"), "");
  entry.scratchBytes -= 1;
  EXPECT_EQ(check("", entry, "rv32i"), "");
}

TEST(AddressSpace, OfTheObject) {
  auto checkSize = [](uint64_t bytes, llvm::StringRef target) {
    return llvm::toString(checkObjectSize(bytes, find(target)));
  };
  EXPECT_EQ(checkSize(UINT32_MAX, "rv32i"), "");
  EXPECT_EQ(checkSize(uint64_t(UINT32_MAX) + 1, "x86-64"), "");
  EXPECT_THAT(checkSize(uint64_t(UINT32_MAX) + 1, "rv32i"),
              HasSubstr("needs an object of 4294967296 bytes"));
}

} // namespace
