// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/Diagnostics.h"
#include "bitnn/Dialect/BitNN/Utils/Locations.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace bitnn {

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// The place in a text file; null if there is none.
static FileLineColLoc getFileLocation(Location loc) {
  FileLineColLoc found;
  loc->walk([&](Location part) {
    auto file = dyn_cast<FileLineColLoc>(part);
    if (!file || file.getLine() == 0)
      return WalkResult::advance();
    found = file;
    return WalkResult::interrupt();
  });
  return found;
}

/// Messages of many lines (a printed operation) are cut after the first.
static std::string getFirstLine(StringRef message) {
  return message.split('\n').first.rtrim(" :").str();
}

llvm::Error makeError(StringRef file, const llvm::Twine &message) {
  return llvm::createStringError(file + ": error: " + message);
}

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

/// Keeps what was missed or failed. Remarks come from several threads.
class RemarkCollector : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit RemarkCollector(
      std::shared_ptr<DiagnosticCollector::Remarks> remarks)
      : remarks(std::move(remarks)) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    Shortfall shortfall;
    shortfall.layer = getNodeName(remark.getLocation());
    for (const auto &argument : remark.getArgs()) {
      std::string &text = argument.key == "Suggestion" ? shortfall.suggestion
                                                       : shortfall.reason;
      text += argument.val;
    }
    std::lock_guard<std::mutex> lock(remarks->mutex);
    remarks->shortfalls.push_back(std::move(shortfall));
  }

private:
  std::shared_ptr<DiagnosticCollector::Remarks> remarks;
};

//===----------------------------------------------------------------------===//
// Collector
//===----------------------------------------------------------------------===//

DiagnosticCollector::DiagnosticCollector(MLIRContext &context,
                                         StringRef modelFile)
    : context(context), modelFile(modelFile),
      remarks(std::make_shared<Remarks>()) {
  handler = context.getDiagEngine().registerHandler([this](Diagnostic &said) {
    if (said.getSeverity() == DiagnosticSeverity::Warning)
      llvm::errs() << format(said) << "\n";
    if (said.getSeverity() == DiagnosticSeverity::Error)
      errors.push_back(format(said));
  });
  remark::RemarkCategories categories;
  categories.missed = categories.failed = ".*";
  LogicalResult enabled = remark::enableOptimizationRemarks(
      context, std::make_unique<RemarkCollector>(remarks),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
  assert(succeeded(enabled) && "the context has no remark engine yet");
  (void)enabled;
}

DiagnosticCollector::~DiagnosticCollector() {
  context.getDiagEngine().eraseHandler(handler);
}

void DiagnosticCollector::forgetRemarks() {
  std::lock_guard<std::mutex> lock(remarks->mutex);
  remarks->shortfalls.clear();
}

std::string DiagnosticCollector::format(Diagnostic &diagnostic) const {
  StringRef severity = diagnostic.getSeverity() == DiagnosticSeverity::Error
                           ? "error"
                           : "warning";
  std::string place = modelFile;
  Location loc = diagnostic.getLocation();
  if (FileLineColLoc file = getFileLocation(loc))
    place = (file.getFilename().getValue() + ":" + llvm::Twine(file.getLine()) +
             ":" + llvm::Twine(file.getColumn()))
                .str();
  std::string message = getFirstLine(diagnostic.str());
  std::string node = getNodeName(loc);
  // The importer names the node in its own words.
  if (!node.empty() && !StringRef(message).contains("'" + node + "'"))
    message = "node '" + node + "': " + message;
  return (place + ": " + severity + ": " + message).str();
}

llvm::Error DiagnosticCollector::takeError(const llvm::Twine &fallback) {
  if (errors.empty())
    return makeError(modelFile, fallback);
  std::vector<std::string> taken = std::exchange(errors, {});
  std::string message = taken.front();
  if (taken.size() > 1)
    message += " (and " + std::to_string(taken.size() - 1) + " more)";
  return llvm::createStringError(message);
}

llvm::Error DiagnosticCollector::takeErrors(const llvm::Twine &fallback) {
  if (errors.empty())
    return makeError(modelFile, fallback);
  return llvm::createStringError(llvm::join(std::exchange(errors, {}), "\n"));
}

std::vector<Shortfall> DiagnosticCollector::getShortfalls() {
  std::lock_guard<std::mutex> lock(remarks->mutex);
  std::vector<Shortfall> sorted = remarks->shortfalls;
  llvm::sort(sorted);
  sorted.erase(llvm::unique(sorted), sorted.end());
  return sorted;
}

} // namespace bitnn
