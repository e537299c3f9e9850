// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/Report.h"
#include "gtest/gtest.h"

using namespace bitnn;
namespace json = llvm::json;

static Report makeReport() {
  Report report;
  report.entry.name = "net";
  Edge edge;
  edge.name = "x";
  edge.shape = {1, 2};
  edge.scale = 0.5f;
  edge.zeroPoint = -3;
  report.entry.inputs = report.entry.outputs = {edge};
  report.schedule = "auto";
  report.layers.push_back(json::Object{{"name", "conv"},
                                       {"operator", "conv_2d"},
                                       {"weights", 8},
                                       {"digits", 12},
                                       {"macs", 80},
                                       {"unshared_adds", 25},
                                       {"adds", 20},
                                       {"schedule", "straight-line"},
                                       {"groups", 1},
                                       {"kernel", "l0_conv"}});
  report.layers.push_back(json::Object{{"name", "a long name"},
                                       {"operator", "matmul"},
                                       {"weights", 1000},
                                       {"digits", 3},
                                       {"macs", 20},
                                       {"adds", 5},
                                       {"schedule", "table"},
                                       {"reason", "code would be too large"},
                                       {"kernel", "l1_fc"}});
  report.sizes.code = 130;
  report.sizes.functions = {
      {"l0_conv.b0", 100}, {"l1_fc", 20}, {"net_run", 10}};
  addCodeBytes(report.layers, report.sizes);
  return report;
}

TEST(Report, TheTableHasOneRowPerLayer) {
  Report report = makeReport();
  report.shortfalls = {{"pool", "has no window", "give it one"}};
  std::string text;
  llvm::raw_string_ostream os(text);
  printTable(report, os);
  EXPECT_EQ(
      text,
      R"(layer        operator  weights  digits  unshared  adds  schedule       groups  code
conv         conv_2d         8      12        25    20  straight-line       1   100
a long name  matmul       1000       3         -     5  table               -    20
total                     1008      15        25    25                          120
100 MACs, 0.250 adds per MAC; 130 bytes of code, 0 of constants; 0 bytes of scratch
a long name: table, because code would be too large
pool: has no window; give it one
)");
}

TEST(Report, TheJsonReadsBack) {
  std::string text;
  llvm::raw_string_ostream os(text);
  writeJson(makeReport(), os);
  llvm::Expected<json::Value> value = json::parse(text);
  ASSERT_TRUE(bool(value)) << llvm::toString(value.takeError());
  const json::Object &report = *value->getAsObject();
  EXPECT_EQ(report.getString("name"), llvm::StringRef("net"));
  EXPECT_EQ(report.getInteger("macs"), 100);
  EXPECT_EQ(report.getInteger("adds"), 25);
  EXPECT_EQ(report.getNumber("adds_per_mac"), 0.25);
  const json::Object &input = *report.getArray("inputs")->front().getAsObject();
  EXPECT_EQ(input.getString("element"), llvm::StringRef("int8"));
  EXPECT_EQ(input.getInteger("zero_point"), -3);
  EXPECT_EQ(input.getNumber("scale"), 0.5);
  const json::Array &layers = *report.getArray("layers");
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].getAsObject()->getInteger("code_bytes"), 100);
  EXPECT_EQ(layers[1].getAsObject()->getInteger("code_bytes"), 20);
  EXPECT_EQ(layers[1].getAsObject()->getInteger("digits"), 3);
}
