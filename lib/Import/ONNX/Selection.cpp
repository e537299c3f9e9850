// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that select elements: Slice, Split, Gather, Expand, Tile, and those
// that rearrange blocks of pixels.

#include "Emit.h"
#include "Movements.h"

using namespace mlir;
using namespace bitnn::importer;

//===----------------------------------------------------------------------===//
// Slice, Split, Gather
//===----------------------------------------------------------------------===//

/// The indices start, start + step, .. before `end`, as Slice clamps them.
static Shape getIndices(int64_t start, int64_t end, int64_t step,
                        int64_t extent) {
  auto clamp = [&](int64_t bound, int64_t lowest, int64_t highest) {
    if (bound < 0)
      bound = bound < -extent ? lowest : bound + extent;
    return std::clamp(bound, lowest, highest);
  };
  Shape indices;
  if (step > 0) {
    end = clamp(end, 0, extent);
    for (int64_t i = clamp(start, 0, extent); i < end;
         i += std::min(step, extent))
      indices.push_back(i);
    return indices;
  }
  end = clamp(end, -1, extent - 1);
  for (int64_t i = clamp(start, 0, extent - 1); i > end;
       i += std::max(step, -extent))
    indices.push_back(i);
  return indices;
}

Result bitnn::importer::importSlice(NodeContext &node) {
  std::optional<Shape> parameters[4];
  static constexpr StringRef kNames[4] = {"starts", "ends", "axes", "steps"};
  for (auto [i, name] : llvm::enumerate(kNames)) {
    auto values = getIntegers(node, name, i + 1, /*opset=*/10);
    if (failed(values))
      return failure();
    parameters[i] = *values;
  }
  std::optional<Shape> &starts = parameters[0], &ends = parameters[1],
                       &axes = parameters[2], &steps = parameters[3];
  if (!starts || !ends)
    return node.refuse() << "its starts or ends are missing";
  size_t count = starts->size();
  if (!axes)
    axes = llvm::to_vector<4>(llvm::seq<int64_t>(count));
  if (!steps)
    steps = Shape(count, 1);
  if (ends->size() != count || axes->size() != count ||
      steps->size() != count || llvm::is_contained(*steps, 0))
    return node.refuse() << "its starts, ends, axes and steps disagree";
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    Movement movement = selectAll(node, shape);
    for (size_t i = 0; i < count; ++i) {
      auto axis = normalizeAxis(node, (*axes)[i], shape.size());
      if (failed(axis))
        return failure();
      select(movement, *axis,
             getIndices((*starts)[i], (*ends)[i], (*steps)[i], shape[*axis]));
    }
    return Movements{movement};
  });
}

/// The extents of the outputs of a Split.
static FailureOr<Shape> getSplit(NodeContext &node, int64_t extent) {
  auto given = getIntegers(node, "split", /*operand=*/1, /*opset=*/13);
  if (failed(given))
    return failure();
  size_t outputs = node.node.outputs.size();
  if (!*given) {
    // The last one may be smaller (num_outputs, since opset 18).
    int64_t each = (extent + outputs - 1) / outputs;
    *given = Shape(outputs - 1, each);
    (*given)->push_back(extent - each * (outputs - 1));
  }
  int64_t sum = 0;
  bool valid = (*given)->size() == outputs;
  for (int64_t part : **given) {
    valid &= part > 0 && part <= extent;
    sum += valid ? part : 0;
  }
  if (!valid || sum != extent)
    return node.refuse() << "it splits " << extent << " elements into "
                         << outputs << " parts of " << toString(**given);
  return **given;
}

Result bitnn::importer::importSplit(NodeContext &node) {
  FailureOr<int64_t> attribute = node.getInt("axis", 0);
  if (failed(attribute))
    return failure();
  Result first = failure();
  for (size_t i = 0; i < node.node.outputs.size(); ++i) {
    Result part =
        move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
          auto axis = normalizeAxis(node, *attribute, shape.size());
          if (failed(axis))
            return failure();
          FailureOr<Shape> extents = getSplit(node, shape[*axis]);
          if (failed(extents))
            return failure();
          int64_t start = 0;
          for (size_t before = 0; before < i; ++before)
            start += (*extents)[before];
          Movement movement = selectAll(node, shape);
          select(movement, *axis,
                 llvm::to_vector<4>(llvm::seq(start, start + (*extents)[i])));
          return Movements{movement};
        });
    if (failed(part))
      return failure();
    if (auto *integers = std::get_if<Integers>(&*part))
      integers->tensor = node.node.outputs[i];
    if (i == 0)
      first = std::move(part);
    else
      node.furtherResults[i] = std::move(*part);
  }
  return first;
}

Result bitnn::importer::importGather(NodeContext &node) {
  FailureOr<int64_t> attribute = node.getInt("axis", 0);
  if (failed(attribute))
    return failure();
  auto indices = getIntegers(node, "indices", /*operand=*/1, /*opset=*/1);
  if (failed(indices))
    return failure();
  auto *operand = node.getIf<Constant>(1);
  if (!*indices || !operand)
    return node.refuse() << "its indices are missing";
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    auto axis = normalizeAxis(node, *attribute, shape.size());
    if (failed(axis))
      return failure();
    Shape selected = **indices;
    for (int64_t &index : selected) {
      int64_t given = index;
      index += index < 0 ? shape[*axis] : 0;
      if (index < 0 || index >= shape[*axis])
        return node.refuse() << "index " << given << " is not one of "
                             << shape[*axis] << " elements";
    }
    Movement movement = selectAll(node, shape);
    select(movement, *axis, selected);
    // The dimensions of the indices take the place of the axis.
    Shape result(shape);
    result.erase(result.begin() + *axis);
    result.insert(result.begin() + *axis, operand->tensor->shape.begin(),
                  operand->tensor->shape.end());
    Movements movements = {movement};
    movements.push_back(Movement{{}, result, node.loc});
    return movements;
  });
}

//===----------------------------------------------------------------------===//
// Expand, Tile
//===----------------------------------------------------------------------===//

Result bitnn::importer::importExpand(NodeContext &node) {
  auto target = getIntegers(node, "shape", /*operand=*/1, /*opset=*/8);
  if (failed(target))
    return failure();
  if (!*target)
    return node.refuse() << "its shape is missing";
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    auto result = getBroadcastShape(shape, **target);
    if (!result || llvm::any_of(*result, [](int64_t e) { return e < 1; }))
      return node.refuse() << "a tensor of shape " << toString(shape)
                           << " cannot be broadcast to " << toString(**target);
    if (failed(checkShape(node, *result)))
      return failure();
    Shape aligned(result->size() - shape.size(), 1);
    llvm::append_range(aligned, shape);
    Movements movements = reshape(node, aligned);
    Movement movement = selectAll(node, aligned);
    for (auto [axis, extent] : llvm::enumerate(*result))
      if (extent != aligned[axis])
        select(movement, axis, Shape(extent, 0));
    movements.push_back(movement);
    return movements;
  });
}

Result bitnn::importer::importTile(NodeContext &node) {
  auto repeats = getIntegers(node, "repeats", /*operand=*/1, /*opset=*/6);
  if (failed(repeats))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    if (!*repeats || (*repeats)->size() != shape.size() ||
        llvm::any_of(**repeats, [](int64_t n) { return n < 1; }))
      return node.refuse() << "it needs one repeat of at least 1 for each of "
                           << shape.size() << " dimensions";
    Shape result(shape);
    for (auto [extent, count] : llvm::zip_equal(result, **repeats))
      if (llvm::MulOverflow(count, extent, extent))
        return node.refuse() << "its result is too large";
    if (failed(checkShape(node, result)))
      return failure();
    Movement movement = selectAll(node, shape);
    for (auto [axis, size] : llvm::enumerate(result)) {
      Shape indices;
      for (int64_t i = 0; i < size; ++i)
        indices.push_back(i % shape[axis]);
      select(movement, axis, indices);
    }
    return Movements{movement};
  });
}

//===----------------------------------------------------------------------===//
// DepthToSpace, SpaceToDepth
//===----------------------------------------------------------------------===//

static Movement transpose(NodeContext &node, ArrayRef<int64_t> shape,
                          ArrayRef<int64_t> permutation) {
  Movement movement{Shape(permutation), {}, node.loc};
  for (int64_t axis : permutation)
    movement.shape.push_back(shape[axis]);
  return movement;
}

static FailureOr<int64_t> getBlockSize(NodeContext &node) {
  FailureOr<int64_t> block = node.getInt("blocksize", 0);
  if (succeeded(block) && (*block < 1 || *block > INT16_MAX))
    return node.refuse() << "blocksize = " << *block << " is not supported";
  return block;
}

Result bitnn::importer::importDepthToSpace(NodeContext &node) {
  FailureOr<int64_t> block = getBlockSize(node);
  if (failed(block))
    return failure();
  FailureOr<std::string> mode = node.getString("mode", "DCR");
  if (failed(mode))
    return failure();
  if (*mode != "DCR" && *mode != "CRD")
    return node.refuse() << "mode = " << quote(*mode) << " is not DCR or CRD";
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    int64_t b = *block;
    if (shape.size() != 4 || shape[1] % (b * b))
      return node.refuse() << "a tensor of shape " << toString(shape)
                           << " has no blocks of " << b << "x" << b
                           << " channels";
    int64_t n = shape[0], c = shape[1] / (b * b), h = shape[2], w = shape[3];
    Shape split =
        *mode == "DCR" ? Shape{n, b, b, c, h, w} : Shape{n, c, b, b, h, w};
    Shape order =
        *mode == "DCR" ? Shape{0, 3, 4, 1, 5, 2} : Shape{0, 1, 4, 2, 5, 3};
    Movements movements = reshape(node, split);
    movements.push_back(transpose(node, split, order));
    movements.push_back(Movement{{}, {n, c, h * b, w * b}, node.loc});
    return movements;
  });
}

Result bitnn::importer::importSpaceToDepth(NodeContext &node) {
  FailureOr<int64_t> block = getBlockSize(node);
  if (failed(block))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    int64_t b = *block;
    if (shape.size() != 4 || shape[2] % b || shape[3] % b)
      return node.refuse() << "a tensor of shape " << toString(shape)
                           << " has no blocks of " << b << "x" << b
                           << " pixels";
    int64_t n = shape[0], c = shape[1], h = shape[2] / b, w = shape[3] / b;
    Shape split = {n, c, h, b, w, b};
    Movements movements = reshape(node, split);
    movements.push_back(transpose(node, split, {0, 3, 5, 1, 2, 4}));
    movements.push_back(Movement{{}, {n, c * b * b, h, w}, node.loc});
    return movements;
  });
}
