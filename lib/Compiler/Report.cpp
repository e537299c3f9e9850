// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/Report.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
namespace json = llvm::json;

namespace bitnn {

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

static json::Value toJson(Attribute attribute) {
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return integer.getInt();
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return number.getValueAsDouble();
  if (auto string = dyn_cast<StringAttr>(attribute))
    return json::fixUTF8(string.getValue());
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    return flag.getValue();
  if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    json::Object entries;
    // A key that is no std::string would only refer to the context's memory.
    for (NamedAttribute entry : dictionary)
      entries[entry.getName().str()] = toJson(entry.getValue());
    return entries;
  }
  if (auto array = dyn_cast<ArrayAttr>(attribute)) {
    json::Array elements;
    for (Attribute element : array)
      elements.push_back(toJson(element));
    return elements;
  }
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  return json::fixUTF8(text);
}

std::vector<json::Object> readLayers(ModuleOp module) {
  std::vector<json::Object> layers;
  auto records = module->getAttrOfType<ArrayAttr>(BitNNDialect::kLayersAttr);
  if (!records)
    return layers;
  for (auto record : records.getAsRange<DictionaryAttr>())
    layers.push_back(std::move(*toJson(record).getAsObject()));
  return layers;
}

json::Object readArena(ModuleOp module) {
  auto arena = module->getAttrOfType<DictionaryAttr>(BitNNDialect::kArenaAttr);
  return arena ? std::move(*toJson(arena).getAsObject()) : json::Object();
}

void addCodeBytes(std::vector<json::Object> &layers, const ObjectSizes &sizes) {
  for (json::Object &layer : layers)
    if (std::optional<StringRef> kernel = layer.getString("kernel"))
      layer["code_bytes"] = int64_t(sizes.getKernelCode(*kernel));
}

int64_t Report::sum(StringRef key) const {
  int64_t total = 0;
  for (const json::Object &layer : layers)
    total += layer.getInteger(key).value_or(0);
  return total;
}

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

namespace {
struct Column {
  StringLiteral title;
  StringLiteral key;
  bool isNumber;
};
constexpr Column kColumns[] = {
    {"layer", "name", false},
    {"operator", "operator", false},
    {"weights", "weights", true},
    {"digits", "digits", true},
    {"unshared", "unshared_adds", true},
    {"unbounded", "unbounded_adds", true},
    {"adds", "adds", true},
    {"schedule", "schedule", false},
    {"groups", "groups", true},
    {"code", "code_bytes", true},
    {"tables", "table_bytes", true},
};
using Row = std::vector<std::string>;
} // namespace

static std::string getCell(const json::Object &layer, const Column &column) {
  if (std::optional<StringRef> text = layer.getString(column.key))
    return text->str();
  if (std::optional<int64_t> number = layer.getInteger(column.key))
    return std::to_string(*number);
  return "-";
}

/// The columns that some layer has a value for.
static std::vector<Column> getColumns(const Report &report) {
  std::vector<Column> columns;
  for (const Column &column : kColumns)
    if (llvm::any_of(report.layers, [&](const json::Object &layer) {
          return layer.get(column.key);
        }))
      columns.push_back(column);
  return columns;
}

static std::vector<Row> makeRows(const Report &report,
                                 llvm::ArrayRef<Column> columns) {
  std::vector<Row> rows(1);
  for (const Column &column : columns)
    rows[0].push_back(column.title.str());
  for (const json::Object &layer : report.layers) {
    Row &row = rows.emplace_back();
    for (const Column &column : columns)
      row.push_back(getCell(layer, column));
  }
  Row &total = rows.emplace_back();
  for (const Column &column : columns)
    total.push_back(column.isNumber && column.key != "groups"
                        ? std::to_string(report.sum(column.key))
                        : std::string());
  total[0] = "total";
  return rows;
}

static void printRows(llvm::ArrayRef<Row> rows, llvm::ArrayRef<Column> columns,
                      llvm::raw_ostream &os) {
  for (const Row &row : rows) {
    std::string line;
    for (auto [index, cell] : llvm::enumerate(row)) {
      size_t width = 0;
      for (const Row &other : rows)
        width = std::max(width, other[index].size());
      std::string padding(width - cell.size(), ' ');
      line += (index ? "  " : "") +
              (columns[index].isNumber ? padding + cell : cell + padding);
    }
    os << StringRef(line).rtrim() << "\n";
  }
}

static std::string formatRatio(double value) {
  return llvm::formatv("{0:F3}", value).str();
}

void printTable(const Report &report, llvm::raw_ostream &os) {
  std::vector<Column> columns = getColumns(report);
  if (!report.layers.empty())
    printRows(makeRows(report, columns), columns, os);
  int64_t macs = report.sum("macs"), adds = report.sum("adds");
  if (macs)
    os << macs << " MACs, " << formatRatio(double(adds) / double(macs))
       << " adds per MAC; ";
  os << report.sizes.code << " bytes of code, " << report.sizes.data
     << " of constants; " << report.entry.scratchBytes << " bytes of scratch\n";
  // Why a layer is not what was hoped for.
  for (const json::Object &layer : report.layers)
    if (report.schedule == "auto" &&
        layer.getString("schedule") != StringRef("straight-line"))
      os << layer.getString("name").value_or("") << ": "
         << layer.getString("schedule").value_or("") << ", because "
         << layer.getString("reason").value_or("") << "\n";
  for (const Shortfall &shortfall : report.shortfalls) {
    os << (shortfall.layer.empty() ? "the network" : shortfall.layer) << ": "
       << shortfall.reason;
    if (!shortfall.suggestion.empty())
      os << "; " << shortfall.suggestion;
    os << "\n";
  }
  if (report.multiplyAllowed)
    os << "multiplications were allowed, by --"
       << (report.schedule == "multiply" ? "schedule=multiply"
                                         : "multiply=" + report.multiply)
       << "\n";
  for (const std::string &symbol : report.undefinedSymbols)
    os << "the object needs '" << symbol << "' of the compiler's library\n";
  if (!report.checked)
    os << "the object was not checked for multiplications (--check=off)\n";
}

//===----------------------------------------------------------------------===//
// Timeline
//===----------------------------------------------------------------------===//

void printTimeline(const Report &report, llvm::raw_ostream &os) {
  const json::Array *steps = report.arena.getArray("steps");
  const json::Array *buffers = report.arena.getArray("buffers");
  if (!steps || !buffers)
    return;
  auto get = [](const json::Object &buffer, StringRef key) {
    return buffer.getInteger(key).value_or(0);
  };
  std::vector<const json::Object *> rows;
  for (const json::Value &buffer : *buffers)
    rows.push_back(buffer.getAsObject());
  llvm::stable_sort(rows, [&](const json::Object *a, const json::Object *b) {
    return std::pair(get(*a, "offset"), get(*a, "first")) <
           std::pair(get(*b, "offset"), get(*b, "first"));
  });
  os << llvm::formatv("{0,10}  {1,10}  ", "offset", "bytes");
  for (size_t step = 0; step < steps->size(); ++step)
    os << step % 10;
  os << "\n";
  for (const json::Object *buffer : rows) {
    std::string bar(steps->size(), '.');
    for (int64_t step = get(*buffer, "first"); step <= get(*buffer, "last");
         ++step)
      bar[step] = '#';
    os << llvm::formatv("{0,10}  {1,10}  {2}\n", get(*buffer, "offset"),
                        get(*buffer, "bytes"), bar);
  }
  for (auto [index, step] : llvm::enumerate(*steps))
    os << llvm::formatv("step {0}: {1}\n", index,
                        step.getAsString().value_or(""));
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static json::Array toStrings(llvm::ArrayRef<std::string> texts) {
  json::Array array;
  for (StringRef text : texts)
    array.push_back(json::fixUTF8(text));
  return array;
}

static json::Object toJson(const Edge &edge) {
  json::Object object{
      {"name", json::fixUTF8(edge.name)},
      {"tensor", json::fixUTF8(edge.tensor.empty() ? edge.name : edge.tensor)},
      {"element", edge.getElementName()},
      {"shape", json::Array(edge.shape)},
      {"float", edge.isFloat},
      {"caller", toStrings(edge.caller)},
  };
  if (edge.scale) {
    object["scale"] = double(*edge.scale);
    object["zero_point"] = edge.zeroPoint;
  }
  if (!edge.scales.empty()) {
    object["scale"] = json::Array(edge.scales);
    object["axis"] = edge.axis;
  }
  return object;
}

static json::Array toJson(llvm::ArrayRef<Edge> edges) {
  json::Array array;
  for (const Edge &edge : edges)
    array.push_back(toJson(edge));
  return array;
}

static json::Array toJson(llvm::ArrayRef<Shortfall> shortfalls) {
  json::Array array;
  for (const Shortfall &shortfall : shortfalls)
    array.push_back(
        json::Object{{"layer", json::fixUTF8(shortfall.layer)},
                     {"reason", json::fixUTF8(shortfall.reason)},
                     {"suggestion", json::fixUTF8(shortfall.suggestion)}});
  return array;
}

void writeJson(const Report &report, llvm::raw_ostream &os) {
  int64_t macs = report.sum("macs"), adds = report.sum("adds");
  json::OStream json(os, /*IndentSize=*/2);
  json.objectBegin();
  json.attribute("name", report.entry.name);
  json.attribute("function", report.entry.getFunctionName());
  json.attribute("target", json::Object{{"triple", report.target.triple},
                                        {"cpu", report.target.cpu},
                                        {"features", report.target.features}});
  json.attribute("schedule", report.schedule);
  json.attribute("encoding", report.encoding);
  json.attribute("multiply", report.multiply);
  json.attribute("multiply_allowed", report.multiplyAllowed);
  json.attribute("checked", report.checked);
  json.attribute("scratch_bytes", report.entry.scratchBytes);
  json.attribute("scratch_alignment", report.entry.scratchAlignment);
  json.attribute("parallel", report.entry.parallel);
  json.attribute("object_bytes", report.objectBytes);
  json.attribute("code_bytes", int64_t(report.sizes.code));
  json.attribute("data_bytes", int64_t(report.sizes.data));
  json.attribute("inputs", toJson(report.entry.inputs));
  json.attribute("outputs", toJson(report.entry.outputs));
  json.attributeArray("layers", [&] {
    for (const json::Object &layer : report.layers)
      json.value(json::Object(layer));
  });
  json.attribute("arena", json::Object(report.arena));
  json.attribute("macs", macs);
  json.attribute("adds", adds);
  json.attribute("unshared_adds", report.sum("unshared_adds"));
  if (int64_t unbounded = report.sum("unbounded_adds"))
    json.attribute("unbounded_adds", unbounded);
  json.attribute("adds_per_mac", macs ? double(adds) / double(macs) : 0.0);
  json.attribute("shortfalls", toJson(report.shortfalls));
  json.attribute("undefined_symbols", toStrings(report.undefinedSymbols));
  json.attribute("compile", json::Object{{"seconds", report.seconds},
                                         {"peak_bytes", report.peakBytes}});
  json.objectEnd();
  os << "\n";
}

} // namespace bitnn
