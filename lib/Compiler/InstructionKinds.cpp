// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/InstructionKinds.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Regex.h"

using namespace llvm;

namespace bitnn {

namespace {
/// Mnemonics that match `pattern`, but not `except`, are of this kind.
struct Rule {
  InstructionKind kind;
  StringLiteral pattern;
  StringLiteral except;
};
} // namespace

// In each table the first rule that matches decides. Floating point comes
// first: a product of floats is no integer product, and no option allows it.

static constexpr Rule kX86Rules[] = {
    // x87, conversions, fused multiply-adds and 3DNow by their prefix, and
    // what ends in a type of float. v?p... is packed integer arithmetic: its
    // pabsd and vpmaxsd end alike. The exceptions are data movement, logic and
    // sign tests; clearing MXCSR's neighbours (fxsave); segment prefixes; the
    // shadow stack.
    {InstructionKind::Float,
     "^(f|vf|v?cvt|tcvt|pf|pi2f)|^[^pv].*(ps|pd|ss|sd)$|"
     "^v[^p].*(ps|pd|ss|sd|ph|sh|bf16)$",
     "^(fs|ss|fnop|fxsave|fxrstor|fxsave64|fxrstor64|seamops)$|"
     "^(incssp|rdssp|wrss|wruss)d$|"
     "^v?(mov|maskmov|andn?p|x?orp|blend|shufp|unpck|testp)|"
     "^v?(insert|extract)ps$|^v(broadcast|gather|scatter|compress|expand)"},
    {InstructionKind::Divide, "^i?div|^aam$", ""},
    // mul, imul, mulx, pmul.., pclmul; pmadd, vpmac, vpmadcs; vpdp, vp4dp;
    // tiles. vpmultishiftqb selects bits.
    {InstructionKind::Multiply, "mul|^v?pma[cd]|^vp4?dp|^tdp|^tcmm|^aad$",
     "^vpmultishift"},
};

static constexpr Rule kAArch64Rules[] = {
    // f.., bf.., conversions from integers, atomic float operations. bfm is
    // the bit-field move, firstp a predicate; fneg and fabs are logic on a sign
    // bit, with which LLVM also makes integer constants.
    {InstructionKind::Float,
     "^b?f|^b?f[12]cvt|^[su]cvtf|^(ld|st)b?f(add|max|min)",
     "^(bfm|firstp|fmov|fdup|fcpy|fcsel|fneg|fabs)$"},
    {InstructionKind::Divide, "div|^u(recpe|rsqrte)$", ""},
    // mul, mull, mulh; mla, mls, mlal, mmla; madd, msub, mad, msb and their
    // long forms; dot products; outer products (mopa).
    {InstructionKind::Multiply, "mul|ml[as]|mad|msu?b|dot|mop", ""},
};

static constexpr Rule kRISCVRules[] = {
    // f.. and vf.., also of vendors; vmf.. compare. The exceptions are loads,
    // stores and moves of registers, fences, and nds.ff.. (find a byte).
    {InstructionKind::Float, "^(vm?)?f|^(nds|sf)\\.v?f|^sf\\.mm\\.[ef]",
     "^fence|^f[ls][hwdq]$|^v?fmv|^vfmerge|^vfslide1|^vfirst|^nds\\.ff"},
    {InstructionKind::Divide, "^v?(div|rem)", ""},
    // mul; ..acc and cv.mac; madd, nmsub, nmsac; dot products; the packed sums
    // of products pm2add, pm4add, pmq2add; GHASH; tiles.
    {InstructionKind::Multiply,
     "mul|acc|^cv\\.(mac|msu)|madd|nms(ac|ub)|dot|^pm[24q]|vmaqa|^sf\\.mm|"
     "^vghsh",
     ""},
};

static ArrayRef<Rule> getRules(const Triple &triple) {
  if (triple.isX86())
    return kX86Rules;
  if (triple.isAArch64())
    return kAArch64Rules;
  if (triple.isRISCV())
    return kRISCVRules;
  return {};
}

StringRef describe(InstructionKind kind) {
  switch (kind) {
  case InstructionKind::Ordinary:
    return "ordinary";
  case InstructionKind::Multiply:
    return "a multiplication";
  case InstructionKind::Divide:
    return "a division";
  case InstructionKind::Float:
    return "floating-point arithmetic";
  }
  llvm_unreachable("every kind has a description");
}

bool knowsInstructionsOf(const Triple &triple) {
  return !getRules(triple).empty();
}

InstructionKind classifyInstruction(const Triple &triple, StringRef mnemonic) {
  for (const Rule &rule : getRules(triple)) {
    if (!Regex(rule.pattern).match(mnemonic))
      continue;
    if (rule.except.empty() || !Regex(rule.except).match(mnemonic))
      return rule.kind;
  }
  return InstructionKind::Ordinary;
}

} // namespace bitnn
