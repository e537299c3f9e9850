// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/ScratchBudget.h"
#include "bitnn/Compiler/Report.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace bitnn;
namespace json = llvm::json;

namespace {
struct Arena {
  explicit Arena(json::Object arena) : arena(std::move(arena)) {}

  size_t numSteps() const { return getArray("steps").size(); }
  StringRef getStep(size_t step) const {
    return getArray("steps")[step].getAsString().value_or("");
  }
  const json::Array &getArray(StringRef key) const {
    static const json::Array none;
    const json::Array *array = arena.getArray(key);
    return array ? *array : none;
  }
  /// Calls `visit` for the buffers that are alive at a step.
  void
  forEachAlive(int64_t step,
               llvm::function_ref<void(const json::Object &)> visit) const {
    for (const json::Value &value : getArray("buffers")) {
      const json::Object &buffer = *value.getAsObject();
      if (*buffer.getInteger("first") <= step &&
          step <= *buffer.getInteger("last"))
        visit(buffer);
    }
  }
  size_t findPeak() const {
    size_t peak = 0;
    int64_t most = -1;
    for (size_t step = 0; step < numSteps(); ++step) {
      int64_t bytes = 0;
      forEachAlive(step, [&](const json::Object &buffer) {
        bytes += *buffer.getInteger("bytes");
      });
      if (bytes > most) {
        most = bytes;
        peak = step;
      }
    }
    return peak;
  }

private:
  json::Object arena;
};
} // namespace

std::string bitnn::findLayerForLessScratch(ModuleOp module) {
  Arena arena(readArena(module));
  if (arena.numSteps() == 0)
    return "";
  size_t peak = arena.findPeak();
  llvm::StringSet<> near;
  arena.forEachAlive(peak, [&](const json::Object &buffer) {
    for (int64_t step = *buffer.getInteger("first");
         step <= *buffer.getInteger("last"); ++step)
      near.insert(arena.getStep(step));
  });
  std::string found;
  for (const json::Object &layer : readLayers(module)) {
    StringRef name = layer.getString("name").value_or("");
    bool isPeak = name == arena.getStep(peak);
    if (layer.getString("schedule") != StringRef("straight-line") ||
        (!isPeak && (!found.empty() || !near.contains(name))))
      continue;
    found = layer.getString("kernel").value_or("").str();
    if (isPeak)
      break;
  }
  return found;
}
