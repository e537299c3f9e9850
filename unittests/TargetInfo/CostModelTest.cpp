// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/TargetInfo/CostModel.h"
#include "bitnn/TargetInfo/TargetInfo.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <map>

using namespace bitnn;
using namespace llvm;

namespace {

constexpr StringLiteral kTargets[] = {"x86-64-v3", "x86-64-v4", "rv32i",
                                      "rv32im"};

std::optional<CostModel> find(StringRef name) {
  if (name == "rv32im")
    return CostModel::find("riscv32-unknown-elf", "generic-rv32", "+m");
  TargetNames names = cantFail(lookupTarget(name));
  return CostModel::find(names.triple, names.cpu, names.features);
}

/// A layer of the benchmark, and what it took in each measured form.
struct Layer {
  LayerSize size;
  SmallVector<std::pair<CodeForm, double>> costs;
};
using Layers = std::map<std::string, Layer>;

/// The measurements that Costs.def was fitted to.
Layers readLayers(StringRef target) {
  std::string path = (BITNN_COSTS_FOLDER "/" + target + ".json").str();
  auto buffer = MemoryBuffer::getFile(path);
  EXPECT_TRUE(bool(buffer)) << path;
  json::Value content = cantFail(json::parse((*buffer)->getBuffer()));
  const StringMap<CodeForm> forms = {{"straight-line", CodeForm::StraightLine},
                                     {"table", CodeForm::Table},
                                     {"lookup", CodeForm::Lookup},
                                     {"multiply", CodeForm::Multiply},
                                     {"products", CodeForm::Products}};
  Layers layers;
  for (const json::Value &value : *content.getAsObject()->getArray("layers")) {
    const json::Object &entry = *value.getAsObject();
    Layer &layer = layers[entry.getString("layer")->str()];
    // Only what looks up has a number of lookups.
    int64_t lookups =
        std::max(layer.size.lookups, entry.getInteger("lookups").value_or(0));
    layer.size = {*entry.getInteger("weights"), *entry.getInteger("digits"),
                  *entry.getInteger("positions"), *entry.getInteger("values"),
                  lookups};
    layer.costs.emplace_back(forms.lookup(*entry.getString("schedule")),
                             *entry.getNumber("cost"));
  }
  return layers;
}

/// The measured cost of the form that the model chooses among those allowed.
double measureChoice(const CostModel &model, const Layer &layer,
                     ArrayRef<std::pair<CodeForm, double>> allowed) {
  auto predict = [&](const std::pair<CodeForm, double> &form) {
    bool multiplies =
        form.first == CodeForm::Multiply || form.first == CodeForm::Products;
    return *model.predict(form.first, layer.size) *
           (multiplies ? CostModel::kMargin : 1);
  };
  return llvm::min_element(allowed,
                           [&](const auto &lhs, const auto &rhs) {
                             return predict(lhs) < predict(rhs);
                           })
      ->second;
}

} // namespace

TEST(CostModel, ChoicesAreTheBestOfTheMeasuredOrNearlySo) {
  for (StringRef target : kTargets) {
    std::optional<CostModel> model = find(target);
    ASSERT_TRUE(model) << target.str();
    Layers layers = readLayers(target);
    EXPECT_GE(layers.size(), 10u) << target.str();
    for (const auto &[name, layer] : layers) {
      SmallVector<std::pair<CodeForm, double>> costs = layer.costs;
      // With all forms, then with those that do not multiply.
      for (size_t count : {costs.size(), size_t(2)}) {
        costs.resize(count);
        double best = llvm::min_element(costs, less_second())->second;
        EXPECT_LE(measureChoice(*model, layer, costs), 1.1 * best)
            << target.str() << ", " << name << ", " << count << " forms";
      }
    }
  }
}

TEST(CostModel, InstructionsArePredictedWithinFortyPercent) {
  for (StringRef target : {"rv32i", "rv32im"}) {
    std::optional<CostModel> model = find(target);
    ASSERT_TRUE(model);
    EXPECT_EQ(model->getUnit(), "instructions");
    for (const auto &[name, layer] : readLayers(target))
      for (auto [form, cost] : layer.costs)
        EXPECT_NEAR(*model->predict(form, layer.size) / cost, 1, 0.4)
            << target.str() << ", " << name;
  }
}

TEST(CostModel, MoreDigitsAreNeverCheaper) {
  for (StringRef target : kTargets) {
    CostModel model = *find(target);
    for (CodeForm form : {CodeForm::StraightLine, CodeForm::Table}) {
      LayerSize layer = {1000, 500, 64, 4096};
      double less = *model.predict(form, layer);
      layer.digits *= 2;
      EXPECT_GE(*model.predict(form, layer), less) << target.str();
    }
  }
}

TEST(CostModel, NothingIsSaidOfMachinesThatWereNotMeasured) {
  EXPECT_FALSE(CostModel::find("aarch64-unknown-linux-gnu", "generic", ""));
  EXPECT_FALSE(CostModel::find("x86_64-unknown-linux-gnu", "x86-64", ""));
  EXPECT_FALSE(CostModel::find("riscv32-unknown-elf", "generic-rv32", "+e"));
  EXPECT_FALSE(CostModel::find("riscv64-unknown-elf", "generic-rv64", ""));
  EXPECT_EQ(find("x86-64-v3")->getUnit(), "ns");
}

TEST(CostModel, ProcessorsWithoutMultiplierHaveNoCostOfMultiplications) {
  LayerSize layer = {1000, 500, 64, 4096};
  EXPECT_FALSE(find("rv32i")->predict(CodeForm::Multiply, layer));
  EXPECT_TRUE(find("rv32im")->predict(CodeForm::Multiply, layer));
}
