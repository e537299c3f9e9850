// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer as lookups of sums (LookupForm.h). Three private functions are called
// at every position: one makes the tables of the inputs, one looks up the sums
// of all outputs, one turns them into stored values.

#include "KernelBuilder.h"
#include "LookupForm.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bitnn;

namespace {

/// A constant table of the module.
template <typename T>
memref::GlobalOp createTable(SymbolTable &symbols, const Layer &layer,
                             const Twine &name, ArrayRef<T> values) {
  OpBuilder builder(layer.op->getContext());
  Type element = builder.getIntegerType(8 * sizeof(T));
  int64_t size = values.size();
  auto contents = DenseElementsAttr::getFromRawBuffer(
      RankedTensorType::get({size}, element),
      ArrayRef(reinterpret_cast<const char *>(values.data()),
               size * sizeof(T)));
  // No vector of it should be in two cache lines.
  auto global = memref::GlobalOp::create(
      builder, layer.op->getLoc(), name.str(), builder.getStringAttr("private"),
      MemRefType::get({size}, element), contents, /*constant=*/true,
      builder.getI64IntegerAttr(64));
  symbols.insert(global,
                 Block::iterator(layer.op->getParentOfType<func::FuncOp>()));
  return global;
}

Value getTable(KernelBuilder &builder, memref::GlobalOp global) {
  return memref::GetGlobalOp::create(builder, global.getType(),
                                     global.getSymName());
}

/// `count` steps of work in pieces of `piece`, the last may be smaller: a loop,
/// if there are several, that carries `values`.
SmallVector<Value>
forPieces(KernelBuilder &builder, int64_t count, int64_t piece,
          ValueRange values,
          llvm::function_ref<SmallVector<Value>(int64_t, ValueRange)> body) {
  SmallVector<Value> carried(values);
  int64_t whole = count / piece;
  if (whole == 1) {
    carried = body(piece, carried);
  } else if (whole > 1) {
    auto loop =
        scf::ForOp::create(builder, builder.index(0), builder.index(whole),
                           builder.index(1), carried);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    scf::YieldOp::create(builder, body(piece, loop.getRegionIterArgs()));
    carried = loop.getResults();
  }
  if (count % piece != 0)
    carried = body(count % piece, carried);
  return carried;
}

class LookupBuilder {
public:
  LookupBuilder(SymbolTable &symbols, const Layer &layer, StringRef name,
                const LookupForm &form, int64_t epilogueLanes)
      : symbols(symbols), layer(layer), name(name), form(form),
        epilogueLanes(epilogueLanes), context(layer.op->getContext()) {}

  FailureOr<KernelStatistics> build();

private:
  func::FuncOp buildGather(Type inputType);
  func::FuncOp buildTables(Type inputType, int64_t step);
  func::FuncOp buildSums();
  FailureOr<func::FuncOp> buildStore(Type storedType, Type residualType);

  void storeSubsetSums(KernelBuilder &builder, Value view, int64_t step,
                       int64_t inputs, Value tables, Value tableOffset);
  SmallVector<Value> sumPass(KernelBuilder &builder, int64_t first,
                             int64_t last, ValueRange carried);
  SmallVector<Value> sumGroup(KernelBuilder &builder, int64_t planes,
                              ValueRange carried);
  SmallVector<Value> widen(KernelBuilder &builder, ValueRange lanes,
                           ValueRange sums);
  SmallVector<Value> addPlanes(KernelBuilder &builder, int64_t first,
                               ValueRange planes, ValueRange sums);
  Value loadTablePart(KernelBuilder &builder, Value offset, int64_t part);
  Value takeIndex(KernelBuilder &builder, Value packed, int64_t place);

  MemRefType getBuffer(int64_t size, Type element) {
    return MemRefType::get({size}, element);
  }
  MemRefType getBuffer(int64_t size, unsigned bits) {
    return getBuffer(size, IntegerType::get(context, bits));
  }
  /// Vectors of a block: indices, and 16-bit or 32-bit sums of half of it.
  VectorType getLanes() {
    return VectorType::get(form.lookup.lanes,
                           IntegerType::get(context, form.lookup.laneBits));
  }
  VectorType getHalf(unsigned bits) {
    return VectorType::get(form.lookup.lanes / form.halves(),
                           IntegerType::get(context, bits));
  }
  MemRefType getTableBuffer() {
    return getBuffer(form.groups * form.parts * form.entries(),
                     form.lookup.laneBits);
  }
  MemRefType getSumBuffer() { return getBuffer(form.paddedOutputs(), 32); }
  /// Whether lanes of outputs lie in a buffer as they do in a vector.
  bool isContiguous(const GridBuffer &buffer) const {
    return buffer.channelStep == 1 && layer.numOutputs() % epilogueLanes == 0;
  }
  /// The distance of neighbouring inputs, if all have the same.
  std::optional<int64_t> getInputStep() const;

  SymbolTable &symbols;
  const Layer &layer;
  StringRef name;
  const LookupForm &form;
  int64_t epilogueLanes;
  MLIRContext *context;
  int64_t tableBytes = 0;
  /// Arguments of the function that is being built.
  Value tables, indices;
};

std::optional<int64_t> LookupBuilder::getInputStep() const {
  ArrayRef<int64_t> offsets = layer.inputOffsets;
  if (offsets.size() < 2)
    return 1;
  int64_t step = offsets[1] - offsets[0];
  for (size_t i = 0; i + 1 < offsets.size(); ++i)
    if (offsets[i + 1] - offsets[i] != step)
      return std::nullopt;
  return step;
}

//===----------------------------------------------------------------------===//
// Tables of the inputs
//===----------------------------------------------------------------------===//

/// func(input, offset, gathered): the inputs of one position, side by side.
func::FuncOp LookupBuilder::buildGather(Type inputType) {
  auto offsets = llvm::map_to_vector(
      layer.inputOffsets, [](int64_t offset) { return int32_t(offset); });
  auto global =
      createTable<int32_t>(symbols, layer, name + ".offsets", offsets);
  tableBytes += offsets.size() * sizeof(int32_t);
  int64_t size = offsets.size();
  func::FuncOp function =
      createKernel(symbols, layer, (name + ".gather").str(),
                   {inputType, IndexType::get(context),
                    getBuffer(size, layer.getInputElementType())});
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  Value offsetTable = getTable(builder, global);
  Value view = builder.viewAt(function.getArgument(0), function.getArgument(1));
  builder.loop(size, 1, {}, {}, [&](Value input, ValueRange) {
    Value offset = memref::LoadOp::create(builder, offsetTable, input);
    offset =
        arith::IndexCastUIOp::create(builder, builder.getIndexType(), offset);
    Value value = memref::LoadOp::create(builder, view, offset);
    memref::StoreOp::create(builder, value, function.getArgument(2), input);
  });
  func::ReturnOp::create(builder);
  return function;
}

/// The sums of all subsets of `inputs` inputs: entry i has those whose bit is
/// in i.
void LookupBuilder::storeSubsetSums(KernelBuilder &builder, Value view,
                                    int64_t step, int64_t inputs, Value tables,
                                    Value tableOffset) {
  int64_t entries = form.entries();
  auto type = VectorType::get(entries, builder.getIntegerType(16));
  auto getConstant = [&](llvm::function_ref<int64_t(int64_t)> get) -> Value {
    SmallVector<int16_t> values;
    for (int64_t entry = 0; entry < entries; ++entry)
      values.push_back(get(entry));
    return arith::ConstantOp::create(
        builder, DenseElementsAttr::get(type, ArrayRef<int16_t>(values)));
  };
  Value sums;
  for (int64_t input = 0; input < inputs; ++input) {
    Value value = builder.resize(builder.load(view, input * step, 1), 16);
    value = vector::BroadcastOp::create(builder, type, value);
    Value chosen =
        getConstant([&](int64_t entry) { return -(entry >> input & 1); });
    value = arith::AndIOp::create(builder, value, chosen);
    sums = sums ? arith::AddIOp::create(builder, sums, value) : value;
  }
  int64_t counted = (int64_t(1) << inputs) - 1;
  if (form.lowest != 0)
    sums = arith::SubIOp::create(
        builder, sums, getConstant([&](int64_t entry) {
          return form.lowest * llvm::popcount(uint64_t(entry & counted));
        }));
  Value tableView = builder.viewAt(tables, tableOffset);
  for (int64_t part = 0; part < form.parts; ++part) {
    Value cut = sums;
    if (form.parts > 1 && part == 0)
      cut = arith::AndIOp::create(
          builder, cut,
          builder.constant(type, (int64_t(1) << form.partBits) - 1));
    if (part > 0)
      cut = arith::ShRUIOp::create(builder, cut,
                                   builder.constant(type, form.partBits));
    builder.store(builder.resize(cut, form.lookup.laneBits), tableView,
                  part * entries);
  }
}

/// func(input, offset, tables)
func::FuncOp LookupBuilder::buildTables(Type inputType, int64_t step) {
  func::FuncOp function =
      createKernel(symbols, layer, (name + ".tables").str(),
                   {inputType, IndexType::get(context), getTableBuffer()});
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  int64_t perGroup = form.lookup.indexBits;
  SmallVector<Value> starts = {function.getArgument(1), builder.index(0)};
  forPieces(builder, layer.weights.columns(), perGroup, starts,
            [&](int64_t inputs, ValueRange offsets) -> SmallVector<Value> {
              Value view = builder.viewAt(function.getArgument(0), offsets[0]);
              storeSubsetSums(builder, view, step, inputs,
                              function.getArgument(2), offsets[1]);
              return {builder.advance(offsets[0], perGroup * step),
                      builder.advance(offsets[1], form.parts * form.entries())};
            });
  func::ReturnOp::create(builder);
  return function;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

Value LookupBuilder::loadTablePart(KernelBuilder &builder, Value offset,
                                   int64_t part) {
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

Value LookupBuilder::takeIndex(KernelBuilder &builder, Value packed,
                               int64_t place) {
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
SmallVector<Value> LookupBuilder::sumGroup(KernelBuilder &builder,
                                           int64_t planes, ValueRange carried) {
  auto intrinsic = builder.getStringAttr(form.lookup.intrinsic);
  SmallVector<Value> result(carried);
  SmallVector<Value> parts;
  for (int64_t part = 0; part < form.parts; ++part)
    parts.push_back(loadTablePart(builder, carried[0], part));
  Value view = builder.viewAt(indices, carried[1]);
  Value packed;
  for (int64_t plane = 0; plane < planes; ++plane) {
    int64_t word = plane / form.indicesPerLane();
    int64_t place = plane % form.indicesPerLane();
    if (place == 0)
      packed = builder.load(view, word * form.lookup.lanes, form.lookup.lanes);
    Value index = takeIndex(builder, packed, place);
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
SmallVector<Value> LookupBuilder::widen(KernelBuilder &builder,
                                        ValueRange lanes, ValueRange sums) {
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
SmallVector<Value> LookupBuilder::addPlanes(KernelBuilder &builder,
                                            int64_t first, ValueRange planes,
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
SmallVector<Value> LookupBuilder::sumPass(KernelBuilder &builder, int64_t first,
                                          int64_t last, ValueRange carried) {
  int64_t planes = last - first;
  auto getZeros = [&](VectorType type, int64_t count) {
    return SmallVector<Value>(count, builder.constant(type, 0));
  };
  auto addGroups = [&](int64_t groups, ValueRange carried) {
    return forPieces(builder, groups, 1, carried,
                     [&](int64_t, ValueRange carried) {
                       return sumGroup(builder, planes, carried);
                     });
  };
  auto addChunk = [&](int64_t groups, ValueRange carried) {
    SmallVector<Value> narrow(carried.take_front(2));
    llvm::append_range(narrow, getZeros(getLanes(), planes * form.parts));
    narrow = addGroups(groups, narrow);
    SmallVector<Value> result = {narrow[0], narrow[1]};
    llvm::append_range(result, widen(builder, ArrayRef(narrow).drop_front(2),
                                     carried.drop_front(2)));
    return result;
  };
  auto addWindow = [&](int64_t groups, ValueRange carried) {
    SmallVector<Value> wide(carried.take_front(2));
    llvm::append_range(wide, getZeros(getHalf(16), planes * form.halves()));
    wide = form.lookup.laneBits == 16
               ? addGroups(groups, wide)
               : forPieces(builder, groups, form.chunk, wide, addChunk);
    SmallVector<Value> result = {wide[0], wide[1]};
    llvm::append_range(result,
                       addPlanes(builder, first, ArrayRef(wide).drop_front(2),
                                 carried.drop_front(2)));
    return result;
  };
  SmallVector<Value> values = {builder.index(0)};
  llvm::append_range(values, carried);
  values = forPieces(builder, form.groups, form.window, values, addWindow);
  values.erase(values.begin());
  return values;
}

/// func(tables, sums)
func::FuncOp LookupBuilder::buildSums() {
  SmallVector<uint16_t> packed = form.getIndices(layer.weights);
  memref::GlobalOp indexTable;
  if (form.lookup.laneBits == 16) {
    indexTable =
        createTable<uint16_t>(symbols, layer, name + ".indices", packed);
  } else {
    SmallVector<uint8_t> bytes(packed.begin(), packed.end());
    indexTable = createTable<uint8_t>(symbols, layer, name + ".indices", bytes);
  }
  SmallVector<int32_t> biases = form.getBias(layer);
  auto biasTable = createTable<int32_t>(symbols, layer, name + ".bias", biases);
  tableBytes += packed.size() * form.lookup.laneBits / 8 + biases.size() * 4;

  func::FuncOp function = createKernel(symbols, layer, (name + ".sums").str(),
                                       {getTableBuffer(), getSumBuffer()});
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  tables = function.getArgument(0);
  indices = getTable(builder, indexTable);
  Value bias = getTable(builder, biasTable);
  VectorType half = getHalf(32);
  SmallVector<Value> starts = {builder.index(0), builder.index(0)};
  forPieces(
      builder, form.blocks, 1, starts,
      [&](int64_t, ValueRange offsets) -> SmallVector<Value> {
        SmallVector<Value> carried = {offsets[0]};
        Value biasView = builder.viewAt(bias, offsets[1]);
        for (int64_t i = 0; i < form.halves(); ++i)
          carried.push_back(builder.load(biasView, i * half.getNumElements(),
                                         half.getNumElements()));
        for (auto [first, last] : form.getPasses())
          carried = sumPass(builder, first, last, carried);
        Value sums = builder.viewAt(function.getArgument(1), offsets[1]);
        for (int64_t i = 0; i < form.halves(); ++i)
          builder.store(carried[1 + i], sums, i * half.getNumElements());
        return {carried[0], builder.advance(offsets[1], form.lookup.lanes)};
      });
  func::ReturnOp::create(builder);
  return function;
}

//===----------------------------------------------------------------------===//
// Stored values
//===----------------------------------------------------------------------===//

/// Copies `count` elements, each side with its step.
void copyElements(KernelBuilder &builder, int64_t count, Value from,
                  Value fromOffset, int64_t fromStep, Value to, Value toOffset,
                  int64_t toStep) {
  builder.loop(count, 1, {fromOffset, toOffset}, {fromStep, toStep},
               [&](Value, ValueRange offsets) {
                 Value value =
                     memref::LoadOp::create(builder, from, offsets[0]);
                 memref::StoreOp::create(builder, value, to, offsets[1]);
               });
}

/// func(sums, stored, offset, row[, residual, offset, row]): the rows hold
/// what cannot be read or written as vectors.
FailureOr<func::FuncOp> LookupBuilder::buildStore(Type storedType,
                                                  Type residualType) {
  auto indexType = IndexType::get(context);
  auto getRow = [&](Type type) {
    return getBuffer(form.paddedOutputs(),
                     cast<MemRefType>(type).getElementType());
  };
  SmallVector<Type> types = {getSumBuffer(), storedType, indexType,
                             getRow(storedType)};
  if (residualType)
    types.append({residualType, indexType, getRow(residualType)});
  func::FuncOp function =
      createKernel(symbols, layer, (name + ".store").str(), types);
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  auto argument = [&](unsigned i) -> Value { return function.getArgument(i); };

  int64_t outputs = layer.numOutputs();
  Value zero = builder.index(0);
  // Where lanes are loaded and stored.
  Value storedView = argument(3), residualView;
  if (isContiguous(layer.init))
    storedView = builder.viewAt(argument(1), argument(2));
  if (residualType && isContiguous(layer.residual)) {
    residualView = builder.viewAt(argument(4), argument(5));
  } else if (residualType) {
    residualView = argument(6);
    copyElements(builder, outputs, argument(4), argument(5),
                 layer.residual.channelStep, residualView, zero, 1);
  }
  LogicalResult result = success();
  builder.loop(outputs, epilogueLanes, {}, {}, [&](Value output, ValueRange) {
    auto load = [&](Value view) -> Value {
      Type element = cast<MemRefType>(view.getType()).getElementType();
      return vector::LoadOp::create(
          builder, VectorType::get(epilogueLanes, element), view, output);
    };
    FailureOr<Value> stored = applyEpilogue(
        builder, layer, load(argument(0)), output,
        residualType ? load(residualView) : Value(), LaneKind::Channels);
    if (failed(stored)) {
      result = failure();
      return;
    }
    vector::StoreOp::create(builder, *stored, storedView, output);
  });
  if (!isContiguous(layer.init))
    copyElements(builder, outputs, storedView, zero, 1, argument(1),
                 argument(2), layer.init.channelStep);
  func::ReturnOp::create(builder);
  if (failed(result))
    return failure();
  return function;
}

FailureOr<KernelStatistics> LookupBuilder::build() {
  KernelBuilder builder(layer.op->getLoc(), layer.op);
  SmallVector<const GridBuffer *> buffers = {&layer.input, &layer.init};
  if (layer.hasResidual())
    buffers.push_back(&layer.residual);
  SmallVector<Value> flat;
  for (const GridBuffer *buffer : buffers)
    flat.push_back(flatten(builder, *buffer));

  auto allocate = [&](MemRefType type) -> Value {
    return memref::AllocOp::create(builder, type);
  };
  std::optional<int64_t> step = getInputStep();
  func::FuncOp gather;
  Value gathered;
  if (!step) {
    gather = buildGather(flat[0].getType());
    gathered = allocate(cast<MemRefType>(gather.getArgumentTypes()[2]));
  }
  func::FuncOp makeTables = buildTables(
      gather ? gathered.getType() : flat[0].getType(), step.value_or(1));
  func::FuncOp makeSums = buildSums();
  FailureOr<func::FuncOp> store = buildStore(
      flat[1].getType(), layer.hasResidual() ? flat[2].getType() : Type());
  if (failed(store))
    return failure();

  Value tableBuffer = allocate(getTableBuffer());
  Value sumBuffer = allocate(getSumBuffer());
  SmallVector<Value> rows;
  for (size_t i = 1; i < flat.size(); ++i)
    rows.push_back(
        allocate(cast<MemRefType>(store->getArgumentTypes()[3 * i])));
  auto call = [&](func::FuncOp function, ValueRange operands) {
    func::CallOp::create(builder, function, operands);
  };
  auto steps = llvm::map_to_vector(
      buffers, [](const GridBuffer *buffer) { return buffer->steps[Column]; });
  forEachRow(builder, layer, buffers, layer.grid[Row], [&](ValueRange row) {
    builder.loop(
        layer.grid[Column], 1, row, steps, [&](Value, ValueRange offsets) {
          if (gather) {
            call(gather, {flat[0], offsets[0], gathered});
            call(makeTables, {gathered, builder.index(0), tableBuffer});
          } else {
            call(makeTables, {flat[0], offsets[0], tableBuffer});
          }
          call(makeSums, {tableBuffer, sumBuffer});
          SmallVector<Value> operands = {sumBuffer};
          for (size_t i = 1; i < flat.size(); ++i)
            operands.append({flat[i], offsets[i], rows[i - 1]});
          call(*store, operands);
        });
  });
  layer.op->erase();

  KernelStatistics statistics;
  statistics.groups = 1;
  statistics.tableBytes = tableBytes;
  return statistics;
}

} // namespace

FailureOr<KernelStatistics> bitnn::buildLookupKernel(SymbolTable &symbols,
                                                     const Layer &layer,
                                                     StringRef name,
                                                     const LookupForm &form,
                                                     int64_t epilogueLanes) {
  return LookupBuilder(symbols, layer, name, form, epilogueLanes).build();
}
