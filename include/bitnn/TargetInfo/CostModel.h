// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a layer costs as one form of code or another: linear in sizes of
// the layer, with factors that `./dev bench --cost-model` fits to measurements
// and writes into lib/TargetInfo/Costs.def.

#ifndef BITNN_TARGETINFO_COSTMODEL_H
#define BITNN_TARGETINFO_COSTMODEL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <array>
#include <cstdint>
#include <optional>

namespace bitnn {

/// How a layer becomes code.
///
/// A table schedule is lists of digits, or indices of sums to look up; what
/// multiplies is a plain loop, or products of vectors of pixels.
enum class CodeForm { StraightLine, Table, Lookup, Multiply, Products };

/// What the cost of a layer depends on.
struct LayerSize {
  int64_t weights = 0;
  /// Signed digits of the weights.
  int64_t digits = 0;
  /// How often the weights are applied.
  int64_t positions = 0;
  /// Elements of its input and output.
  int64_t values = 0;
  /// The instructions that look up its sums at one position, about.
  int64_t lookups = 0;
};

/// The costs of one target's layers.
class CostModel {
public:
  /// The number of factors, and what they are multiplied with: one; digits, or
  /// weights where code multiplies, or lookups; these times positions; MACs;
  /// values; the digits whose code no cache holds from one run to the next.
  static constexpr size_t kTerms = 6;
  using Terms = std::array<double, kTerms>;

  /// What multiplies is chosen only if it is faster beyond doubt: so many
  /// times.
  static constexpr double kMargin = 1.06;

  /// A line of Costs.def.
  struct Row {
    llvm::StringLiteral target;
    CodeForm form;
    /// Whether it is for layers with more than one position.
    bool images;
    Terms factors;
  };

  /// The model of a machine by LLVM's names; none where nothing was measured.
  static std::optional<CostModel>
  find(llvm::StringRef triple, llvm::StringRef cpu, llvm::StringRef features);

  /// The unit of all costs: "ns" or "instructions".
  llvm::StringRef getUnit() const { return unit; }

  /// The cost of one run of a layer; none where that form was not measured.
  std::optional<double> predict(CodeForm form, const LayerSize &layer) const;

  static Terms getTerms(CodeForm form, const LayerSize &layer);

private:
  CostModel(llvm::ArrayRef<Row> rows, llvm::StringRef unit)
      : rows(rows), unit(unit) {}

  /// Rows of one target, which Costs.def has together.
  llvm::ArrayRef<Row> rows;
  llvm::StringRef unit;
};

} // namespace bitnn

#endif // BITNN_TARGETINFO_COSTMODEL_H
