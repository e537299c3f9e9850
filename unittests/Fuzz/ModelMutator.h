// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Changes of ONNX models that keep them readable: random bytes alone seldom
// get behind the reader.

#ifndef BITNN_UNITTESTS_FUZZ_MODELMUTATOR_H
#define BITNN_UNITTESTS_FUZZ_MODELMUTATOR_H

#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace bitnn {

/// The model with some changes drawn by `seed`. Nothing for bytes that are no
/// model, and for some of the others, so that bytes are changed blindly too.
std::optional<std::string> mutateModel(llvm::StringRef bytes, unsigned seed);

} // namespace bitnn

#endif // BITNN_UNITTESTS_FUZZ_MODELMUTATOR_H
