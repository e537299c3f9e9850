// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/CodeGeneration.h"
#include "bitnn/Compiler/CodeParts.h"
#include "bitnn/Compiler/ObjectMerger.h"
#include "mlir/IR/Threading.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using llvm::Expected;
using llvm::SmallString;

namespace bitnn {

static std::unique_ptr<PassManager>
createPassManager(MLIRContext *context, const PipelineOptions &pipeline) {
  auto manager =
      std::make_unique<PassManager>(context, ModuleOp::getOperationName());
  buildLLVMPipeline(*manager, pipeline);
  // Verified before, and by the translation after.
  manager->enableVerifier(false);
  return manager;
}

/// Dialects must not be loaded while several threads use the context.
static void loadDialects(MLIRContext *context,
                         const PipelineOptions &pipeline) {
  DialectRegistry dialects;
  createPassManager(context, pipeline)->getDependentDialects(dialects);
  for (StringRef name : dialects.getDialectNames())
    context->getOrLoadDialect(name);
}

static Expected<SmallString<0>> generatePart(OwningOpRef<ModuleOp> part,
                                             const PipelineOptions &pipeline,
                                             StringRef entry) {
  if (failed(createPassManager(part->getContext(), pipeline)->run(*part)))
    return llvm::createStringError("cannot be lowered to LLVM");
  Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(pipeline.target);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  Expected<std::unique_ptr<llvm::Module>> code = translateToLLVM(
      *part, context, **machine, MiddleEnd::KeepAdditions, entry);
  if (!code)
    return code.takeError();
  // Not needed any more, and as large as the code.
  part = nullptr;
  return generateCode(**code, **machine, llvm::CodeGenFileType::ObjectFile);
}

Expected<SmallString<0>> generateObject(OwningOpRef<ModuleOp> module,
                                        const PipelineOptions &pipeline,
                                        StringRef entry, int64_t partSize) {
  MLIRContext *context = module->getContext();
  std::string name = module->getName().value_or(kUnnamedModule).str();
  SmallVector<OwningOpRef<ModuleOp>> parts = splitIntoParts(*module, partSize);
  module = nullptr;
  loadDialects(context, pipeline);
  SmallVector<SmallString<0>> objects(parts.size());
  std::vector<std::string> errors(parts.size());
  LogicalResult generated =
      failableParallelForEachN(context, 0, parts.size(), [&](size_t index) {
        Expected<SmallString<0>> object =
            generatePart(std::move(parts[index]), pipeline, entry);
        if (object)
          objects[index] = std::move(*object);
        else
          errors[index] = llvm::toString(object.takeError());
        return success(errors[index].empty());
      });
  if (failed(generated))
    return llvm::createStringError(*llvm::find_if(
        errors, [](const std::string &error) { return !error.empty(); }));
  if (objects.size() == 1)
    return std::move(objects.front());
  return mergeObjects(objects, name, pipeline.target);
}

} // namespace bitnn
