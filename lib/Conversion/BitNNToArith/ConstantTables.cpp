// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ConstantTables.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace bitnn;

Value ConstantTables::get(LaneBuilder &builder, ArrayRef<int64_t> values,
                          unsigned bits) {
  auto elements = llvm::map_to_vector(values, [&](int64_t value) {
    return APInt(bits, value, /*isSigned=*/true, /*implicitTrunc=*/true);
  });
  Type element = builder.getIntegerType(bits);
  int64_t size = elements.size();
  auto type = MemRefType::get({size}, element);
  auto contents =
      DenseElementsAttr::get(RankedTensorType::get({size}, element), elements);

  SmallString<32> bytes;
  for (const APInt &value : elements)
    for (unsigned bit = 0; bit < bits; bit += 8)
      bytes.push_back(char(value.extractBitsAsZExtValue(8, bit)));
  std::string prefix = "bitnn_table_i" + std::to_string(bits) + "_" +
                       llvm::utohexstr(llvm::xxh3_64bits(bytes), true);
  std::string name = prefix;
  for (unsigned clash = 1;; ++clash) {
    Operation *symbol = symbols.lookup(name);
    if (!symbol)
      break;
    auto global = dyn_cast<memref::GlobalOp>(symbol);
    if (global && global.getInitialValueAttr() == contents &&
        global.getConstant())
      return memref::GetGlobalOp::create(builder, type, name);
    name = prefix + "_" + std::to_string(clash);
  }

  OpBuilder unattached(module.getContext());
  auto global = memref::GlobalOp::create(
      unattached, builder.getLoc(), name, unattached.getStringAttr("private"),
      type, contents,
      /*constant=*/true, /*alignment=*/IntegerAttr());
  symbols.insert(global, last ? std::next(Block::iterator(last))
                              : module.getBody()->begin());
  last = global;
  return memref::GetGlobalOp::create(builder, type, name);
}
