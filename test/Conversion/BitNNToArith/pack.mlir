// RUN: bitnn-opt %s --convert-bitnn-to-arith --canonicalize --split-input-file | FileCheck %s

// AVX2 packs the halves of two vectors in turns. The shuffle that undoes that,
// quarters 0, 2, 1, 3 of each 16 lanes, cancels before the second pack.
// CHECK-LABEL: @avx2(
// CHECK: %[[T:.*]] = arith.trunci %{{.*}} : vector<32xi32> to vector<32xi16>
// CHECK-NEXT: %[[H:.*]] = vector.shuffle %[[T]], %[[T]] [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17, 18, 19, 24, 25, 26, 27, 20, 21, 22, 23, 28, 29, 30, 31]
// CHECK: %[[Q:.*]] = arith.trunci %{{.*}} : vector<32xi16> to vector<32xi8>
// CHECK-NEXT: %[[R:.*]] = vector.shuffle %[[Q]], %[[Q]] [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17, 18, 19, 24, 25, 26, 27, 20, 21, 22, 23, 28, 29, 30, 31]
// CHECK-NEXT: return %[[R]]
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  func.func @avx2(%acc: vector<32xi32>) -> vector<32xi8> {
    %q = bitnn.requantize %acc : vector<32xi32> -> vector<32xi8> using #bitnn.float_scale<
        dense<0.007> : tensor<1xf32>, zero_point = 5, range = [-128, 127]> accumulator_range = [-31000, 33000]
    return %q : vector<32xi8>
  }
}

// -----

// Elsewhere 32 bits become 8 at once.
// CHECK-LABEL: @avx512(
// CHECK: %[[Q:.*]] = arith.trunci %{{.*}} : vector<32xi32> to vector<32xi8>
// CHECK-NEXT: return %[[Q]]
module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "">} {
  func.func @avx512(%acc: vector<32xi32>) -> vector<32xi8> {
    %q = bitnn.requantize %acc : vector<32xi32> -> vector<32xi8> using #bitnn.float_scale<
        dense<0.007> : tensor<1xf32>, zero_point = 5, range = [-128, 127]> accumulator_range = [-31000, 33000]
    return %q : vector<32xi8>
  }
}
