// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/CodeParts.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace bitnn {

static int64_t countOperations(Operation *symbol) {
  int64_t count = 0;
  symbol->walk([&](Operation *) { ++count; });
  return count;
}

/// `symbol` without what it is: only its name and type.
static Operation *declare(Operation *symbol, OpBuilder &builder) {
  Operation *declaration = symbol->cloneWithoutRegions();
  auto visibility = SymbolTable::Visibility::Private;
  if (auto global = dyn_cast<memref::GlobalOp>(declaration)) {
    global.removeInitialValueAttr();
    // A private one would be lowered to a definition.
    visibility = SymbolTable::Visibility::Public;
  }
  SymbolTable::setSymbolVisibility(declaration, visibility);
  return builder.insert(declaration);
}

/// The symbols that a part refers to, in the order in which it does.
static llvm::SetVector<StringAttr> getReferences(ModuleOp part) {
  llvm::SetVector<StringAttr> names;
  for (Operation &symbol : part.getOps())
    if (auto uses = SymbolTable::getSymbolUses(&symbol))
      for (SymbolTable::SymbolUse use : *uses)
        names.insert(use.getSymbolRef().getRootReference());
  return names;
}

SmallVector<OwningOpRef<ModuleOp>> splitIntoParts(ModuleOp module,
                                                  int64_t operations) {
  SmallVector<OwningOpRef<ModuleOp>> parts;
  llvm::DenseMap<StringAttr, Operation *> symbols;
  int64_t room = 0;
  for (Operation &op : llvm::make_early_inc_range(module.getOps())) {
    if (room <= 0) {
      parts.push_back(ModuleOp::create(module.getLoc(), module.getName()));
      parts.back()->getOperation()->setAttrs(
          module->getDiscardableAttrDictionary());
      room = operations;
    }
    room -= countOperations(&op);
    op.remove();
    parts.back()->push_back(&op);
    if (auto symbol = dyn_cast<SymbolOpInterface>(op))
      symbols[symbol.getNameAttr()] = &op;
  }
  for (OwningOpRef<ModuleOp> &part : parts) {
    OpBuilder builder = OpBuilder::atBlockBegin(part->getBody());
    for (StringAttr name : getReferences(*part)) {
      Operation *symbol = symbols.lookup(name);
      if (!symbol || symbol->getParentOp() == *part)
        continue;
      declare(symbol, builder);
      SymbolTable::setSymbolVisibility(symbol, SymbolTable::Visibility::Public);
    }
  }
  return parts;
}

} // namespace bitnn
