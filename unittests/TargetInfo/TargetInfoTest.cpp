// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/TargetInfo/TargetInfo.h"
#include "gtest/gtest.h"

using namespace bitnn;

static TargetDescription describe(llvm::StringRef name) {
  TargetNames names = llvm::cantFail(lookupTarget(name));
  return describeTarget(names.triple, names.cpu, names.features);
}

TEST(TargetInfo, VectorLanesFollowTheProcessor) {
  EXPECT_EQ(describe("x86-64").vectorLanes, 1);
  EXPECT_EQ(describe("x86-64-v2").vectorLanes, 1);
  EXPECT_EQ(describe("x86-64-v3").vectorLanes, 16);
  EXPECT_EQ(describe("x86-64-v4").vectorLanes, 32);
  EXPECT_EQ(describe("rv32i").vectorLanes, 1);
  EXPECT_EQ(describe("aarch64").vectorLanes, 8);
}

TEST(TargetInfo, FeaturesOverrideTheProcessor) {
  auto lanes = [](llvm::StringRef cpu, llvm::StringRef features) {
    return describeTarget("x86_64-unknown-linux-gnu", cpu, features)
        .vectorLanes;
  };
  EXPECT_EQ(lanes("x86-64", "+avx2"), 16);
  EXPECT_EQ(lanes("x86-64-v4", "-avx512bw"), 16);
  EXPECT_EQ(lanes("x86-64-v3", "-avx2"), 1);
  EXPECT_EQ(
      describeTarget("aarch64-unknown-elf", "generic", "-neon").vectorLanes, 1);
}

TEST(TargetInfo, Riscv32HasNoMultiplication) {
  TargetDescription target = describe("rv32i");
  EXPECT_FALSE(target.hasMultiply);
  EXPECT_EQ(target.indexBits, 32u);
  EXPECT_EQ(target.abi, "ilp32");
  EXPECT_EQ(*target.loadReach, 2047);
  EXPECT_TRUE(
      describeTarget("riscv32-unknown-elf", "generic-rv32", "+m").hasMultiply);
}

TEST(TargetInfo, UnknownNamesAreRefusedByName) {
  auto target = lookupTarget("z80");
  ASSERT_FALSE(bool(target));
  std::string message = llvm::toString(target.takeError());
  EXPECT_NE(message.find("'z80'"), std::string::npos);
  EXPECT_NE(message.find("rv32i"), std::string::npos);
}

TEST(TargetInfo, TheHostIsTheSameTwice) {
  TargetNames once = llvm::cantFail(lookupTarget("host"));
  TargetNames twice = llvm::cantFail(lookupTarget("host"));
  EXPECT_EQ(once.features, twice.features);
  EXPECT_FALSE(once.triple.empty());
}
