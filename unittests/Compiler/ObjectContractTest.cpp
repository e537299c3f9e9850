// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/ObjectContract.h"
#include "InstructionSynthesis.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "gtest/gtest.h"

using namespace bitnn;
using namespace llvm;

namespace {
class EveryOpcode : public testing::TestWithParam<const char *> {
protected:
  Triple triple{GetParam()};
};
} // namespace

static std::vector<Opcode> listForbidden(const Triple &triple) {
  std::vector<Opcode> opcodes = listOpcodes(triple);
  llvm::erase_if(opcodes, [&](const Opcode &opcode) {
    return classifyInstruction(triple, opcode.mnemonic) ==
           InstructionKind::Ordinary;
  });
  return opcodes;
}

/// One object with a function per opcode: each must be found.
static void expectFound(const Triple &triple, StringRef features,
                        ArrayRef<std::pair<Opcode, Bytes>> encoded) {
  std::vector<Bytes> functions;
  for (const auto &[opcode, bytes] : encoded)
    functions.push_back(bytes);
  TargetNames names{triple.str(), "", features.str()};
  std::vector<Finding> findings =
      cantFail(findInstructions(makeObject(triple, functions), names));
  ASSERT_EQ(findings.size(), encoded.size()) << features.str();
  for (auto [index, finding] : enumerate(findings)) {
    const auto &[opcode, bytes] = encoded[index];
    EXPECT_EQ(finding.function, "f" + std::to_string(index));
    EXPECT_EQ(finding.offset, 0u) << opcode.name;
    EXPECT_EQ(finding.kind, classifyInstruction(triple, opcode.mnemonic))
        << opcode.name << ": " << finding.text;
    Error error = checkObject(makeObject(triple, {bytes}), names, {});
    EXPECT_TRUE(bool(error)) << opcode.name;
    consumeError(std::move(error));
  }
}

/// Encodes what the target can encode, and takes it out of `opcodes`.
static void refuseAll(const Triple &triple, std::vector<Opcode> &opcodes) {
  std::vector<std::string> features = listFeatures(triple);
  features.insert(features.begin(), "");
  // Some opcodes need two extensions, and zfa is the one they share.
  for (StringRef common : {"", "+zfa,"}) {
    for (const std::string &feature : features) {
      std::string names = feature.empty() ? "" : (common + "+" + feature).str();
      auto encoded = encodeAll(triple, names, opcodes);
      if (!encoded.empty())
        expectFound(triple, names, encoded);
    }
    if (!triple.isRISCV())
      break;
  }
}

/// Every opcode that is not ordinary is encoded into an object, on a machine
/// with the feature that it needs, and refused.
TEST_P(EveryOpcode, ForbiddenOnesAreRefused) {
  std::vector<Opcode> opcodes = listForbidden(triple);
  ASSERT_GT(opcodes.size(), 500u);
  refuseAll(triple, opcodes);
  // What 32-bit machines lack, 64-bit machines have, and the other way round.
  if (triple.isRISCV())
    refuseAll(triple.isArch64Bit() ? triple.get32BitArchVariant()
                                   : triple.get64BitArchVariant(),
              opcodes);
  for (const Opcode &opcode : opcodes)
    ADD_FAILURE() << opcode.name << " could not be encoded";
}

/// What generated code is made of must pass. Not derived from the rule.
static StringSet<> getNeeded(const Triple &triple) {
  if (triple.isX86())
    return {"addl",         "addq",      "subl",        "leal",
            "leaq",         "shll",      "sarl",        "movl",
            "movb",         "movsbl",    "movzbl",      "xorl",
            "cmpl",         "andl",      "paddw",       "vpaddw",
            "vpsubd",       "vpsllw",    "vpsrad",      "vpackssdw",
            "vpmovsxbw",    "vpmovsxwd", "vpmaxsd",     "vpminsw",
            "vpabsd",       "vmovdqu",   "vmovdqa",     "vmovups",
            "vmovaps",      "movaps",    "xorps",       "vxorps",
            "vandps",       "vblendvps", "vpshufb",     "vextracti128",
            "vbroadcastss", "vmovss",    "vmovsd",      "vzeroupper",
            "retq",         "nopw",      "vinsertf128", "vshufps"};
  if (triple.isAArch64())
    return {"add",   "sub",   "adds",  "subs",  "sbfm", "ubfm", "bfm",  "ldrb",
            "ldrsb", "ldrh",  "ldrsh", "ldrsw", "ldr",  "str",  "strb", "strh",
            "orr",   "eor",   "and",   "csel",  "sshl", "shl",  "sshr", "xtn",
            "saddl", "saddw", "smax",  "smin",  "dup",  "ret",  "movi", "fmov"};
  return {"add", "addi", "sub", "slli", "srai", "srli", "lb",
          "lbu", "lh",   "lhu", "lw",   "sb",   "sh",   "sw",
          "lui", "and",  "or",  "xor",  "slt",  "sltu", "jalr"};
}

TEST_P(EveryOpcode, NeededOnesPass) {
  StringSet<> needed = getNeeded(triple), missing = needed;
  std::vector<Opcode> opcodes = listOpcodes(triple);
  llvm::erase_if(opcodes, [&](const Opcode &opcode) {
    return !needed.contains(opcode.mnemonic);
  });
  std::vector<Bytes> functions;
  for (const auto &[opcode, bytes] : encodeAll(triple, "", opcodes)) {
    functions.push_back(bytes);
    missing.erase(opcode.mnemonic);
  }
  for (const auto &entry : missing)
    ADD_FAILURE() << entry.getKey().str() << " could not be encoded";
  std::string object = makeObject(triple, functions);
  EXPECT_EQ(toString(checkObject(object, {triple.str(), "", ""}, {})), "");
}

/// LLVM's own flag of floating-point arithmetic, as a second opinion. (It is
/// also on some products of integers.)
TEST_P(EveryOpcode, WhatRaisesFloatExceptionsIsRefused) {
  // Moves of bits, which LLVM flags nevertheless.
  StringSet<> moves = {"fmv.w.x", "fmv.x.w"};
  size_t raising = 0;
  for (const Opcode &opcode : listOpcodes(triple)) {
    if (!opcode.mayRaise || moves.contains(opcode.mnemonic))
      continue;
    ++raising;
    EXPECT_NE(classifyInstruction(triple, opcode.mnemonic),
              InstructionKind::Ordinary)
        << opcode.name;
  }
  EXPECT_GT(raising, 100u);
}

INSTANTIATE_TEST_SUITE_P(Targets, EveryOpcode,
                         testing::Values("x86_64-unknown-linux-gnu",
                                         "riscv32-unknown-elf",
                                         "riscv64-unknown-elf",
                                         "aarch64-unknown-linux-gnu"));

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static const Triple kX86("x86_64-unknown-linux-gnu");
static const TargetNames kX86Names{kX86.str(), "", ""};

static Bytes bytes(std::initializer_list<int> values) {
  return Bytes(values.begin(), values.end());
}
static const Bytes kReturn = bytes({0xC3});
// imull %esi, %edi
static const Bytes kMultiply = bytes({0x0F, 0xAF, 0xFE});
// addl %esi, %edi
static const Bytes kAdd = bytes({0x01, 0xF7});

static std::string check(StringRef object, bool allowMultiply = false) {
  return toString(checkObject(object, kX86Names, {allowMultiply}));
}

TEST(ObjectContract, TheErrorNamesThePlace) {
  Bytes second = kAdd;
  second.append(kMultiply);
  EXPECT_EQ(check(makeObject(kX86, {kReturn, second})),
            "function 'f1', offset 0x2: 'imull %esi, %edi' is a "
            "multiplication; allow it with --multiply=layers, or look for its "
            "origin in the stages that --save-stages=DIR writes");
}

TEST(ObjectContract, AllowedProductsPassOthersDoNot) {
  EXPECT_EQ(check(makeObject(kX86, {kMultiply}), true), "");
  // idivl %ecx
  std::string object = makeObject(kX86, {kMultiply, bytes({0xF7, 0xF9})});
  EXPECT_EQ(check(object, true),
            "function 'f1', offset 0x0: 'idivl %ecx' is a division; no option "
            "allows that: look for its origin in the stages that "
            "--save-stages=DIR writes");
  EXPECT_NE(check(object).find("and 1 more"), std::string::npos);
  // mulps %xmm1, %xmm0
  EXPECT_NE(check(makeObject(kX86, {bytes({0x0F, 0x59, 0xC1})}), true), "");
}

TEST(ObjectContract, UnreadableBytesAreRefused) {
  EXPECT_NE(check(makeObject(kX86, {bytes({0x06})}))
                .find("'06' is no instruction of the target"),
            std::string::npos);
  // An instruction that its function cuts short.
  EXPECT_NE(check(makeObject(kX86, {bytes({0x0F})})), "");
}

TEST(ObjectContract, UndefinedSymbolsAreRefused) {
  std::string object = makeObject(kX86, {kReturn}, {"memcpy", "abort"});
  EXPECT_EQ(cantFail(getUndefinedSymbols(object)),
            (std::vector<std::string>{"abort", "memcpy"}));
  EXPECT_EQ(check(object, true),
            "the code calls or reads 'abort', which the object does not "
            "define; objects must not need a library: look for its origin in "
            "the stages that --save-stages=DIR writes");
  std::string runtime = makeObject(kX86, {kReturn}, {"__mulsi3"});
  EXPECT_NE(check(runtime).find("'__mulsi3'"), std::string::npos);
  EXPECT_EQ(check(runtime, true), "");
}

TEST(ObjectContract, DataInCodeIsNoCode) {
  Triple arm("aarch64-unknown-linux-gnu");
  // mul w0, w0, w1
  Bytes multiply = bytes({0x00, 0x7C, 0x01, 0x1B});
  TargetNames names{arm.str(), "", ""};
  std::string code = makeObject(arm, {multiply});
  EXPECT_EQ(cantFail(findInstructions(code, names)).size(), 1u);
  std::string data = makeObject(arm, {multiply}, {}, /*dataAt=*/{0});
  EXPECT_EQ(cantFail(findInstructions(data, names)).size(), 0u);
}

TEST(ObjectContract, OtherFilesAndTargetsAreRefused) {
  EXPECT_NE(check("no object"), "");
  Error error = checkObject(makeObject(kX86, {kReturn}),
                            {"hexagon-unknown-elf", "", ""}, {});
  EXPECT_NE(toString(std::move(error)).find("hexagon"), std::string::npos);
}

TEST(ObjectContract, SizesByKernel) {
  ObjectSizes sizes;
  sizes.functions = {{"l1", 1}, {"l1.a", 20}, {"l1.b.c", 300}, {"l10", 4000}};
  EXPECT_EQ(sizes.getKernelCode("l1"), 321u);
  EXPECT_EQ(sizes.getKernelCode("l2"), 0u);
  ObjectSizes measured =
      cantFail(measureObject(makeObject(kX86, {kReturn, kMultiply})));
  EXPECT_EQ(measured.code, 4u);
  EXPECT_EQ(measured.data, 0u);
  EXPECT_EQ(measured.functions.at("f1"), 3u);
}
