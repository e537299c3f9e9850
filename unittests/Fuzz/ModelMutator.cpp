// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ModelMutator.h"
#include <cstring>
#include <limits>
#include <random>
#include <vector>
// The generated header last: protobuf's macros end with its own.
#include "onnx.pb.h"

namespace proto = ::onnx;

static constexpr int64_t kIntegers[] = {
    0,         1,         -1,        2,         3,         4,
    5,         7,         8,         16,        64,        127,
    128,       255,       256,       -128,      65536,     1 << 20,
    INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1ll << 31, 1ll << 32,
    1ll << 62, -2,        -3,        1000000007};
static constexpr float kFloats[] = {0.0f,
                                    -0.0f,
                                    1.0f,
                                    -1.0f,
                                    0.5f,
                                    255.0f,
                                    1e-45f,
                                    1e-38f,
                                    3e38f,
                                    1e10f,
                                    std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity(),
                                    std::numeric_limits<float>::quiet_NaN()};
static constexpr const char *kOperators[] = {"Add",
                                             "AveragePool",
                                             "BatchNormalization",
                                             "Cast",
                                             "Clip",
                                             "Concat",
                                             "Constant",
                                             "ConstantOfShape",
                                             "Conv",
                                             "ConvInteger",
                                             "ConvTranspose",
                                             "DepthToSpace",
                                             "Div",
                                             "DequantizeLinear",
                                             "Dropout",
                                             "Expand",
                                             "Flatten",
                                             "Gather",
                                             "Gemm",
                                             "GlobalAveragePool",
                                             "GlobalMaxPool",
                                             "HardSwish",
                                             "Identity",
                                             "LeakyRelu",
                                             "MatMul",
                                             "MatMulInteger",
                                             "Max",
                                             "MaxPool",
                                             "Min",
                                             "Mod",
                                             "Mul",
                                             "PRelu",
                                             "Pad",
                                             "Pow",
                                             "QLinearConv",
                                             "QLinearMatMul",
                                             "QuantizeLinear",
                                             "Range",
                                             "ReduceMax",
                                             "ReduceMean",
                                             "ReduceProd",
                                             "ReduceSum",
                                             "Relu",
                                             "Reshape",
                                             "Resize",
                                             "Shape",
                                             "Sigmoid",
                                             "Size",
                                             "Slice",
                                             "Softmax",
                                             "SpaceToDepth",
                                             "Split",
                                             "Squeeze",
                                             "Sub",
                                             "Tile",
                                             "Transpose",
                                             "Unsqueeze",
                                             "Upsample",
                                             "Where"};
static constexpr const char *kAttributes[] = {
    "alpha",  "auto_pad",       "axes",         "axis",
    "beta",   "blocksize",      "ceil_mode",    "dilations",
    "end",    "group",          "keepdims",     "kernel_shape",
    "mode",   "output_padding", "pads",         "perm",
    "start",  "strides",        "to",           "transA",
    "transB", "value",          "output_shape", "count_include_pad"};

namespace {
/// Draws changes of one model.
class Mutator {
public:
  Mutator(proto::ModelProto &model, unsigned seed)
      : model(model), graph(*model.mutable_graph()), random(seed) {}

  void mutate();

private:
  size_t draw(size_t count) { return count ? random() % count : 0; }
  template <typename T, size_t n>
  T pick(const T (&values)[n]) {
    return values[draw(n)];
  }
  /// A random element of a repeated field, or null.
  template <typename Field>
  auto pickFrom(Field *field) {
    return field->empty() ? nullptr : field->Mutable(draw(field->size()));
  }
  /// Near the old value or far from it.
  int64_t changed(int64_t old) {
    return draw(3) ? pick(kIntegers)
                   : int64_t(uint64_t(old) + (draw(2) ? 1 : -1));
  }

  std::string pickName();
  void changeShape(proto::TensorProto &tensor);
  void changeBytes(proto::TensorProto &tensor);
  void changeTensor();
  void changeEdge();
  void changeOperand(proto::NodeProto &node);
  void changeAttribute(proto::NodeProto &node);
  void addAttribute(proto::NodeProto &node);
  void changeNode();
  void changeNodes();
  void changeOutput();

  proto::ModelProto &model;
  proto::GraphProto &graph;
  std::mt19937 random;
};
} // namespace

/// The name of some tensor of the graph.
std::string Mutator::pickName() {
  std::vector<std::string> names = {"", "nothing"};
  for (const auto &tensor : graph.initializer())
    names.push_back(tensor.name());
  for (const auto &input : graph.input())
    names.push_back(input.name());
  for (const auto &node : graph.node())
    names.insert(names.end(), node.output().begin(), node.output().end());
  return names[draw(names.size())];
}

void Mutator::changeShape(proto::TensorProto &tensor) {
  auto &dims = *tensor.mutable_dims();
  switch (draw(dims.empty() ? 1 : 4)) {
  case 0:
    return dims.Add(draw(2) ? 1 : pick(kIntegers));
  case 1:
    return dims.RemoveLast();
  case 2: // The same number of elements.
    dims.Add(1);
    return dims.SwapElements(draw(dims.size()), dims.size() - 1);
  default:
    int at = draw(dims.size());
    dims.Set(at, changed(dims.Get(at)));
  }
}

void Mutator::changeBytes(proto::TensorProto &tensor) {
  std::string &bytes = *tensor.mutable_raw_data();
  size_t at = draw(bytes.size());
  float number = pick(kFloats);
  int64_t integer = pick(kIntegers);
  if (tensor.data_type() == proto::TensorProto::FLOAT && bytes.size() >= 4)
    std::memcpy(bytes.data() + at / 4 * 4, &number, 4);
  else if (tensor.data_type() == proto::TensorProto::INT64 && bytes.size() >= 8)
    std::memcpy(bytes.data() + at / 8 * 8, &integer, 8);
  else if (!bytes.empty())
    bytes[at] = char(random());
}

void Mutator::changeTensor() {
  proto::TensorProto *tensor = pickFrom(graph.mutable_initializer());
  if (!tensor)
    return;
  switch (draw(6)) {
  case 0:
    return changeShape(*tensor);
  case 1:
    return tensor->set_data_type(draw(27));
  case 2: // A tensor without elements, or of one.
    tensor->clear_dims();
    if (draw(2)) {
      tensor->add_dims(0);
      tensor->mutable_raw_data()->clear();
    } else
      tensor->mutable_raw_data()->resize(
          std::min<size_t>(tensor->raw_data().size(), 4));
    return;
  default:
    return changeBytes(*tensor);
  }
}

void Mutator::changeEdge() {
  proto::ValueInfoProto *edge = draw(3) ? pickFrom(graph.mutable_input())
                                : draw(2)
                                    ? pickFrom(graph.mutable_output())
                                    : pickFrom(graph.mutable_value_info());
  if (!edge)
    return;
  auto &type = *edge->mutable_type()->mutable_tensor_type();
  if (draw(4) == 0)
    return type.set_elem_type(draw(27));
  auto &dims = *type.mutable_shape()->mutable_dim();
  if (dims.empty() || draw(4) == 0)
    return dims.Add()->set_dim_value(pick(kIntegers));
  if (draw(4) == 0)
    return dims.RemoveLast();
  auto &dim = *pickFrom(&dims);
  dim.set_dim_value(changed(dim.dim_value()));
}

void Mutator::changeOperand(proto::NodeProto &node) {
  switch (draw(node.input_size() ? 4 : 1)) {
  case 0:
    return node.add_input(pickName());
  case 1:
    return node.mutable_input()->RemoveLast();
  default:
    node.set_input(draw(node.input_size()), pickName());
  }
}

void Mutator::changeAttribute(proto::NodeProto &node) {
  proto::AttributeProto *attribute = pickFrom(node.mutable_attribute());
  if (!attribute)
    return addAttribute(node);
  auto &integers = *attribute->mutable_ints();
  switch (draw(6)) {
  case 0:
    return node.mutable_attribute()->RemoveLast();
  case 1:
    return attribute->set_type(
        proto::AttributeProto::AttributeType(1 + draw(8)));
  case 2:
    return integers.Add(pick(kIntegers));
  default:
    attribute->set_i(changed(attribute->i()));
    attribute->set_f(pick(kFloats));
    if (!integers.empty()) {
      int at = draw(integers.size());
      integers.Set(at, changed(integers.Get(at)));
    }
  }
}

void Mutator::addAttribute(proto::NodeProto &node) {
  proto::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(pick(kAttributes));
  attribute.set_type(draw(2) ? proto::AttributeProto::INT
                             : proto::AttributeProto::INTS);
  attribute.set_i(pick(kIntegers));
  for (size_t i = 0, size = draw(5); i < size; ++i)
    attribute.add_ints(draw(3));
}

void Mutator::changeNode() {
  proto::NodeProto *node = pickFrom(graph.mutable_node());
  if (!node)
    return;
  switch (draw(6)) {
  case 0:
    return node->set_op_type(pick(kOperators));
  case 1:
    return node->set_domain(draw(2) ? "" : "com.microsoft");
  case 2:
  case 3:
    return changeOperand(*node);
  default:
    return changeAttribute(*node);
  }
}

/// Repeats, removes or moves a node.
void Mutator::changeNodes() {
  auto &nodes = *graph.mutable_node();
  if (nodes.empty())
    return;
  int at = draw(nodes.size()), other = draw(nodes.size());
  switch (draw(4)) {
  case 0:
    return nodes.DeleteSubrange(at, 1);
  case 1:
    return nodes.SwapElements(at, other);
  default: // One more operator between a tensor and one that reads it.
    proto::NodeProto copy = nodes.Get(at);
    if (copy.output_size() == 0 || nodes.Get(other).input_size() == 0)
      return;
    std::string name = "new" + std::to_string(random() % 1000000);
    copy.set_output(0, name);
    for (int i = 1; i < copy.output_size(); ++i)
      copy.set_output(i, name + "_" + std::to_string(i));
    if (copy.input_size())
      copy.set_input(0, nodes.Get(other).input(0));
    nodes.Mutable(other)->set_input(0, name);
    *nodes.Add() = copy;
    for (int i = nodes.size() - 1; i > other; --i)
      nodes.SwapElements(i, i - 1);
  }
}

void Mutator::changeOutput() {
  if (draw(3) == 0 && graph.output_size() > 1)
    return graph.mutable_output()->RemoveLast();
  if (draw(2))
    *graph.add_output() = graph.output(0);
  graph.mutable_output()->rbegin()->set_name(pickName());
}

void Mutator::mutate() {
  for (size_t i = 0, count = 1 + draw(3); i < count; ++i)
    switch (draw(12)) {
    case 0:
      changeEdge();
      break;
    case 1:
      changeOutput();
      break;
    case 2:
      if (auto *opset = pickFrom(model.mutable_opset_import()))
        opset->set_version(draw(4) ? draw(27) : pick(kIntegers));
      break;
    case 3:
    case 4:
      changeNodes();
      break;
    case 5:
    case 6:
    case 7:
      changeTensor();
      break;
    default:
      changeNode();
    }
}

std::optional<std::string> bitnn::mutateModel(llvm::StringRef bytes,
                                              unsigned seed) {
  proto::ModelProto model;
  // Every sixteenth change is blind.
  if (seed % 16 == 0 || !model.ParseFromArray(bytes.data(), bytes.size()) ||
      !model.graph().output_size())
    return std::nullopt;
  Mutator(model, seed / 16).mutate();
  return model.SerializeAsString();
}
