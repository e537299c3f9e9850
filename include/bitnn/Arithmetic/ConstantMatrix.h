// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constant matrix of a layer: one row per output, one column per input.

#ifndef BITNN_ARITHMETIC_CONSTANTMATRIX_H
#define BITNN_ARITHMETIC_CONSTANTMATRIX_H

#include "llvm/ADT/ArrayRef.h"
#include <cassert>
#include <cstdint>
#include <vector>

namespace bitnn {

/// Integers in row-major order: y = matrix * x, with rows() outputs y and
/// columns() inputs x.
class ConstantMatrix {
public:
  ConstantMatrix() = default;
  /// All zeros.
  ConstantMatrix(unsigned rows, unsigned columns)
      : numRows(rows), numColumns(columns), values(size_t(rows) * columns) {}
  /// `values` are rows * columns integers, row by row.
  ConstantMatrix(unsigned rows, unsigned columns,
                 llvm::ArrayRef<int32_t> values)
      : numRows(rows), numColumns(columns),
        values(values.begin(), values.end()) {
    assert(values.size() == size_t(rows) * columns);
  }

  unsigned rows() const { return numRows; }
  unsigned columns() const { return numColumns; }

  int32_t at(unsigned row, unsigned column) const {
    assert(row < numRows && column < numColumns);
    return values[size_t(row) * numColumns + column];
  }
  int32_t &at(unsigned row, unsigned column) {
    assert(row < numRows && column < numColumns);
    return values[size_t(row) * numColumns + column];
  }
  llvm::ArrayRef<int32_t> row(unsigned index) const {
    assert(index < numRows);
    return llvm::ArrayRef(values).slice(size_t(index) * numColumns, numColumns);
  }

  /// The sub-matrix of the given rows and columns, in the given order.
  ConstantMatrix select(llvm::ArrayRef<unsigned> rows,
                        llvm::ArrayRef<unsigned> columns) const {
    ConstantMatrix result(rows.size(), columns.size());
    auto next = result.values.begin();
    for (unsigned row : rows)
      for (unsigned column : columns)
        *next++ = at(row, column);
    return result;
  }

  bool operator==(const ConstantMatrix &other) const {
    return numRows == other.numRows && numColumns == other.numColumns &&
           values == other.values;
  }
  bool operator!=(const ConstantMatrix &other) const {
    return !(*this == other);
  }

private:
  unsigned numRows = 0;
  unsigned numColumns = 0;
  std::vector<int32_t> values;
};

} // namespace bitnn

#endif // BITNN_ARITHMETIC_CONSTANTMATRIX_H
