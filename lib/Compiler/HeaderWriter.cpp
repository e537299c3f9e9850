// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/HeaderWriter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"

using namespace llvm;

namespace bitnn {

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// Words of C and C++ up to C++20, macros without capitals that compilers
/// predefine, and our own parameter.
static bool isReserved(StringRef name) {
  static const StringSet<> words = {"alignas",
                                    "alignof",
                                    "and",
                                    "and_eq",
                                    "asm",
                                    "auto",
                                    "bitand",
                                    "bitor",
                                    "bool",
                                    "break",
                                    "case",
                                    "catch",
                                    "char",
                                    "char16_t",
                                    "char32_t",
                                    "char8_t",
                                    "class",
                                    "co_await",
                                    "co_return",
                                    "co_yield",
                                    "compl",
                                    "concept",
                                    "const",
                                    "const_cast",
                                    "consteval",
                                    "constexpr",
                                    "constinit",
                                    "continue",
                                    "decltype",
                                    "default",
                                    "delete",
                                    "do",
                                    "double",
                                    "dynamic_cast",
                                    "else",
                                    "enum",
                                    "explicit",
                                    "export",
                                    "extern",
                                    "false",
                                    "float",
                                    "for",
                                    "friend",
                                    "goto",
                                    "if",
                                    "inline",
                                    "int",
                                    "long",
                                    "mutable",
                                    "namespace",
                                    "new",
                                    "noexcept",
                                    "not",
                                    "not_eq",
                                    "nullptr",
                                    "operator",
                                    "or",
                                    "or_eq",
                                    "private",
                                    "protected",
                                    "public",
                                    "register",
                                    "reinterpret_cast",
                                    "requires",
                                    "restrict",
                                    "return",
                                    "short",
                                    "signed",
                                    "sizeof",
                                    "static",
                                    "static_assert",
                                    "static_cast",
                                    "struct",
                                    "switch",
                                    "template",
                                    "this",
                                    "thread_local",
                                    "throw",
                                    "true",
                                    "try",
                                    "typedef",
                                    "typeid",
                                    "typename",
                                    "typeof",
                                    "union",
                                    "unsigned",
                                    "using",
                                    "virtual",
                                    "void",
                                    "volatile",
                                    "wchar_t",
                                    "while",
                                    "xor",
                                    "xor_eq",
                                    "complex",
                                    "errno",
                                    "i386",
                                    "imaginary",
                                    "linux",
                                    "unix",
                                    "stderr",
                                    "stdin",
                                    "stdout",
                                    "parallel",
                                    "scratch"};
  return words.contains(name) || (name.ends_with("_t") && name.contains("int"));
}

static std::string makeIdentifier(StringRef name) {
  std::string identifier;
  for (char c : name)
    identifier += isAlnum(c) ? c : '_';
  if (identifier.empty() || !isAlpha(identifier[0]))
    identifier = "t" + identifier;
  // Names in capitals are macros in C.
  if (none_of(identifier, [](char c) { return c >= 'a' && c <= 'z'; }))
    identifier = StringRef(identifier).lower();
  if (isReserved(identifier))
    identifier += "_";
  return identifier;
}

std::vector<std::string> makeParameterNames(const EntryPoint &entry) {
  std::vector<std::string> names;
  StringSet<> taken;
  auto add = [&](const Edge &edge) {
    std::string base = makeIdentifier(edge.name), name = base;
    for (unsigned number = 2; !taken.insert(StringRef(name).upper()).second;
         ++number)
      name = base + "_" + std::to_string(number);
    names.push_back(name);
  };
  for_each(entry.inputs, add);
  for_each(entry.outputs, add);
  return names;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// A name of the graph within a comment of C.
static std::string quote(StringRef name) {
  std::string text = "'";
  char last = 0;
  for (char c : name) {
    bool ends = (last == '*' && c == '/') || (last == '/' && c == '*');
    text += ends || !isPrint(c) || c == '\\' || c == '?' ? '_' : c;
    last = c;
  }
  return text + "'";
}

/// A float literal that reads back as the same value.
static std::string writeFloat(float value) {
  std::string text;
  raw_string_ostream(text) << format("%.9g", value);
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return text + "f";
}

static std::string getCType(const Edge &edge) {
  return edge.getElementName() + "_t";
}

/// One line of a comment per sentence, so that no line grows with the graph.
static void writeEdgeComment(const Edge &edge, bool isInput, StringRef macro,
                             raw_ostream &os) {
  os << "/* " << (isInput ? "Input " : "Output ") << quote(edge.name) << ": "
     << edge.getElementName() << "[";
  interleave(edge.shape, os, "][");
  os << "]";
  if (!edge.tensor.empty() && edge.tensor != edge.name)
    os << "\n * The graph is cut at " << quote(edge.tensor) << ".";
  if (edge.scale)
    os << "\n * value = " << macro << "_SCALE * (integer - " << macro
       << "_ZERO_POINT)";
  if (!edge.scales.empty())
    os << "\n * value = scale * integer, with one scale of " << macro
       << "_SCALES\n * per entry of dimension " << edge.axis << ".";
  if (edge.isFloat)
    os << "\n * In the graph it is float32; the caller "
       << (isInput ? "quantizes it." : "dequantizes it.");
  if (!edge.caller.empty()) {
    os << "\n * Operators left to the caller, in order: ";
    interleave(
        edge.caller, os, [&](StringRef type) { os << quote(type); }, ", ");
    os << ".";
  }
  os << " */\n";
}

static void writeEdge(const Edge &edge, bool isInput, StringRef macro,
                      raw_ostream &os) {
  writeEdgeComment(edge, isInput, macro, os);
  int64_t elements = edge.getNumElements();
  os << "#define " << macro << "_SIZE " << elements << "\n";
  os << "#define " << macro << "_BYTES " << elements * (edge.bits / 8) << "\n";
  if (edge.scale) {
    os << "#define " << macro << "_SCALE " << writeFloat(*edge.scale) << "\n";
    bool negative = edge.zeroPoint < 0;
    os << "#define " << macro << "_ZERO_POINT " << (negative ? "(" : "")
       << edge.zeroPoint << (negative ? ")" : "") << "\n";
  }
  if (!edge.scales.empty()) {
    os << "#define " << macro << "_SCALES \\\n  {";
    for (auto [index, scale] : enumerate(edge.scales))
      os << (index == 0 ? " " : ", ") << (index % 4 ? "" : "\\\n    ")
         << writeFloat(scale);
    os << " }\n";
  }
  os << "\n";
}

/// The type by which the caller lends threads.
static void writeParallel(const EntryPoint &entry, raw_ostream &os) {
  os << "/* Threads of the caller. run calls body(argument, i) once for every "
        "i from 0 to\n * count - 1, in any order, also at the same time, and "
        "returns when all of them have\n * returned; context is handed to it. "
        "NULL instead of this: one after the other.\n * The results are the "
        "same. */\n"
     << "typedef struct {\n"
        "  void (*run)(void *context, int32_t count,\n"
        "              void (*body)(void *argument, int32_t index), void "
        "*argument);\n"
        "  void *context;\n"
        "} "
     << entry.name << "_parallel;\n\n";
}

void writeHeader(const EntryPoint &entry, raw_ostream &os) {
  std::string prefix = StringRef(entry.name).upper() + "_";
  std::vector<std::string> names = makeParameterNames(entry);
  os << "/* Written by bitnn-compile. */\n"
     << "#ifndef " << prefix << "H\n#define " << prefix << "H\n\n"
     << "#include <stdint.h>\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  size_t inputs = entry.inputs.size();
  for (auto [index, name] : enumerate(names)) {
    bool isInput = index < inputs;
    writeEdge(isInput ? entry.inputs[index] : entry.outputs[index - inputs],
              isInput, prefix + StringRef(name).upper(), os);
  }
  os << "/* Memory for intermediate results, whatever it holds before; NULL if "
        "it is 0 bytes.\n * Calls at the same time need one each. */\n"
     << "#define " << prefix << "SCRATCH_BYTES " << entry.scratchBytes << "\n"
     << "#define " << prefix << "SCRATCH_ALIGNMENT " << entry.scratchAlignment
     << "\n\n";
  if (entry.parallel)
    writeParallel(entry, os);
  os << "/* One inference. Arrays are laid out as in the graph and must not "
        "overlap. */\nvoid "
     << entry.getFunctionName() << "(";
  for (auto [index, name] : enumerate(names))
    if (index < inputs)
      os << "const " << getCType(entry.inputs[index]) << " *" << name << ", ";
    else
      os << getCType(entry.outputs[index - inputs]) << " *" << name << ", ";
  os << "void *scratch";
  if (entry.parallel)
    os << ", const " << entry.name << "_parallel *parallel";
  os << ");\n\n"
     << "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

} // namespace bitnn
