// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/HeaderWriter.h"
#include "gtest/gtest.h"

using namespace bitnn;

static Edge makeEdge(llvm::StringRef name) {
  Edge edge;
  edge.name = name.str();
  edge.shape = {1, 3};
  return edge;
}

static std::vector<std::string> nameAll(llvm::ArrayRef<const char *> names) {
  EntryPoint entry;
  for (const char *name : names)
    entry.inputs.push_back(makeEdge(name));
  return makeParameterNames(entry);
}

using Names = std::vector<std::string>;

TEST(HeaderWriter, NamesAreIdentifiersOfC) {
  EXPECT_EQ(nameAll({"image", "input.1", "a/b:0", "1", "", "_x", "\xC3\xA9"}),
            (Names{"image", "input_1", "a_b_0", "t1", "t", "t_x", "t__"}));
}

TEST(HeaderWriter, NamesAreNoWordsOfCOrCxx) {
  EXPECT_EQ(nameAll({"int", "class", "uint8_t", "scratch", "linux"}),
            (Names{"int_", "class_", "uint8_t_", "scratch_", "linux_"}));
  // In capitals they would be macros: NULL, EOF, I.
  EXPECT_EQ(nameAll({"NULL", "EOF", "INT"}), (Names{"null", "eof", "int_"}));
}

TEST(HeaderWriter, NamesAreDistinctEvenInCapitals) {
  EXPECT_EQ(nameAll({"x", "X", "x_2", "x:", "x."}),
            (Names{"x", "x_2", "x_2_2", "x_", "x__2"}));
}

TEST(HeaderWriter, ModelNames) {
  EXPECT_EQ(makeModelName("/a.b/digits.onnx"), "digits");
  EXPECT_EQ(makeModelName("8x8 digits.v2.onnx"), "model_8x8_digits_v2");
  EXPECT_EQ(makeModelName("-"), "model");
  EXPECT_EQ(makeModelName(""), "model");
}

static EntryPoint makeEntry() {
  EntryPoint entry;
  entry.name = "net";
  Edge image = makeEdge("image");
  image.tensor = "image_q";
  image.isUnsigned = image.isFloat = true;
  image.scale = 0.1f;
  image.zeroPoint = 128;
  image.caller = {"Transpose"};
  entry.inputs = {image};
  Edge scores = makeEdge("Evil */ \n name");
  scores.bits = 32;
  scores.scale = 1.0f;
  scores.zeroPoint = -7;
  entry.outputs = {scores};
  entry.scratchBytes = 640;
  entry.scratchAlignment = 64;
  return entry;
}

TEST(HeaderWriter, TheHeaderSaysEverything) {
  std::string text;
  llvm::raw_string_ostream os(text);
  writeHeader(makeEntry(), os);
  EXPECT_EQ(text, R"(/* Written by bitnn-compile. */
#ifndef NET_H
#define NET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Input 'image': uint8[1][3]
 * The graph is cut at 'image_q'.
 * value = NET_IMAGE_SCALE * (integer - NET_IMAGE_ZERO_POINT)
 * In the graph it is float32; the caller quantizes it.
 * Operators left to the caller, in order: 'Transpose'. */
#define NET_IMAGE_SIZE 3
#define NET_IMAGE_BYTES 3
#define NET_IMAGE_SCALE 0.100000001f
#define NET_IMAGE_ZERO_POINT 128

/* Output 'Evil *_ _ name': int32[1][3]
 * value = NET_EVIL______NAME_SCALE * (integer - NET_EVIL______NAME_ZERO_POINT) */
#define NET_EVIL______NAME_SIZE 3
#define NET_EVIL______NAME_BYTES 12
#define NET_EVIL______NAME_SCALE 1.0f
#define NET_EVIL______NAME_ZERO_POINT (-7)

/* Memory for intermediate results, whatever it holds before; NULL if it is 0 bytes.
 * Calls at the same time need one each. */
#define NET_SCRATCH_BYTES 640
#define NET_SCRATCH_ALIGNMENT 64

/* One inference. Arrays are laid out as in the graph and must not overlap. */
void net_run(const uint8_t *image, int32_t *Evil______name, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
)");
}

TEST(HeaderWriter, ScalesOfChannels) {
  EntryPoint entry = makeEntry();
  entry.outputs[0].scale.reset();
  entry.outputs[0].scales = {0.5f, 0.25f, 1.0f, 2.0f, 3.0f};
  entry.outputs[0].axis = 1;
  std::string text;
  llvm::raw_string_ostream os(text);
  writeHeader(entry, os);
  EXPECT_NE(text.find(R"(
 * value = scale * integer, with one scale of NET_EVIL______NAME_SCALES
 * per entry of dimension 1. */
#define NET_EVIL______NAME_SIZE 3
#define NET_EVIL______NAME_BYTES 12
#define NET_EVIL______NAME_SCALES \
  { \
    0.5f, 0.25f, 1.0f, 2.0f, \
    3.0f }

)"),
            std::string::npos)
      << text;
}

TEST(HeaderWriter, ScalesReadBackAsTheSameFloat) {
  for (float scale : {1.0f, 0.5f, 3.0e-10f, 1.17549435e-38f, 0.0235294122f}) {
    EntryPoint entry = makeEntry();
    entry.inputs[0].scale = scale;
    std::string text;
    llvm::raw_string_ostream os(text);
    writeHeader(entry, os);
    size_t begin = text.find("_SCALE ", text.find("#define NET_IMAGE_SCALE"));
    std::string literal =
        text.substr(begin + 7, text.find('\n', begin) - (begin + 7));
    EXPECT_EQ(std::strtof(literal.c_str(), nullptr), scale) << literal;
    EXPECT_EQ(literal.back(), 'f');
    EXPECT_NE(literal.find_first_of(".e"), std::string::npos) << literal;
  }
}
