// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compilation did, per layer: a table for people, JSON for programs.

#ifndef BITNN_COMPILER_REPORT_H
#define BITNN_COMPILER_REPORT_H

#include "bitnn/Compiler/EntryPoint.h"
#include "bitnn/Compiler/ObjectContract.h"
#include "bitnn/TargetInfo/TargetInfo.h"
#include "llvm/Support/JSON.h"

namespace bitnn {

/// What a pass declined, and what can be done about it.
struct Shortfall {
  /// The node of the graph; empty if none is known.
  std::string layer;
  std::string reason;
  std::string suggestion;

  bool operator<(const Shortfall &other) const {
    return std::tie(layer, reason, suggestion) <
           std::tie(other.layer, other.reason, other.suggestion);
  }
  bool operator==(const Shortfall &other) const {
    return !(*this < other) && !(other < *this);
  }
};

struct Report {
  EntryPoint entry;
  TargetNames target;
  /// Options as the user writes them.
  std::string schedule, encoding, multiply;
  /// The module's `bitnn.layers`, as JSON.
  std::vector<llvm::json::Object> layers;
  /// The module's `bitnn.arena`, as JSON: where each buffer of the scratch
  /// memory is, and from which step to which.
  llvm::json::Object arena;
  std::vector<Shortfall> shortfalls;
  ObjectSizes sizes;
  int64_t objectBytes = 0;
  /// What the contract on the object asked for.
  bool checked = true;
  bool multiplyAllowed = false;
  std::vector<std::string> undefinedSymbols;
  /// Of the compilation; everything else is the same in every run.
  double seconds = 0;
  int64_t peakBytes = 0;

  /// The sum of a number over all layers.
  int64_t sum(llvm::StringRef key) const;
};

/// The dictionaries of the module's `bitnn.layers`.
std::vector<llvm::json::Object> readLayers(mlir::ModuleOp module);

/// The module's `bitnn.arena`; empty if it has none.
llvm::json::Object readArena(mlir::ModuleOp module);

/// Adds `code_bytes` to every layer, from the symbols of its kernel.
void addCodeBytes(std::vector<llvm::json::Object> &layers,
                  const ObjectSizes &sizes);

void printTable(const Report &report, llvm::raw_ostream &os);
/// The arena as a picture: a row per buffer, a column per step.
void printTimeline(const Report &report, llvm::raw_ostream &os);
void writeJson(const Report &report, llvm::raw_ostream &os);

} // namespace bitnn

#endif // BITNN_COMPILER_REPORT_H
