// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Several objects as one, as `ld -r` would join them.

#ifndef BITNN_COMPILER_OBJECTMERGER_H
#define BITNN_COMPILER_OBJECTMERGER_H

#include "bitnn/TargetInfo/TargetInfo.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"

namespace bitnn {

/// Joins ELF objects of one machine: sections of one name follow each other in
/// the order of the objects, references between them are kept as relocations,
/// and hidden symbols, which only the objects themselves can refer to, become
/// local. Errors: no ELF object with explicit addends, a kind of section,
/// symbol or relocation that our code does not have.
llvm::Expected<llvm::SmallString<0>>
mergeObjects(llvm::ArrayRef<llvm::SmallString<0>> objects, llvm::StringRef name,
             const TargetNames &target);

} // namespace bitnn

#endif // BITNN_COMPILER_OBJECTMERGER_H
