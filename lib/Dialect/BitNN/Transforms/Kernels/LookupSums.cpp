// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sums of all outputs at one position, looked up in the tables of the
// inputs. Sums of a lane are widened to 16 bits after a chunk of groups, and to
// 32 bits after a window of chunks.

#include "LookupKernel.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bitnn;

namespace {
class SumBuilder {
public:
  SumBuilder(KernelBuilder &builder, const LookupForm &form, Value tables,
             Value indices)
      : builder(builder), form(form), tables(tables), indices(indices) {}

  /// Adds the planes [first, last) of a block. Carries the offset of its
  /// indices and the sums of its outputs.
  SmallVector<Value> sumPass(int64_t first, int64_t last, ValueRange carried);

  /// Vectors of a block: indices, and 16-bit or 32-bit sums of half of it.
  VectorType getLanes() {
    return VectorType::get(form.lookup.lanes,
                           builder.getIntegerType(form.lookup.laneBits));
  }
  VectorType getHalf(unsigned bits) {
    return VectorType::get(form.lookup.lanes / form.halves(),
                           builder.getIntegerType(bits));
  }

private:
  Value loadTablePart(Value offset, int64_t part);
  Value takeIndex(Value packed, int64_t place);
  SmallVector<Value> sumGroup(int64_t planes, ValueRange carried);
  SmallVector<Value> widen(ValueRange lanes, ValueRange sums);
  SmallVector<Value> addPlanes(int64_t first, ValueRange planes,
                               ValueRange sums);

  KernelBuilder &builder;
  const LookupForm &form;
  Value tables, indices;
};
} // namespace

Value SumBuilder::loadTablePart(Value offset, int64_t part) {
  int64_t entries = form.entries(), lanes = form.lookup.lanes;
  Value table =
      builder.load(builder.viewAt(tables, offset), part * entries, entries);
  if (entries == lanes)
    return table;
  SmallVector<int64_t> repeated;
  for (int64_t lane = 0; lane < lanes; ++lane)
    repeated.push_back(lane % entries);
  return vector::ShuffleOp::create(builder, table, table, repeated);
}

Value SumBuilder::takeIndex(Value packed, int64_t place) {
  unsigned bits = form.lookup.indexBits;
  VectorType type = getLanes();
  Value index = packed;
  if (place > 0)
    index = arith::ShRUIOp::create(builder, index,
                                   builder.constant(type, place * bits));
  if (form.lookup.ignoresHighBits || (place + 1) * bits == form.lookup.laneBits)
    return index;
  return arith::AndIOp::create(
      builder, index, builder.constant(type, (int64_t(1) << bits) - 1));
}

/// Adds the sums of one group in some planes. Carries the offsets in tables and
/// indices, and for each plane the parts of its sums.
SmallVector<Value> SumBuilder::sumGroup(int64_t planes, ValueRange carried) {
  auto intrinsic = builder.getStringAttr(form.lookup.intrinsic);
  SmallVector<Value> result(carried);
  SmallVector<Value> parts;
  for (int64_t part = 0; part < form.parts; ++part)
    parts.push_back(loadTablePart(carried[0], part));
  Value view = builder.viewAt(indices, carried[1]);
  Value packed;
  for (int64_t plane = 0; plane < planes; ++plane) {
    int64_t word = plane / form.indicesPerLane();
    int64_t place = plane % form.indicesPerLane();
    if (place == 0)
      packed = builder.load(view, word * form.lookup.lanes, form.lookup.lanes);
    Value index = takeIndex(packed, place);
    for (int64_t part = 0; part < form.parts; ++part) {
      Value found =
          LLVM::CallIntrinsicOp::create(builder, getLanes(), intrinsic,
                                        ValueRange{parts[part], index})
              .getResult(0);
      Value &sum = result[2 + plane * form.parts + part];
      sum = arith::AddIOp::create(builder, sum, found);
    }
  }
  int64_t words = llvm::divideCeil(planes, form.indicesPerLane());
  result[0] = builder.advance(carried[0], form.parts * form.entries());
  result[1] = builder.advance(carried[1], words * form.lookup.lanes);
  return result;
}

/// Adds the parts of the bytes of some planes to 16-bit sums: for each plane
/// those of the even bytes, and those of the odd ones.
SmallVector<Value> SumBuilder::widen(ValueRange lanes, ValueRange sums) {
  VectorType type = getHalf(16);
  SmallVector<Value> result(sums);
  for (size_t i = 0; i < lanes.size(); ++i) {
    size_t plane = i / form.parts, part = i % form.parts;
    Value words = vector::BitCastOp::create(builder, type, lanes[i]);
    for (int64_t half = 0; half < form.halves(); ++half) {
      Value bytes = half == 0
                        ? arith::AndIOp::create(builder, words,
                                                builder.constant(type, 0xff))
                              .getResult()
                        : arith::ShRUIOp::create(builder, words,
                                                 builder.constant(type, 8))
                              .getResult();
      if (part > 0)
        bytes = arith::ShLIOp::create(builder, bytes,
                                      builder.constant(type, form.partBits));
      Value &sum = result[plane * form.halves() + half];
      sum = arith::AddIOp::create(builder, sum, bytes);
    }
  }
  return result;
}

/// Adds 16-bit sums of the planes from `first` on to the sums of the outputs.
SmallVector<Value> SumBuilder::addPlanes(int64_t first, ValueRange planes,
                                         ValueRange sums) {
  VectorType type = getHalf(32);
  SmallVector<Value> result(sums);
  for (size_t i = 0; i < planes.size(); ++i) {
    int64_t plane = first + i / form.halves();
    Value term = arith::ExtUIOp::create(builder, type, planes[i]);
    if (plane > 0)
      term =
          arith::ShLIOp::create(builder, term, builder.constant(type, plane));
    Value &sum = result[i % form.halves()];
    // The last plane has the sign's weight.
    if (plane + 1 == form.planes)
      sum = arith::SubIOp::create(builder, sum, term);
    else
      sum = arith::AddIOp::create(builder, sum, term);
  }
  return result;
}

/// Adds the planes [first, last) of a block. Carries the offset of its indices
/// and the sums of its outputs.
SmallVector<Value> SumBuilder::sumPass(int64_t first, int64_t last,
                                       ValueRange carried) {
  int64_t planes = last - first;
  auto getZeros = [&](VectorType type, int64_t count) {
    return SmallVector<Value>(count, builder.constant(type, 0));
  };
  auto addGroups = [&](int64_t groups, ValueRange carried) {
    return forPieces(
        builder, groups, 1, carried,
        [&](int64_t, ValueRange carried) { return sumGroup(planes, carried); });
  };
  auto addChunk = [&](int64_t groups, ValueRange carried) {
    SmallVector<Value> narrow(carried.take_front(2));
    llvm::append_range(narrow, getZeros(getLanes(), planes * form.parts));
    narrow = addGroups(groups, narrow);
    SmallVector<Value> result = {narrow[0], narrow[1]};
    llvm::append_range(
        result, widen(ArrayRef(narrow).drop_front(2), carried.drop_front(2)));
    return result;
  };
  auto addWindow = [&](int64_t groups, ValueRange carried) {
    SmallVector<Value> wide(carried.take_front(2));
    llvm::append_range(wide, getZeros(getHalf(16), planes * form.halves()));
    wide = form.lookup.laneBits == 16
               ? addGroups(groups, wide)
               : forPieces(builder, groups, form.chunk, wide, addChunk);
    SmallVector<Value> result = {wide[0], wide[1]};
    llvm::append_range(result, addPlanes(first, ArrayRef(wide).drop_front(2),
                                         carried.drop_front(2)));
    return result;
  };
  SmallVector<Value> values = {builder.index(0)};
  llvm::append_range(values, carried);
  values = forPieces(builder, form.groups, form.window, values, addWindow);
  values.erase(values.begin());
  return values;
}

func::FuncOp bitnn::buildLookupSums(LookupKernel &kernel) {
  const LookupForm &form = kernel.form;
  SmallVector<uint16_t> packed = form.getIndices(kernel.layer.weights);
  memref::GlobalOp indexTable;
  if (form.lookup.laneBits == 16) {
    indexTable = kernel.createTable<uint16_t>("indices", packed);
  } else {
    SmallVector<uint8_t> bytes(packed.begin(), packed.end());
    indexTable = kernel.createTable<uint8_t>("indices", bytes);
  }
  SmallVector<int32_t> biases = form.getBias(kernel.layer);
  auto biasTable = kernel.createTable<int32_t>("bias", biases);

  func::FuncOp function = kernel.createFunction(
      "sums", {kernel.getTableBuffer(), kernel.getSumBuffer()});
  KernelBuilder builder(kernel.layer.op->getLoc(), function.getBody());
  auto getTable = [&](memref::GlobalOp global) -> Value {
    return memref::GetGlobalOp::create(builder, global.getType(),
                                       global.getSymName());
  };
  SumBuilder sums(builder, form, function.getArgument(0), getTable(indexTable));
  Value bias = getTable(biasTable);
  int64_t half = sums.getHalf(32).getNumElements();
  SmallVector<Value> starts = {builder.index(0), builder.index(0)};
  forPieces(
      builder, form.blocks, 1, starts,
      [&](int64_t, ValueRange offsets) -> SmallVector<Value> {
        SmallVector<Value> carried = {offsets[0]};
        Value biasView = builder.viewAt(bias, offsets[1]);
        for (int64_t i = 0; i < form.halves(); ++i)
          carried.push_back(builder.load(biasView, i * half, half));
        for (auto [first, last] : form.getPasses())
          carried = sums.sumPass(first, last, carried);
        Value sumView = builder.viewAt(function.getArgument(1), offsets[1]);
        for (int64_t i = 0; i < form.halves(); ++i)
          builder.store(carried[1 + i], sumView, i * half);
        return {carried[0], builder.advance(offsets[1], form.lookup.lanes)};
      });
  func::ReturnOp::create(builder);
  return function;
}
