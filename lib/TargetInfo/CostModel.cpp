// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/TargetInfo/CostModel.h"
#include "bitnn/TargetInfo/TargetInfo.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/TargetParser/Triple.h"
#include <algorithm>

using namespace llvm;

namespace bitnn {

static constexpr CostModel::Row kRows[] = {
#define BITNN_COST(target, form, images, ...)                                  \
  {target, CodeForm::form, images, {__VA_ARGS__}},
#include "Costs.def"
#undef BITNN_COST
};

/// The name of a machine's rows; empty where nothing was measured.
static StringRef getName(StringRef tripleName, StringRef cpu,
                         StringRef features) {
  Triple triple(tripleName);
  TargetDescription target = describeTarget(tripleName, cpu, features);
  if (triple.getArch() == Triple::x86_64 && target.vectorLanes > 1)
    return target.vectorLanes == 32 ? "x86-64-v4" : "x86-64-v3";
  if (triple.isRISCV32() && !features.contains("+e"))
    return target.hasMultiply ? "rv32im" : "rv32i";
  return "";
}

std::optional<CostModel> CostModel::find(StringRef triple, StringRef cpu,
                                         StringRef features) {
  StringRef target = getName(triple, cpu, features);
  ArrayRef<Row> rows =
      ArrayRef<Row>(kRows)
          .drop_until([&](const Row &row) { return row.target == target; })
          .take_while([&](const Row &row) { return row.target == target; });
  if (rows.empty())
    return std::nullopt;
  // Emulators count instructions; time is measured where the code runs.
  return CostModel(rows, target.starts_with("rv") ? "instructions" : "ns");
}

CostModel::Terms CostModel::getTerms(CodeForm form, const LayerSize &layer) {
  double positions = double(layer.positions), weights = double(layer.weights);
  double digits = double(layer.digits), values = double(layer.values);
  double lookups = double(layer.lookups), macs = weights * positions;
  switch (form) {
  case CodeForm::Multiply:
  case CodeForm::Products:
    return {1.0, weights, 0.0, macs, values, 0.0};
  case CodeForm::Lookup:
    return {1.0, lookups, lookups * positions, 0.0, values, 0.0};
  case CodeForm::Table:
    return {1.0, digits, digits * positions, macs, values, 0.0};
  case CodeForm::StraightLine:
    // The code of so many digits fills half a megabyte.
    constexpr double kCachedDigits = 75000;
    return {1.0,  digits, digits * positions,
            macs, values, std::max(0.0, digits - kCachedDigits)};
  }
  llvm_unreachable("a form of code without a cost");
}

std::optional<double> CostModel::predict(CodeForm form,
                                         const LayerSize &layer) const {
  for (const Row &row : rows) {
    if (row.form != form || row.images != (layer.positions > 1))
      continue;
    double cost = 0;
    for (auto [factor, term] : llvm::zip(row.factors, getTerms(form, layer)))
      cost += factor * term;
    return cost;
  }
  return std::nullopt;
}

} // namespace bitnn
