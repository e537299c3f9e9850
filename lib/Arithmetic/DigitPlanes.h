// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The digits of inputs as bits, one per row.

#ifndef BITNN_LIB_ARITHMETIC_DIGITPLANES_H
#define BITNN_LIB_ARITHMETIC_DIGITPLANES_H

#include "OpenDigits.h"
#include "SharedPair.h"

namespace bitnn {

/// For each input, shift and sign the set of rows that have this digit: how
/// often two inputs form a pair takes a few words to count.
class DigitPlanes {
public:
  DigitPlanes(unsigned numInputs, unsigned numRows, unsigned numShifts)
      : numShifts(numShifts), numWords((numRows + 63) / 64),
        words(size_t(numInputs) * numShifts * 2 * numWords) {}

  /// The digits of a row change. All shifts are below numShifts.
  void change(unsigned input, unsigned row, const DigitSet &from,
              const DigitSet &to) {
    for (bool negative : {false, true})
      for (uint64_t rest = from.get(negative) ^ to.get(negative); rest;
           rest &= rest - 1)
        getPlane(input, llvm::countr_zero(rest), negative)[row / 64] ^=
            uint64_t(1) << (row % 64);
  }

  /// Calls visit(pair, count) for the pairs of two inputs, those that compare
  /// greater last. Occurrences that exclude each other all count.
  template <typename Visit>
  void forEachPair(unsigned first, unsigned second, Visit visit) const {
    int span = numShifts - 1;
    for (int distance = -span; distance <= span; ++distance)
      for (bool isDifference : {false, true}) {
        SharedPair pair{first, second, distance, isDifference};
        visit(pair, count(pair));
      }
  }

private:
  unsigned count(SharedPair pair) const {
    unsigned sum = 0;
    unsigned end = numShifts - pair.secondShift();
    for (unsigned shift = pair.firstShift(); shift < end; ++shift)
      for (bool negative : {false, true}) {
        const uint64_t *firsts = getPlane(pair.first, shift, negative);
        const uint64_t *seconds = getPlane(pair.second, shift + pair.distance,
                                           negative != pair.isDifference);
        for (unsigned word = 0; word < numWords; ++word)
          sum += llvm::popcount(firsts[word] & seconds[word]);
      }
    return sum;
  }

  size_t getIndex(unsigned input, unsigned shift, bool negative) const {
    return ((size_t(input) * numShifts + shift) * 2 + negative) * numWords;
  }
  uint64_t *getPlane(unsigned input, unsigned shift, bool negative) {
    return &words[getIndex(input, shift, negative)];
  }
  const uint64_t *getPlane(unsigned input, unsigned shift,
                           bool negative) const {
    return &words[getIndex(input, shift, negative)];
  }

  unsigned numShifts;
  unsigned numWords;
  std::vector<uint64_t> words;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_DIGITPLANES_H
