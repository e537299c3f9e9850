// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Sharing.h"
#include "SharingSolver.h"
#include "llvm/Support/MathExtras.h"

namespace bitnn {

unsigned getMinimumDepth(const ConstantMatrix &matrix, Encoding encoding,
                         bool accumulate) {
  unsigned most = 1;
  for (unsigned row = 0; row < matrix.rows(); ++row) {
    unsigned terms = accumulate;
    for (int32_t weight : matrix.row(row))
      terms += countDigits(weight, encoding);
    most = std::max(most, terms);
  }
  return llvm::Log2_32_Ceil(most);
}

AdderGraph shareAdders(const ConstantMatrix &matrix,
                       const SharingOptions &options) {
  SharingSolver solver(matrix, options);
  solver.run();
  solver.anneal();
  return solver.getState().toGraph();
}

} // namespace bitnn
