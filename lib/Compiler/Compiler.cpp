// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/Compiler.h"
#include "bitnn/Compiler/AddressSpace.h"
#include "bitnn/Compiler/Diagnostics.h"
#include "bitnn/Compiler/HeaderWriter.h"
#include "bitnn/Compiler/OutputFiles.h"
#include "bitnn/Compiler/SaveStages.h"
#include "bitnn/Compiler/ScratchBudget.h"
#include "bitnn/Import/ONNX/ImportOnnx.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <chrono>
#include <sys/resource.h>

using namespace mlir;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;

namespace bitnn {

namespace {
/// One compilation, step by step. Every step gives an error of one line; the
/// import one for each node that it cannot take.
class Compilation {
public:
  Compilation(const CompileOptions &options, const DialectRegistry &registry)
      : options(options), threads(llvm::hardware_concurrency(options.threads)),
        context(registry, MLIRContext::Threading::DISABLED),
        diagnostics(context, options.model) {
    context.printOpOnDiagnostic(false);
    if (threads.getMaxConcurrency() > 1)
      context.setThreadPool(threads);
    pipeline = options.pipeline;
  }

  Expected<Report> run();

private:
  Error checkPaths();
  Error readModel();
  Error runPasses();
  LogicalResult runPipeline(void (*build)(OpPassManager &,
                                          const PipelineOptions &),
                            ModuleOp on);
  Error makeKernels();
  bool isInParts() const;
  Error emit();
  Error emitInParts();
  Error emitWhole();
  Error inspect(StringRef object);
  Expected<SmallString<0>> makeOutput(llvm::Module *module, StringRef object);
  Expected<SmallString<0>> linkLibrary(StringRef object);

  Error fail(const llvm::Twine &message) {
    return makeError(options.model, message);
  }
  /// With the model's name, if the error has no place of its own.
  Error fail(Error error) { return fail(llvm::toString(std::move(error))); }

  const CompileOptions &options;
  PipelineOptions pipeline;
  llvm::DefaultThreadPool threads;
  MLIRContext context;
  DiagnosticCollector diagnostics;
  std::unique_ptr<llvm::TargetMachine> machine;
  OwningOpRef<ModuleOp> module;
  Report report;
  OutputFiles files;
  /// Stages saved so far.
  unsigned stages = 0;
  /// The module in the LLVM dialect as text, where that is the output.
  std::string dialectText;
};
} // namespace

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

static bool isModule(StringRef path) {
  StringRef ending = llvm::sys::path::extension(path);
  return ending == ".mlir" || ending == ".mlirbc" || path == "-";
}

static std::string getHeaderPath(StringRef output) {
  SmallString<128> path(output);
  llvm::sys::path::replace_extension(path, "h");
  return std::string(path);
}

/// C callers need a header for machine code that they can link.
static bool hasHeader(const CompileOptions &options) {
  return options.output != "-" && options.emit != EmitKind::LLVMIR &&
         options.emit != EmitKind::MLIR;
}

/// Whether writing one of two files would destroy the other.
static bool clash(StringRef path, StringRef other) {
  using namespace llvm::sys;
  bool isSpecial =
      path == "-" || (fs::exists(path) && !fs::is_regular_file(path));
  return !isSpecial && (path == other || fs::equivalent(path, other));
}

Error Compilation::checkPaths() {
  SmallVector<std::string> paths = {options.model, options.output};
  if (hasHeader(options))
    paths.push_back(getHeaderPath(options.output));
  if (!options.report.empty())
    paths.push_back(options.report);
  for (auto [index, path] : llvm::enumerate(paths))
    for (StringRef other : ArrayRef(paths).take_front(index))
      if (clash(path, other))
        return fail("'" + path + "' would overwrite '" + other +
                    "'; choose another name for one of them");
  return Error::success();
}

Error Compilation::readModel() {
  StringRef ending = llvm::sys::path::extension(options.model);
  bool isOnnx = ending == ".onnx";
  if (!isOnnx && !isModule(options.model))
    return fail("cannot read '" + ending +
                "' models; known are .onnx, .mlir and .mlirbc");
  if (!isOnnx && !options.outputs.empty())
    return fail("--outputs cuts ONNX graphs, not modules");
  // An ONNX model is mapped, not read; the parser of modules needs an end mark.
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(
      options.model, /*IsText=*/false, /*RequiresNullTerminator=*/!isOnnx);
  if (!buffer)
    return fail("cannot read it: " + buffer.getError().message());
  if (isOnnx) {
    OnnxImportOptions import;
    import.outputs = options.outputs;
    import.batch = options.batch;
    module =
        importOnnx((*buffer)->getBuffer(), options.model, import, &context);
    if (!module)
      return diagnostics.takeErrors("is malformed");
  } else {
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
    module = parseSourceFile<ModuleOp>(sources, &context);
  }
  return module ? Error::success() : diagnostics.takeError("is malformed");
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

/// Attributes of the edges mean nothing to LLVM, which would warn of each.
static void dropEdgeAttributes(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    for (unsigned index = 0;
         function.getArgAttrsAttr() && index < function.getNumArguments();
         ++index)
      for (NamedAttribute entry : function.getArgAttrDict(index))
        if (isa_and_nonnull<BitNNDialect>(entry.getNameDialect()))
          function.removeArgAttr(index, entry.getName());
}

/// Runs a pipeline, and saves its stages if they are asked for.
LogicalResult Compilation::runPipeline(void (*build)(OpPassManager &,
                                                     const PipelineOptions &),
                                       ModuleOp on) {
  PassManager manager(&context, ModuleOp::getOperationName());
  if (!options.saveStages.empty())
    manager.addInstrumentation(
        std::make_unique<SaveStages>(options.saveStages, stages));
  build(manager, pipeline);
  // Once, not after every pass: that takes a third of the time of all passes.
  manager.enableVerifier(false);
  return success(succeeded(manager.run(on)) && succeeded(verify(on)));
}

/// Makes kernels, and makes them again with one more table as long as they need
/// too much scratch memory.
Error Compilation::makeKernels() {
  bool mayChoose = options.maxScratch && pipeline.schedule == "auto";
  OwningOpRef<ModuleOp> network;
  if (mayChoose)
    network = module->clone();
  while (true) {
    stages = 0;
    if (failed(runPipeline(buildKernelsPipeline, *module)))
      return diagnostics.takeError("cannot be lowered to kernels");
    if (failed(readScratch(*module, report.entry)))
      return diagnostics.takeError("has no scratch memory");
    if (!options.maxScratch || report.entry.scratchBytes <= options.maxScratch)
      return Error::success();
    std::string table =
        mayChoose ? findLayerForLessScratch(*module) : std::string();
    if (table.empty())
      return fail("needs " + llvm::Twine(report.entry.scratchBytes) +
                  " bytes of scratch memory, more than --max-scratch=" +
                  llvm::Twine(options.maxScratch) +
                  "; allow more, or make the largest images smaller");
    pipeline.tables.push_back(table);
    module = network->clone();
    diagnostics.forgetRemarks();
  }
}

Error Compilation::runPasses() {
  std::string name =
      options.name.empty() ? makeModelName(options.model) : options.name;
  FailureOr<EntryPoint> entry = readEntryPoint(*module, name);
  if (failed(entry))
    return diagnostics.takeError("has no network");
  report.entry = *entry;
  report.entry.parallel = pipeline.parallel;
  pipeline.name = entry->getFunctionName();

  if (!options.saveStages.empty()) {
    std::error_code error =
        llvm::sys::fs::create_directories(options.saveStages);
    if (error || !llvm::sys::fs::is_directory(options.saveStages))
      return fail("cannot make the folder '" + options.saveStages + "'");
  }
  if (Error error = makeKernels())
    return error;
  if (Error error = checkAddressSpace(*module, report.entry, pipeline.target))
    return fail(std::move(error));
  report.layers = readLayers(*module);
  report.arena = readArena(*module);
  dropEdgeAttributes(*module);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// What the report says of the object, and its contract.
Error Compilation::inspect(StringRef object) {
  if (Error error = checkObjectSize(object.size(), pipeline.target))
    return error;
  Expected<ObjectSizes> sizes = measureObject(object);
  if (!sizes)
    return sizes.takeError();
  report.sizes = *sizes;
  report.objectBytes = object.size();
  addCodeBytes(report.layers, *sizes);
  Expected<std::vector<std::string>> symbols = getUndefinedSymbols(object);
  if (!symbols)
    return symbols.takeError();
  report.undefinedSymbols = *symbols;
  report.checked = options.check;
  if (!options.check)
    return Error::success();
  return checkObject(object, pipeline.target, {pipeline.mayMultiply()});
}

Expected<SmallString<0>> Compilation::linkLibrary(StringRef object) {
  SmallString<128> from, to;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("bitnn", "o", from))
    return llvm::errorCodeToError(error);
  llvm::FileRemover removeFrom(from);
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("bitnn", "so", to))
    return llvm::errorCodeToError(error);
  llvm::FileRemover removeTo(to);
  OutputFiles temporary;
  temporary.add(from, object);
  if (Error error = temporary.commit())
    return std::move(error);
  if (Error error = linkSharedLibrary(from, to, machine->getTargetTriple()))
    return std::move(error);
  auto linked = llvm::MemoryBuffer::getFile(to);
  if (!linked)
    return llvm::errorCodeToError(linked.getError());
  return SmallString<0>((*linked)->getBuffer());
}

Expected<SmallString<0>> Compilation::makeOutput(llvm::Module *module,
                                                 StringRef object) {
  switch (options.emit) {
  case EmitKind::Object:
    return SmallString<0>(object);
  case EmitKind::Archive:
    return makeArchive(object, report.entry.name + ".o");
  case EmitKind::SharedLibrary:
    return linkLibrary(object);
  case EmitKind::Assembly:
    return generateCode(*module, *machine, llvm::CodeGenFileType::AssemblyFile);
  case EmitKind::LLVMIR: {
    SmallString<0> text;
    llvm::raw_svector_ostream os(text);
    module->print(os, /*AAW=*/nullptr);
    return text;
  }
  case EmitKind::MLIR:
    return SmallString<0>(dialectText);
  }
  llvm_unreachable("every kind is written");
}

/// Whether nobody reads the code as text, and the order of instructions is ours
/// (the standard passes look at all functions).
bool Compilation::isInParts() const {
  return pipeline.schedule != "multiply" && options.saveStages.empty() &&
         (options.emit == EmitKind::Object ||
          options.emit == EmitKind::Archive ||
          options.emit == EmitKind::SharedLibrary);
}

Error Compilation::emitInParts() {
  Expected<SmallString<0>> object = generateObject(
      std::move(module), pipeline, pipeline.name, options.partSize);
  // A pass says more in a diagnostic.
  if (!object)
    return diagnostics.takeError(llvm::toString(object.takeError()));
  if (Error error = inspect(*object))
    return fail(std::move(error));
  Expected<SmallString<0>> output = makeOutput(/*module=*/nullptr, *object);
  if (!output)
    return fail(output.takeError());
  files.add(options.output, *output);
  return Error::success();
}

Error Compilation::emitWhole() {
  if (failed(runPipeline(buildLLVMPipeline, *module)))
    return diagnostics.takeError("cannot be lowered to LLVM");
  if (options.emit == EmitKind::MLIR) {
    llvm::raw_string_ostream os(dialectText);
    module->print(os);
  }
  llvm::LLVMContext llvmContext;
  MiddleEnd middleEnd = options.pipeline.schedule == "multiply"
                            ? MiddleEnd::Standard
                            : MiddleEnd::KeepAdditions;
  Expected<std::unique_ptr<llvm::Module>> code =
      translateToLLVM(*module, llvmContext, *machine, middleEnd, pipeline.name);
  // The translation says more in a diagnostic.
  if (!code)
    return diagnostics.takeError(llvm::toString(code.takeError()));
  // Not needed any more, and as large as the code.
  module = nullptr;
  // Generating code changes the module, and an object is always made: it is
  // what the contract and the report are about.
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(**code);
  Expected<SmallString<0>> object =
      generateCode(**code, *machine, llvm::CodeGenFileType::ObjectFile);
  if (!object)
    return fail(object.takeError());
  if (Error error = inspect(*object))
    return fail(std::move(error));
  Expected<SmallString<0>> output = makeOutput(copy.get(), *object);
  if (!output)
    return fail(output.takeError());
  files.add(options.output, *output);
  return Error::success();
}

Error Compilation::emit() { return isInParts() ? emitInParts() : emitWhole(); }

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

static int64_t getPeakBytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return int64_t(usage.ru_maxrss) * 1024;
}

static StringRef getName(MultiplyUse use) {
  switch (use) {
  case MultiplyUse::Never:
    return "never";
  case MultiplyUse::Requantize:
    return "requantize";
  case MultiplyUse::Layers:
    return "layers";
  }
  llvm_unreachable("every use has a name");
}

Expected<Report> Compilation::run() {
  auto start = std::chrono::steady_clock::now();
  report.target = pipeline.target;
  report.schedule = pipeline.schedule;
  report.encoding = stringifyDigitEncoding(pipeline.encoding).str();
  report.multiply = getName(pipeline.multiply).str();
  report.multiplyAllowed = pipeline.mayMultiply();
  if (Error error = checkPaths())
    return std::move(error);
  if (Error error = createTargetMachine(pipeline.target).moveInto(machine))
    return fail(std::move(error));
  if (Error error = readModel())
    return std::move(error);
  if (Error error = runPasses())
    return std::move(error);
  if (Error error = emit())
    return std::move(error);
  report.shortfalls = diagnostics.getShortfalls();
  auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  report.seconds = double(elapsed.count()) / 1000;
  report.peakBytes = getPeakBytes();

  std::string text;
  llvm::raw_string_ostream os(text);
  if (hasHeader(options)) {
    writeHeader(report.entry, os);
    files.add(getHeaderPath(options.output), text);
  }
  if (!options.report.empty()) {
    text.clear();
    writeJson(report, os);
    files.add(options.report, text);
  }
  if (Error error = files.commit())
    return fail(std::move(error));
  return std::move(report);
}

Expected<Report> compile(const CompileOptions &options,
                         const DialectRegistry &registry) {
  return Compilation(options, registry).run();
}

void registerCompilerDialects(DialectRegistry &registry) {
  registerTranslations(registry);
}

std::string getPipelineText(const CompileOptions &options,
                            const DialectRegistry &registry) {
  MLIRContext context(registry);
  PassManager manager(&context, ModuleOp::getOperationName());
  PipelineOptions pipeline = options.pipeline;
  std::string name =
      options.name.empty() ? makeModelName(options.model) : options.name;
  pipeline.name = name + "_run";
  buildKernelsPipeline(manager, pipeline);
  buildLLVMPipeline(manager, pipeline);
  std::string text;
  llvm::raw_string_ostream os(text);
  manager.printAsTextualPipeline(os);
  return text;
}

} // namespace bitnn
