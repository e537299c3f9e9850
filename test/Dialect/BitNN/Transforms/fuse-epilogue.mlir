// RUN: bitnn-opt %s --bitnn-fuse-epilogue --split-input-file | FileCheck %s
// RUN: bitnn-opt %s --bitnn-fuse-epilogue --split-input-file --mlir-print-debuginfo | FileCheck %s --check-prefix=LOC

#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @requantize(
// CHECK-SAME: %[[X:.*]]: tensor<1x3xi8>
func.func @requantize(%x: tensor<1x3xi8>) -> tensor<1x2xi8> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{.*}}> : tensor<2x3xi8>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<[4, 5]> : tensor<2xi32>
  %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
  %b = arith.constant dense<[4, 5]> : tensor<2xi32>
  %init = tensor.empty() : tensor<1x2xi32>
  %acc = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>)
      outs(%init : tensor<1x2xi32>) encoding = binary input_range = [0, 7] -> tensor<1x2xi32>
  // CHECK: %[[E:.*]] = tensor.empty() : tensor<1x2xi8>
  // CHECK-NEXT: %[[Y:.*]] = bitnn.matmul ins(%[[X]], %[[W]], %[[B]] : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>)
  // CHECK-SAME: outs(%[[E]] : tensor<1x2xi8>) encoding = binary input_range = [0, 7] epilogue {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: i32, %{{.*}}: index):
  // CHECK-NEXT:   %[[Q:.*]] = bitnn.requantize %[[ACC]] : i32 -> i8 using
  // CHECK-NEXT:   bitnn.yield %[[Q]] : i8
  // CHECK-NEXT: } -> tensor<1x2xi8>
  // CHECK-NEXT: return %[[Y]]
  %e = tensor.empty() : tensor<1x2xi8>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e : tensor<1x2xi8>) {
  ^bb0(%a: i32, %out: i8):
    %q = bitnn.requantize %a : i32 -> i8 using #bitnn.float_scale<
        dense<0.02> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
    linalg.yield %q : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

// linalg.index 1 is the channel; groups, strides and dilations stay.
#same = affine_map<(n, f, y, x) -> (n, f, y, x)>

// CHECK-LABEL: @channel_of_grouped
// CHECK-NOT: linalg
// CHECK: bitnn.conv_2d ins(%{{.*}}, %{{.*}} : tensor<1x4x7x10xi8>, tensor<4x2x2x2xi8>)
// CHECK-SAME: outs(%{{.*}} : tensor<1x4x3x8xi8>) strides = [2, 1] dilations = [2, 2] groups = 2 encoding = csd epilogue {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: i32, %[[F:.*]]: index):
// CHECK-NEXT:   %[[Q:.*]] = bitnn.requantize %[[ACC]][%[[F]]] : i32 -> i8 using #bitnn.float_scale<dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]>
// CHECK-NEXT:   bitnn.yield %[[Q]] : i8
// CHECK-NOT: linalg
func.func @channel_of_grouped(%x: tensor<1x4x7x10xi8>, %w: tensor<4x2x2x2xi8>) -> tensor<1x4x3x8xi8> {
  %init = tensor.empty() : tensor<1x4x3x8xi32>
  %acc = bitnn.conv_2d ins(%x, %w : tensor<1x4x7x10xi8>, tensor<4x2x2x2xi8>) outs(%init : tensor<1x4x3x8xi32>)
      strides = [2, 1] dilations = [2, 2] groups = 2 encoding = csd -> tensor<1x4x3x8xi32>
  %e = tensor.empty() : tensor<1x4x3x8xi8>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%acc : tensor<1x4x3x8xi32>) outs(%e : tensor<1x4x3x8xi8>) {
  ^bb0(%a: i32, %out: i8):
    %f = linalg.index 1 : index
    %q = bitnn.requantize %a[%f] : i32 -> i8 using #bitnn.float_scale<
        dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>, zero_point = 0, range = [-128, 127]>
    linalg.yield %q : i8
  } -> tensor<1x4x3x8xi8>
  return %y : tensor<1x4x3x8xi8>
}

// -----

// One generic after the other, the last of them with a residual that is
// computed after the layer; constants move along.
#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @chain
// CHECK-SAME: %[[X:.*]]: tensor<1x3xi8>, %[[W:.*]]: tensor<2x3xi8>, %[[S:.*]]: tensor<1x2xi8>
func.func @chain(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %s: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %init = tensor.empty() : tensor<1x2xi32>
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %e = tensor.empty() : tensor<1x2xi8>
  %q = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e : tensor<1x2xi8>) {
  ^bb0(%a: i32, %out: i8):
    %seven = arith.constant 7 : i32
    %0 = arith.addi %a, %seven : i32
    %1 = bitnn.requantize %0 : i32 -> i8 using #bitnn.float_scale<
        dense<0.5> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
    linalg.yield %1 : i8
  } -> tensor<1x2xi8>
  %t = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%q : tensor<1x2xi8>) outs(%e : tensor<1x2xi8>) {
  ^bb0(%a: i8, %out: i8):
    %0 = bitnn.lookup %a : i8 in dense<3> : tensor<256xi8>
    linalg.yield %0 : i8
  } -> tensor<1x2xi8>
  // CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[S]] : tensor<1x2xi8>)
  %r = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%s : tensor<1x2xi8>) outs(%e : tensor<1x2xi8>) {
  ^bb0(%a: i8, %out: i8):
    %0 = bitnn.lookup %a : i8 in dense<4> : tensor<256xi8>
    linalg.yield %0 : i8
  } -> tensor<1x2xi8>
  // CHECK: %[[Y:.*]] = bitnn.matmul ins(%[[X]], %[[W]] : tensor<1x3xi8>, tensor<2x3xi8>) residual(%[[R]] : tensor<1x2xi8>)
  // CHECK-SAME: outs(%{{.*}} : tensor<1x2xi8>) encoding = csd epilogue {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: i32, %{{.*}}: index, %[[RES:.*]]: i8):
  // CHECK-NEXT:   %[[SUM:.*]] = arith.addi %[[ACC]], %{{.*}} : i32
  // CHECK-NEXT:   %[[Q:.*]] = bitnn.requantize %[[SUM]] : i32 -> i8
  // CHECK-NEXT:   %[[T:.*]] = bitnn.lookup %[[Q]] : i8 in dense<3> : tensor<256xi8>
  // The residual is the generic's left operand.
  // CHECK-NEXT:   %[[A:.*]] = bitnn.add %[[RES]], %[[T]] : i8
  // CHECK-NEXT:   bitnn.yield %[[A]] : i8
  // CHECK-NEXT: } -> tensor<1x2xi8>
  // CHECK-NEXT: return %[[Y]]
  %y = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%r, %t : tensor<1x2xi8>, tensor<1x2xi8>) outs(%e : tensor<1x2xi8>) {
  ^bb0(%a: i8, %b: i8, %out: i8):
    %0 = bitnn.add %a, %b : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
        rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-128, 127]>
    linalg.yield %0 : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

// The generic after a residual still fuses; its i16 residual stays the only one.
#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @after_residual
// CHECK-SAME: %{{.*}}: tensor<1x3xi8>, %{{.*}}: tensor<2x3xi8>, %[[R:.*]]: tensor<1x2xi16>
func.func @after_residual(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %r: tensor<1x2xi16>) -> tensor<1x2xi16> {
  %init = tensor.empty() : tensor<1x2xi32>
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  // CHECK: bitnn.matmul {{.*}} residual(%[[R]] : tensor<1x2xi16>) outs(%{{.*}} : tensor<1x2xi16>)
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: i32, %[[F:.*]]: index, %[[RES:.*]]: i16):
  // CHECK-NEXT:   %[[WIDE:.*]] = arith.extsi %[[RES]] : i16 to i32
  // CHECK-NEXT:   %[[SUM:.*]] = arith.addi %[[ACC]], %[[WIDE]] : i32
  // CHECK-NEXT:   %[[C:.*]] = arith.index_cast %[[F]] : index to i32
  // CHECK-NEXT:   %[[SUM2:.*]] = arith.addi %[[SUM]], %[[C]] : i32
  // CHECK-NEXT:   %[[N:.*]] = arith.trunci %[[SUM2]] : i32 to i16
  // CHECK-NEXT:   bitnn.yield %[[N]] : i16
  %sum = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc, %r : tensor<1x2xi32>, tensor<1x2xi16>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%a: i32, %b: i16, %out: i32):
    %0 = arith.extsi %b : i16 to i32
    %1 = arith.addi %a, %0 : i32
    linalg.yield %1 : i32
  } -> tensor<1x2xi32>
  %e = tensor.empty() : tensor<1x2xi16>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%sum : tensor<1x2xi32>) outs(%e : tensor<1x2xi16>) {
  ^bb0(%a: i32, %out: i16):
    %f = linalg.index 1 : index
    %0 = arith.index_cast %f : index to i32
    %1 = arith.addi %a, %0 : i32
    %2 = arith.trunci %1 : i32 to i16
    linalg.yield %2 : i16
  } -> tensor<1x2xi16>
  return %y : tensor<1x2xi16>
}

// -----

// A layer with a residual takes no second one: the addition stays behind it.
#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @second_residual
// CHECK-SAME: %{{.*}}: tensor<1x3xi8>, %{{.*}}: tensor<2x3xi8>, %[[R:.*]]: tensor<1x2xi8>, %[[S:.*]]: tensor<1x2xi8>
func.func @second_residual(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %r: tensor<1x2xi8>, %s: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %e = tensor.empty() : tensor<1x2xi8>
  // CHECK: %[[Y:.*]] = bitnn.matmul {{.*}} residual(%[[R]] : tensor<1x2xi8>)
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>) residual(%r : tensor<1x2xi8>)
      outs(%e : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%a: i32, %f: index, %b: i8):
    bitnn.yield %b : i8
  } -> tensor<1x2xi8>
  // CHECK: %[[Z:.*]] = linalg.generic {{.*}} ins(%[[Y]], %[[S]] :
  // CHECK: return %[[Z]]
  %y = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc, %s : tensor<1x2xi8>, tensor<1x2xi8>) outs(%e : tensor<1x2xi8>) {
  ^bb0(%a: i8, %b: i8, %out: i8):
    %0 = arith.addi %a, %b : i8
    linalg.yield %0 : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

// The layer's result, twice in one generic, is one accumulator.
#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @result_twice
// CHECK-NOT: residual
// CHECK: ^bb0(%[[ACC:.*]]: i32, %{{.*}}: index):
// CHECK-NEXT: %[[SUM:.*]] = arith.addi %[[ACC]], %[[ACC]] : i32
// CHECK-NEXT: bitnn.yield %[[SUM]] : i32
func.func @result_twice(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>) -> tensor<1x2xi32> {
  %init = tensor.empty() : tensor<1x2xi32>
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc, %acc : tensor<1x2xi32>, tensor<1x2xi32>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%a: i32, %b: i32, %out: i32):
    %0 = arith.addi %a, %b : i32
    linalg.yield %0 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// -----

// A name is that of the layer and of what was fused into it.
#same = affine_map<(n, f) -> (n, f)>

// LOC: #[[FC:.*]] = loc("fc")
// LOC: func.func @locations
// LOC: } -> tensor<1x2xi32> loc(#[[FUSED:.*]])
// LOC: #[[RELU:.*]] = loc("relu")
// LOC: #[[FUSED]] = loc(fused[#[[FC]], #[[RELU]]])
func.func @locations(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>) -> tensor<1x2xi32> {
  %init = tensor.empty() : tensor<1x2xi32>
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32> loc("fc")
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%init : tensor<1x2xi32>) {
  ^bb0(%a: i32, %out: i32):
    %zero = arith.constant 0 : i32
    %0 = arith.maxsi %a, %zero : i32
    linalg.yield %0 : i32
  } -> tensor<1x2xi32> loc("relu")
  return %y : tensor<1x2xi32>
}

// -----

// A generic that overwrites the accumulators in place gets the layer's init.
#same = affine_map<(n, f) -> (n, f)>

// CHECK-LABEL: @in_place
// CHECK-SAME: %{{.*}}, %[[INIT:.*]]: tensor<1x2xi32>)
// CHECK-NOT: linalg
// CHECK: bitnn.matmul {{.*}} outs(%[[INIT]] : tensor<1x2xi32>)
// CHECK-NOT: linalg
func.func @in_place(%x: tensor<1x3xi8>, %w: tensor<2x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %acc = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%acc : tensor<1x2xi32>) {
  ^bb0(%a: i32, %out: i32):
    %zero = arith.constant 0 : i32
    %0 = arith.maxsi %a, %zero : i32
    linalg.yield %0 : i32
  } -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}
