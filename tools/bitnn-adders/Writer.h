// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_TOOLS_BITNN_ADDERS_WRITER_H
#define BITNN_TOOLS_BITNN_ADDERS_WRITER_H

#include "Solution.h"

namespace bitnn {

/// For people: one adder or instruction per line, then what is known of all.
/// Inputs are x0, x1, ..; starts of accumulators s0, s1, ..; outputs y0, y1,
/// ..; programs add to accumulators that are stored in y.
void writeText(const Solution &solution, llvm::raw_ostream &os);

/// The same as JSON. Nodes are numbered as in AdderGraph: the inputs first.
/// `withCosts` adds what sharing took.
void writeJson(const Solution &solution, bool withCosts, llvm::raw_ostream &os);

} // namespace bitnn

#endif // BITNN_TOOLS_BITNN_ADDERS_WRITER_H
