// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The instructions with which a machine looks up the bytes of a vector in a
// table.

#ifndef BITNN_TARGETINFO_BYTETABLES_H
#define BITNN_TARGETINFO_BYTETABLES_H

#include "llvm/ADT/StringRef.h"

namespace bitnn {

struct ByteTables {
  enum Kind {
    None,
    /// pshufb: 16 entries in each 16 bytes of a vector, 0 for negative bytes.
    Pshufb,
    /// vpermi2b: 128 entries.
    Vpermi2b,
    /// tbl and tbx: 64 entries, others are left alone.
    Tbl
  };
  Kind kind = None;
  /// Bytes of the widest vector of the instruction.
  int64_t bytes = 0;
};

/// The tables of a machine by LLVM's names.
ByteTables getByteTables(llvm::StringRef triple, llvm::StringRef cpu,
                         llvm::StringRef features);

} // namespace bitnn

#endif // BITNN_TARGETINFO_BYTETABLES_H
