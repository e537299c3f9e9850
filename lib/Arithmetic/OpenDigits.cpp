// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OpenDigits.h"
#include "llvm/Support/MathExtras.h"
#include <array>
#include <utility>

namespace bitnn {

DigitSet findMinimalDigits(int64_t value) {
  DigitSet digits;
  if (value == 0)
    return digits;
  // A minimal form has no digit below the lowest bit or above the highest one,
  // rounded up.
  uint64_t magnitude = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
  unsigned count = countDigits(value, Encoding::Csd);
  for (unsigned shift = llvm::countr_zero(magnitude);
       shift <= llvm::Log2_64_Ceil(magnitude); ++shift) {
    int64_t power = int64_t(1) << shift;
    if (countDigits(value - power, Encoding::Csd) < count)
      digits.positive |= uint64_t(1) << shift;
    if (countDigits(value + power, Encoding::Csd) < count)
      digits.negative |= uint64_t(1) << shift;
  }
  return digits;
}

namespace {
/// The digits of small values, found once.
class DigitTable {
public:
  struct Entry {
    DigitSet digits;
    uint8_t count;
  };

  DigitTable() {
    for (int64_t value = -limit; value <= limit; ++value)
      entries[value + limit] = find(value);
  }

  static Entry find(int64_t value) {
    return {findMinimalDigits(value),
            uint8_t(countDigits(value, Encoding::Csd))};
  }

  Entry get(int64_t value) const {
    return -limit <= value && value <= limit ? entries[value + limit]
                                             : find(value);
  }

private:
  static constexpr int64_t limit = 1 << 10;
  std::array<Entry, 2 * limit + 1> entries;
};
} // namespace

void OpenDigits::setOpen(int64_t newValue) {
  static const DigitTable table;
  DigitTable::Entry entry = table.get(newValue);
  value = newValue;
  digits = entry.digits;
  digitCount = entry.count;
}

OpenDigits OpenDigits::scaled(unsigned shift, bool negated) const {
  if (isOpen) {
    int64_t power = int64_t(1) << shift;
    return open(value * (negated ? -power : power));
  }
  DigitSet set = {digits.positive << shift, digits.negative << shift};
  if (negated)
    std::swap(set.positive, set.negative);
  return fixed(set);
}

llvm::SmallVector<Digit, 8> OpenDigits::getForm() const {
  if (isOpen)
    return encode(value, Encoding::Csd);
  llvm::SmallVector<Digit, 8> form;
  for (uint64_t rest = digits.positive | digits.negative; rest;
       rest &= rest - 1) {
    unsigned shift = llvm::countr_zero(rest);
    form.push_back({shift, has(shift, true)});
  }
  return form;
}

} // namespace bitnn
