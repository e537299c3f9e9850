// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operators that are functions of one number. Each is computed in float64
// and rounded to float32 once, as in the reference (bitnn.reference.functions):
// no other number depends on how a machine computes exp.

#include "Functions.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace bitnn::importer;

namespace {

/// The attributes of a node that functions have.
struct Parameters {
  double alpha, beta;
  bool isTanh;
};

using Scalar = double (*)(double, const Parameters &);

struct Entry {
  llvm::StringLiteral domain, name;
  Scalar function;
  /// Where it turns from falling to rising or back.
  std::vector<double> turns = {};
  double alpha = 0, beta = 0;
  /// The names of the attributes, if they are not alpha and beta.
  llvm::StringLiteral alphaName = "alpha", betaName = "beta";
};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
double gelu(double x, bool isTanh) {
  if (isTanh)
    return 0.5 * x *
           (1.0 +
            std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
}

// The minima of x * sigmoid(x), of GELU in its two forms, of x * tanh(log(1 +
// exp(x))), where they turn from falling to rising.
constexpr double kSwishTurn = -1.2784645427610738;
constexpr double kGeluTurn = -0.7517915246935645;
constexpr double kTanhGeluTurn = -0.7524614220710162;
constexpr double kMishTurn = -1.1924312514740386;
constexpr double kSeluAlpha = 1.67326319217681884765625;
constexpr double kSeluGamma = 1.05070102214813232421875;

constexpr llvm::StringLiteral kOnnx = "", kMicrosoft = "com.microsoft";

using P = const Parameters &;
const std::vector<Entry> &getEntries() {
  static const std::vector<Entry> entries = {
      {kOnnx, "Abs", [](double x, P) { return std::abs(x); }, {0}},
      {kOnnx, "Atan", [](double x, P) { return std::atan(x); }},
      {kOnnx, "Ceil", [](double x, P) { return std::ceil(x); }},
      {kOnnx,
       "Celu",
       [](double x, P p) {
         return std::max(x, 0.0) +
                std::min(0.0, p.alpha * std::expm1(x / p.alpha));
       },
       {},
       1.0},
      {kOnnx,
       "Elu",
       [](double x, P p) { return x < 0 ? p.alpha * std::expm1(x) : x; },
       {0},
       1.0},
      {kOnnx, "Erf", [](double x, P) { return std::erf(x); }},
      {kOnnx, "Exp", [](double x, P) { return std::exp(x); }},
      {kOnnx, "Floor", [](double x, P) { return std::floor(x); }},
      {kOnnx,
       "Gelu",
       [](double x, P p) { return gelu(x, p.isTanh); },
       {kTanhGeluTurn, kGeluTurn}},
      {kOnnx,
       "HardSigmoid",
       [](double x, P p) {
         return std::max(0.0, std::min(1.0, p.alpha * x + p.beta));
       },
       {},
       0.2f,
       0.5},
      {kOnnx,
       "HardSwish",
       [](double x, P) {
         return x * std::max(0.0, std::min(1.0, x / 6.0 + 0.5));
       },
       {-3, -1.5}},
      {kOnnx,
       "LeakyRelu",
       [](double x, P p) { return x < 0 ? p.alpha * x : x; },
       {0},
       0.01f},
      {kOnnx, "Log", [](double x, P) { return std::log(x); }, {0}},
      {kOnnx,
       "Mish",
       [](double x, P) { return x * std::tanh(softplus(x)); },
       {kMishTurn}},
      {kOnnx, "Neg", [](double x, P) { return -x; }},
      {kOnnx, "Reciprocal", [](double x, P) { return 1.0 / x; }, {0}},
      {kOnnx, "Round", [](double x, P) { return std::nearbyint(x); }},
      {kOnnx,
       "Selu",
       [](double x, P p) {
         return p.beta * (x > 0 ? x : p.alpha * std::expm1(x));
       },
       {0},
       kSeluAlpha,
       kSeluGamma,
       "alpha",
       "gamma"},
      {kOnnx,
       "Shrink",
       [](double x, P p) {
         return x < -p.alpha ? x + p.beta : x > p.alpha ? x - p.beta : 0.0;
       },
       {},
       0.5,
       0.0,
       "lambd",
       "bias"},
      {kOnnx, "Sigmoid", [](double x, P) { return sigmoid(x); }},
      {kOnnx, "Sign", [](double x, P) { return double((x > 0) - (x < 0)); }},
      {kOnnx, "Softplus", [](double x, P) { return softplus(x); }},
      {kOnnx, "Softsign", [](double x, P) { return x / (1 + std::abs(x)); }},
      {kOnnx, "Sqrt", [](double x, P) { return std::sqrt(x); }, {0}},
      {kOnnx,
       "Swish",
       [](double x, P p) { return x * sigmoid(p.alpha * x); },
       {kSwishTurn},
       1.0},
      {kOnnx, "Tanh", [](double x, P) { return std::tanh(x); }},
      {kOnnx,
       "ThresholdedRelu",
       [](double x, P p) { return x > p.alpha ? x : 0.0; },
       {0},
       1.0},
      {kMicrosoft,
       "Gelu",
       [](double x, P) { return gelu(x, false); },
       {kGeluTurn}},
      {kMicrosoft,
       "QuickGelu",
       [](double x, P p) { return x * sigmoid(p.alpha * x); },
       {kSwishTurn},
       1.702f},
  };
  return entries;
}

} // namespace

ArrayRef<std::pair<llvm::StringLiteral, llvm::StringLiteral>>
bitnn::importer::getFunctionNames() {
  static const auto names = [] {
    std::vector<std::pair<llvm::StringLiteral, llvm::StringLiteral>> names;
    for (const Entry &entry : getEntries())
      names.emplace_back(entry.domain, entry.name);
    return names;
  }();
  return names;
}

static FailureOr<Parameters> getParameters(const NodeContext &node,
                                           const Entry &entry) {
  FailureOr<float> alpha = node.getFloat(entry.alphaName, entry.alpha);
  if (failed(alpha))
    return failure();
  FailureOr<float> beta = node.getFloat(entry.betaName, entry.beta);
  if (failed(beta))
    return failure();
  FailureOr<std::string> approximate = node.getString("approximate", "none");
  if (failed(approximate))
    return failure();
  if (!std::isfinite(*alpha) || !std::isfinite(*beta))
    return node.refuse() << "its attributes must be finite";
  return Parameters{*alpha, *beta, *approximate == "tanh"};
}

/// The turns of an entry, which some attributes move.
static std::vector<float> getTurns(const Entry &entry, const Parameters &p) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (entry.name == "Shrink")
    return {float(-p.alpha), std::nextafter(float(p.alpha), kInfinity)};
  if (entry.name == "ThresholdedRelu")
    return {std::nextafter(float(p.alpha), kInfinity)};
  std::vector<float> turns(entry.turns.begin(), entry.turns.end());
  if (entry.name == "Swish" || entry.name == "QuickGelu")
    for (float &turn : turns)
      turn /= float(p.alpha);
  return turns;
}

Result bitnn::importer::importFunction(NodeContext &node) {
  const Entry *entry =
      llvm::find_if(ArrayRef(getEntries()), [&](const Entry &candidate) {
        return candidate.domain == node.node.domain &&
               candidate.name == node.node.op;
      });
  FailureOr<Parameters> parameters = getParameters(node, *entry);
  if (failed(parameters))
    return failure();
  Function function;
  function.apply = [scalar = entry->function, values = *parameters](
                       float x, int64_t) { return float(scalar(x, values)); };
  std::vector<float> turns = getTurns(*entry, *parameters);
  function.turns = {{turns}};
  return applyFunction(node, node.getOperand(0), function);
}
