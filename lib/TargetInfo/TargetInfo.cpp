// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/TargetInfo/TargetInfo.h"
#include "bitnn/TargetInfo/ByteTables.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace llvm;

namespace bitnn {

namespace {
struct NamedTarget {
  StringLiteral name;
  StringLiteral triple;
  StringLiteral cpu;
  StringLiteral features;
};

constexpr StringLiteral kLinux = "x86_64-unknown-linux-gnu";
constexpr NamedTarget kNamedTargets[] = {
    {"x86-64", kLinux, "x86-64", ""},
    {"x86-64-v2", kLinux, "x86-64-v2", ""},
    {"x86-64-v3", kLinux, "x86-64-v3", ""},
    {"x86-64-v4", kLinux, "x86-64-v4", ""},
    {"aarch64", "aarch64-unknown-linux-gnu", "generic", ""},
    {"rv32i", "riscv32-unknown-elf", "generic-rv32", ""},
};

TargetNames getHost() {
  SmallVector<std::string> features;
  for (const auto &[feature, enabled] : sys::getHostCPUFeatures())
    features.push_back((enabled ? "+" : "-") + feature.str());
  // The map has no order of its own.
  llvm::sort(features);
  return {sys::getDefaultTargetTriple(), sys::getHostCPUName().str(),
          join(features, ",")};
}

/// Whether a processor with these features, in LLVM's spelling, has `feature`.
bool hasX86Feature(StringRef cpu, StringRef features, StringRef feature) {
  SmallVector<StringRef> ofCpu;
  X86::getFeaturesForCPU(cpu, ofCpu);
  bool has = is_contained(ofCpu, feature);
  SmallVector<StringRef> parts;
  features.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts)
    if (part.drop_front() == feature)
      has = part.front() == '+';
  return has;
}

TargetDescription describeX86(StringRef cpu, StringRef features) {
  TargetDescription target;
  target.foldsAddresses = true;
  target.scalarRegisters = 11;
  target.millibytesPerDigit = 5000;
  target.scalarAccumulators = 9;
  if (hasX86Feature(cpu, features, "avx512bw")) {
    target.vectorLanes = 32;
    target.pairProduct = "llvm.x86.avx512.pmaddw.d.512";
    target.addsPerMultiply = 2;
    // vpermw
    target.tableLookup = {"llvm.x86.avx512.permvar.hi.512", 5, 16, 32, true};
    target.vectorRegisters = 31;
    target.vectorAccumulators = 26;
    target.maxAddsPerBlock = 1400;
    target.millibytesPerDigit = 7200;
  } else if (hasX86Feature(cpu, features, "avx2")) {
    target.vectorLanes = 16;
    target.pairProduct = "llvm.x86.avx2.pmadd.wd";
    target.addsPerMultiply = 2;
    // vpshufb
    target.tableLookup = {"llvm.x86.avx2.pshuf.b", 4, 8, 32};
    target.vectorRegisters = 16;
    target.vectorAccumulators = 13;
    target.maxAddsPerBlock = 1400;
    target.millibytesPerDigit = 7800;
  }
  return target;
}

TargetDescription describeRiscv(const Triple &triple, StringRef features) {
  TargetDescription target;
  bool is64 = triple.isRISCV64();
  bool embedded = features.contains("+e");
  target.abi = std::string(is64 ? "lp64" : "ilp32") + (embedded ? "e" : "");
  target.indexBits = is64 ? 64 : 32;
  target.scalarRegisters = embedded ? 8 : 24;
  target.scalarAccumulators = embedded ? 6 : 18;
  target.loadReach = 2047;
  target.maxAddsPerBlock = 1400;
  target.maxCodeBytes = int64_t(1) << 20;
  target.hasMultiply = features.contains("+m");
  return target;
}
} // namespace

ArrayRef<StringRef> getTargetNames() {
  static const SmallVector<StringRef> names = [] {
    SmallVector<StringRef> result = {"host"};
    for (const NamedTarget &target : kNamedTargets)
      result.push_back(target.name);
    return result;
  }();
  return names;
}

Expected<TargetNames> lookupTarget(StringRef name) {
  if (name == "host")
    return getHost();
  for (const NamedTarget &target : kNamedTargets)
    if (target.name == name)
      return TargetNames{target.triple.str(), target.cpu.str(),
                         target.features.str()};
  return createStringError("unknown target '" + name + "'; known are " +
                           join(getTargetNames(), ", ") +
                           ", or any machine by --triple");
}

TargetDescription describeTarget(StringRef tripleName, StringRef cpu,
                                 StringRef features) {
  Triple triple(tripleName);
  if (triple.getArch() == Triple::x86_64)
    return describeX86(cpu, features);
  if (triple.isRISCV())
    return describeRiscv(triple, features);
  TargetDescription target;
  target.indexBits = triple.isArch32Bit() ? 32 : 64;
  if (triple.isAArch64()) {
    target.scalarRegisters = 24;
    target.scalarAccumulators = 20;
    if (!features.contains("-neon")) {
      target.vectorLanes = 8;
      target.addsPerMultiply = 2;
      target.tableLookup = {"llvm.aarch64.neon.tbl1.v16i8", 4, 8, 16};
      target.vectorRegisters = 30;
      target.vectorAccumulators = 24;
      target.maxAddsPerBlock = 1400;
      target.millibytesPerDigit = 4600;
    }
  }
  return target;
}

ByteTables getByteTables(StringRef tripleName, StringRef cpu,
                         StringRef features) {
  Triple triple(tripleName);
  if (triple.isAArch64() && !features.contains("-neon"))
    return {ByteTables::Tbl, 16};
  if (triple.getArch() != Triple::x86_64)
    return {};
  if (hasX86Feature(cpu, features, "avx512vbmi"))
    return {ByteTables::Vpermi2b, 64};
  if (hasX86Feature(cpu, features, "avx512bw"))
    return {ByteTables::Pshufb, 64};
  if (hasX86Feature(cpu, features, "avx2"))
    return {ByteTables::Pshufb, 32};
  return {};
}

} // namespace bitnn
