// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Slopes.h"
#include "llvm/ADT/bit.h"
#include <algorithm>

namespace bitnn {

/// The corners of the upper hull (sign = 1) or lower hull (sign = -1).
static std::vector<Point> findHull(llvm::ArrayRef<Point> points, int sign) {
  std::vector<Point> hull;
  for (Point point : points) {
    while (hull.size() >= 2) {
      Point a = hull[hull.size() - 2], b = hull.back();
      Wide turn =
          Wide(b.x - a.x) * (point.y - a.y) - Wide(b.y - a.y) * (point.x - a.x);
      if (turn * sign < 0)
        break;
      hull.pop_back();
    }
    hull.push_back(point);
  }
  return hull;
}

std::optional<SlopeInterval> findSlopes(llvm::ArrayRef<Point> below,
                                        llvm::ArrayRef<Point> above) {
  SlopeInterval interval = {{0, 1}, {INT64_MAX, 1}};
  std::vector<Point> lowerHull = findHull(above, -1);
  for (Point a : findHull(below, 1))
    for (Point b : lowerHull) {
      if (a.x > b.x)
        interval.lower =
            std::max(interval.lower, Fraction{a.y - b.y, a.x - b.x});
      else if (a.x < b.x)
        interval.upper =
            std::min(interval.upper, Fraction{b.y - a.y, b.x - a.x});
      else if (a.y >= b.y)
        return std::nullopt;
    }
  if (interval.lower < interval.upper)
    return interval;
  return std::nullopt;
}

/// floor(fraction * 2^bits).
static Wide floorAt(Fraction fraction, int bits) {
  Wide numerator = fraction.numerator, denominator = fraction.denominator;
  (bits < 0 ? denominator : numerator) <<= bits < 0 ? -bits : bits;
  return numerator / denominator;
}

/// ceil(fraction * 2^bits).
static Wide ceilAt(Fraction fraction, int bits) {
  Wide numerator = fraction.numerator, denominator = fraction.denominator;
  (bits < 0 ? denominator : numerator) <<= bits < 0 ? -bits : bits;
  return (numerator + denominator - 1) / denominator;
}

std::vector<BinarySlope> enumerateSlopes(SlopeInterval interval, int exponent,
                                         unsigned count) {
  constexpr Wide limit = Wide(1) << 60;
  Wide first = 0, last = -1;
  unsigned bits = 0;
  for (unsigned finer = 0; finer <= 60; ++finer) {
    Wide finerLast = ceilAt(interval.upper, int(finer) + exponent) - 1;
    if (finerLast >= limit || last - first + 1 >= Wide(count))
      break;
    bits = finer;
    last = finerLast;
    first = floorAt(interval.lower, int(finer) + exponent) + 1;
  }
  last = std::min(last, first + 4 * Wide(count));
  std::vector<BinarySlope> slopes;
  for (Wide value = first; value <= last; ++value) {
    unsigned zeros =
        std::min<unsigned>(bits, llvm::countr_zero(uint64_t(value)));
    slopes.push_back({int64_t(value >> zeros), bits - zeros});
  }
  return slopes;
}

} // namespace bitnn
