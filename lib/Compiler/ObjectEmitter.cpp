// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/ObjectEmitter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include <mutex>

using namespace llvm;

namespace bitnn {

//===----------------------------------------------------------------------===//
// Output kinds
//===----------------------------------------------------------------------===//

static constexpr std::pair<EmitKind, StringLiteral> kEndings[] = {
    {EmitKind::Object, "o"},         {EmitKind::Archive, "a"},
    {EmitKind::SharedLibrary, "so"}, {EmitKind::Assembly, "s"},
    {EmitKind::LLVMIR, "ll"},        {EmitKind::MLIR, "mlir"},
};

StringRef getEnding(EmitKind kind) {
  for (const auto &[known, ending] : kEndings)
    if (known == kind)
      return ending;
  llvm_unreachable("every kind has an ending");
}

Expected<EmitKind> parseEnding(StringRef ending) {
  for (const auto &[kind, known] : kEndings)
    if (known == ending)
      return kind;
  return createStringError("cannot write '" + ending +
                           "' files; known are o, a, so, s, ll, mlir");
}

//===----------------------------------------------------------------------===//
// Code generator
//===----------------------------------------------------------------------===//

/// The order of instructions and the association of sums are ours: they hold
/// the accumulators in registers. These passes of the code generator would
/// change them, and have no switch but the command line's. On vectors,
/// constants that are moved out of a code block's loop would take registers
/// from its sums.
static void keepInstructionOrder(bool onVectors) {
  auto set = [](StringRef name, StringRef value) {
    auto &options = cl::getRegisteredOptions();
    auto it = options.find(name);
    // An occurrence, not only a value: some are read only when given.
    if (it != options.end() && it->second->getNumOccurrences() == 0)
      it->second->addOccurrence(/*pos=*/0, name, value);
  };
  static std::once_flag once, onceOnVectors;
  std::call_once(once, [&] {
    for (StringRef name : {"x86-machine-combiner", "aarch64-enable-mcr",
                           "riscv-enable-machine-combiner", "enable-misched"})
      set(name, "false");
  });
  if (onVectors)
    std::call_once(onceOnVectors, [&] { set("disable-machine-licm", "true"); });
}

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    InitializeAllTargetInfos();
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmParsers();
    InitializeAllAsmPrinters();
    InitializeAllDisassemblers();
  });
}

/// LLVM only warns of names that it does not know.
static Error checkNames(const TargetNames &names, const MCSubtargetInfo &info) {
  if (!names.cpu.empty() && !info.isCPUStringValid(names.cpu))
    return createStringError("unknown processor '" + names.cpu + "' of '" +
                             names.triple + "'");
  SmallVector<StringRef> features;
  StringRef(names.features).split(features, ',', -1, /*KeepEmpty=*/false);
  for (StringRef feature : features) {
    bool known = (feature.starts_with("+") || feature.starts_with("-")) &&
                 any_of(info.getAllProcessorFeatures(),
                        [&](const SubtargetFeatureKV &entry) {
                          return feature.drop_front() == entry.Key;
                        });
    if (!known)
      return createStringError("unknown feature '" + feature + "' of '" +
                               names.triple +
                               "'; features are written +name or -name");
  }
  return Error::success();
}

Expected<std::unique_ptr<TargetMachine>>
createTargetMachine(const TargetNames &names) {
  initializeTargets();
  Triple triple(Triple::normalize(names.triple));
  std::string reason;
  const Target *target = TargetRegistry::lookupTarget(triple, reason);
  if (!target)
    return createStringError("no code generator for the triple '" +
                             names.triple + "'");
  std::unique_ptr<MCSubtargetInfo> info(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!info)
    return createStringError("no code generator for the triple '" +
                             names.triple + "'");
  if (Error error = checkNames(names, *info))
    return std::move(error);

  TargetOptions options;
  options.MCOptions.ABIName =
      describeTarget(names.triple, names.cpu, names.features).abi;
  bool hosted = triple.getArch() == Triple::x86_64 || triple.isAArch64();
  std::unique_ptr<TargetMachine> machine(
      target->createTargetMachine(triple, names.cpu, names.features, options,
                                  hosted ? Reloc::PIC_ : Reloc::Static));
  if (!machine)
    return createStringError("no code generator for the triple '" +
                             names.triple + "'");
  return machine;
}

//===----------------------------------------------------------------------===//
// Middle end
//===----------------------------------------------------------------------===//

void registerTranslations(mlir::DialectRegistry &registry) {
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
}

/// Private functions are local to the object: no symbol but the network's can
/// clash with the caller's, and calls need no relocation.
static void localizeFunctions(mlir::ModuleOp source, Module &module) {
  for (auto function : source.getOps<mlir::LLVM::LLVMFuncOp>())
    if (function.isPrivate() && !function.isExternal())
      module.getFunction(function.getName())
          ->setLinkage(GlobalValue::InternalLinkage);
}

/// The other parts of an object define or use what is public in this one.
static void hideSymbols(Module &module, StringRef entry) {
  for (GlobalValue &value : module.global_values()) {
    if (value.hasLocalLinkage() || value.getName() == entry ||
        value.getName().starts_with("llvm."))
      continue;
    value.setVisibility(GlobalValue::HiddenVisibility);
    value.setDSOLocal(true);
  }
}

static void prepareModule(Module &module, TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (Function &function : module) {
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    // The object has no C library: no loop may become a call of memset.
    function.addFnAttr("no-builtins");
    function.setDoesNotThrow();
  }
}

/// Of the standard passes, InstCombine and Reassociate would turn (x << 2) + x
/// into x * 5 and sums in registers into sums in memory.
static void optimize(Module &module, TargetMachine &machine,
                     MiddleEnd middleEnd) {
  PassBuilder builder(&machine);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  ModulePassManager passes;
  if (middleEnd == MiddleEnd::Standard)
    passes = builder.buildPerModuleDefaultPipeline(OptimizationLevel::O2);
  else
    cantFail(builder.parsePassPipeline(
        passes, "function(sroa,early-cse<memssa>,simplifycfg,loop-simplify,"
                "lcssa,loop-mssa(licm),gvn,dce)"));
  passes.run(module, modules);
}

Expected<std::unique_ptr<Module>>
translateToLLVM(mlir::ModuleOp source, LLVMContext &context,
                TargetMachine &machine, MiddleEnd middleEnd, StringRef entry) {
  if (middleEnd == MiddleEnd::KeepAdditions)
    keepInstructionOrder(describeTarget(machine.getTargetTriple().str(),
                                        machine.getTargetCPU(),
                                        machine.getTargetFeatureString())
                             .vectorLanes > 1);
  std::unique_ptr<Module> module = mlir::translateModuleToLLVMIR(
      source, context, source.getName().value_or(kUnnamedModule));
  if (!module)
    return createStringError("the module does not translate to LLVM IR");
  localizeFunctions(source, *module);
  hideSymbols(*module, entry);
  prepareModule(*module, machine);
  optimize(*module, machine, middleEnd);
  return module;
}

Expected<SmallString<0>> generateCode(Module &module, TargetMachine &machine,
                                      CodeGenFileType type) {
  SmallString<0> bytes;
  raw_svector_ostream stream(bytes);
  legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, /*dwo=*/nullptr, type))
    return createStringError("the code generator of '" +
                             machine.getTargetTriple().str() +
                             "' cannot write such files");
  passes.run(module);
  return bytes;
}

//===----------------------------------------------------------------------===//
// Containers
//===----------------------------------------------------------------------===//

Expected<SmallString<0>> makeArchive(StringRef object, StringRef memberName) {
  NewArchiveMember member(MemoryBufferRef(object, memberName));
  Expected<std::unique_ptr<MemoryBuffer>> archive = writeArchiveToBuffer(
      member, SymtabWritingMode::NormalSymtab, object::Archive::K_GNU,
      /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  return SmallString<0>((*archive)->getBuffer());
}

Error linkSharedLibrary(StringRef object, StringRef output,
                        const Triple &triple) {
  Triple host(sys::getDefaultTargetTriple());
  if (triple.getArch() != host.getArch() || triple.getOS() != host.getOS())
    return createStringError("a shared library can be linked for this machine "
                             "only, not for '" +
                             triple.str() + "'; write .o or .a");
  for (StringRef name : {"ld.lld-22", "ld.lld", "cc"}) {
    ErrorOr<std::string> linker = sys::findProgramByName(name);
    if (!linker)
      continue;
    SmallVector<StringRef> command = {*linker, "-shared", "-o", output, object};
    if (name == "cc")
      command.push_back("-nostdlib");
    std::string reason;
    if (sys::ExecuteAndWait(*linker, command, /*Env=*/std::nullopt,
                            /*Redirects=*/{}, /*SecondsToWait=*/0,
                            /*MemoryLimit=*/0, &reason) != 0)
      return createStringError("'" + *linker + "' failed to link: " + reason);
    return Error::success();
  }
  return createStringError("no linker: ld.lld or cc is needed for .so");
}

} // namespace bitnn
