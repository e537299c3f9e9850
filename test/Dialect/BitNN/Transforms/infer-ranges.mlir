// RUN: bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-infer-ranges))" | FileCheck %s

// The interval of a tensor is seen at the layer that reads it.

#same = affine_map<(n, f) -> (n, f)>
#same4 = affine_map<(n, c, y, x) -> (n, c, y, x)>

// An argument has all values of its type.
// CHECK-LABEL: @arguments
func.func @arguments(%x: tensor<1x3xi8>, %x16: tensor<1x3xi16>, %init: tensor<1x2xi32>) -> (tensor<1x2xi32>, tensor<1x2xi32>) {
  %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
  // CHECK: bitnn.matmul {{.*}} encoding = csd input_range = [-128, 127] ->
  %0 = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  // A range that was there is replaced.
  // CHECK: bitnn.matmul {{.*}} encoding = csd input_range = [-32768, 32767] ->
  %1 = bitnn.matmul ins(%x16, %w : tensor<1x3xi16>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd input_range = [0, 1] -> tensor<1x2xi32>
  return %0, %1 : tensor<1x2xi32>, tensor<1x2xi32>
}

// CHECK-LABEL: @constant
func.func @constant(%init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x3xi8>
  %x = arith.constant dense<[[4, -7, 9]]> : tensor<1x3xi8>
  // CHECK: input_range = [-7, 9]
  %0 = bitnn.matmul ins(%x, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %0 : tensor<1x2xi32>
}

// The epilogue's range, per channel, is that of the next layer's input: here
// 3 x0 - x2 + 10, in [-501, 519], becomes [-32, 32], and 40 in channel 1 is 2 + 64.
// CHECK-LABEL: @epilogue
func.func @epilogue(%x: tensor<1x3xi8>, %e: tensor<1x2xi16>, %init: tensor<1x1xi32>) -> tensor<1x1xi32> {
  %w = arith.constant dense<[[3, 0, -1], [0, 0, 0]]> : tensor<2x3xi8>
  %b = arith.constant dense<[10, 40]> : tensor<2xi32>
  %w1 = arith.constant dense<1> : tensor<1x2xi8>
  %four = arith.constant 4 : i32
  %six = arith.constant 6 : i32
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>)
      outs(%e : tensor<1x2xi16>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    %0 = arith.shrsi %acc, %four : i32
    %c = arith.index_cast %channel : index to i32
    %c64 = arith.shli %c, %six : i32
    %1 = arith.addi %0, %c64 : i32
    %2 = arith.trunci %1 : i32 to i16
    bitnn.yield %2 : i16
  } -> tensor<1x2xi16>
  // CHECK: bitnn.matmul {{.*}} outs(%{{.*}} : tensor<1x1xi32>) encoding = csd input_range = [-32, 66] ->
  %z = bitnn.matmul ins(%y, %w1 : tensor<1x2xi16>, tensor<1x2xi8>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %z : tensor<1x1xi32>
}

// The result's range is that of all channels: [-128, 127] and 1000.
// CHECK-LABEL: @hull_of_channels
func.func @hull_of_channels(%x: tensor<1x1xi8>, %e: tensor<1x2xi16>, %init: tensor<1x1xi32>) -> tensor<1x1xi32> {
  %w = arith.constant dense<[[1], [0]]> : tensor<2x1xi8>
  %b = arith.constant dense<[0, 1000]> : tensor<2xi32>
  %w1 = arith.constant dense<1> : tensor<1x2xi8>
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x1xi8>, tensor<2x1xi8>, tensor<2xi32>)
      outs(%e : tensor<1x2xi16>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    %0 = arith.trunci %acc : i32 to i16
    bitnn.yield %0 : i16
  } -> tensor<1x2xi16>
  // CHECK: outs(%{{.*}} : tensor<1x1xi32>) encoding = csd input_range = [-128, 1000]
  %z = bitnn.matmul ins(%y, %w1 : tensor<1x2xi16>, tensor<1x2xi8>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %z : tensor<1x1xi32>
}

// CHECK-LABEL: @residual
func.func @residual(%x: tensor<1x1xi8>, %r: tensor<1x2xi8>, %e: tensor<1x2xi16>, %init: tensor<1x1xi32>) -> tensor<1x1xi32> {
  %w = arith.constant dense<[[0], [0]]> : tensor<2x1xi8>
  %w1 = arith.constant dense<1> : tensor<1x2xi8>
  %y = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<2x1xi8>) residual(%r : tensor<1x2xi8>)
      outs(%e : tensor<1x2xi16>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index, %res: i8):
    %0 = arith.extsi %res : i8 to i16
    %1 = arith.addi %0, %0 : i16
    bitnn.yield %1 : i16
  } -> tensor<1x2xi16>
  // CHECK: outs(%{{.*}} : tensor<1x1xi32>) encoding = csd input_range = [-256, 254]
  %z = bitnn.matmul ins(%y, %w1 : tensor<1x2xi16>, tensor<1x2xi8>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %z : tensor<1x1xi32>
}

// A layer without epilogue passes its accumulators on.
// CHECK-LABEL: @accumulators
func.func @accumulators(%x: tensor<1x1xi8>, %i: tensor<1x2xi32>, %e: tensor<1x2xi16>, %init: tensor<1x1xi32>) -> tensor<1x1xi32> {
  %w = arith.constant dense<[[2], [-3]]> : tensor<2x1xi8>
  %w1 = arith.constant dense<1> : tensor<1x2xi8>
  %acc = bitnn.matmul ins(%x, %w : tensor<1x1xi8>, tensor<2x1xi8>) outs(%i : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e : tensor<1x2xi16>) {
  ^bb0(%a: i32, %out: i16):
    %0 = arith.trunci %a : i32 to i16
    linalg.yield %0 : i16
  } -> tensor<1x2xi16>
  // CHECK: outs(%{{.*}} : tensor<1x1xi32>) encoding = csd input_range = [-381, 384]
  %z = bitnn.matmul ins(%y, %w1 : tensor<1x2xi16>, tensor<1x2xi8>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %z : tensor<1x1xi32>
}

// CHECK-LABEL: @requantize
func.func @requantize(%x: tensor<1x3xi32>, %e: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x3xi8>
  %q = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<1x3xi32>) outs(%e : tensor<1x3xi8>) {
  ^bb0(%a: i32, %out: i8):
    %0 = bitnn.requantize %a : i32 -> i8 using #bitnn.float_scale<
        dense<0.5> : tensor<1xf32>, zero_point = -5, range = [-5, 100]>
    linalg.yield %0 : i8
  } -> tensor<1x3xi8>
  // CHECK: input_range = [-5, 100]
  %z = bitnn.matmul ins(%q, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %z : tensor<1x2xi32>
}

// Of a table only the entries that can be read count: 5, -9, 3 and 1, not 120.
// CHECK-LABEL: @lookup
func.func @lookup(%x: tensor<1x3xi32>, %e: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x3xi8>
  %q = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<1x3xi32>) outs(%e : tensor<1x3xi8>) {
  ^bb0(%a: i32, %out: i8):
    %0 = bitnn.requantize %a : i32 -> i8 using #bitnn.fixed_scale<dense<5> : tensor<1xi32>,
        shifts = dense<2> : tensor<1xi32>, zero_point = 0, range = [-128, -125]>
    %1 = bitnn.lookup %0 : i8 in dense<"0x05F70301787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"> : tensor<256xi8>
    linalg.yield %1 : i8
  } -> tensor<1x3xi8>
  // CHECK: bitnn.matmul {{.*}} input_range = [-9, 5]
  %z = bitnn.matmul ins(%q, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %z : tensor<1x2xi32>
}

// CHECK-LABEL: @add
func.func @add(%x: tensor<1x3xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x3xi8>
  %s = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%x, %x : tensor<1x3xi8>, tensor<1x3xi8>) outs(%x : tensor<1x3xi8>) {
  ^bb0(%a: i8, %b: i8, %out: i8):
    %0 = bitnn.add %a, %b : i8 using #bitnn.float_add<lhs_scale = 0.5 : f32, lhs_zero_point = 3,
        rhs_scale = 0.25 : f32, rhs_zero_point = 0, scale = 0.7 : f32, zero_point = -1, range = [-1, 127]>
    linalg.yield %0 : i8
  } -> tensor<1x3xi8>
  // CHECK: input_range = [-1, 127]
  %z = bitnn.matmul ins(%s, %w : tensor<1x3xi8>, tensor<2x3xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %z : tensor<1x2xi32>
}

// The border of an image is inside the range; padding with the range's own
// value changes nothing.
// CHECK-LABEL: @pad
func.func @pad(%x: tensor<1x1x4x4xi32>, %e: tensor<1x1x4x4xi8>, %init: tensor<1x1x6x6xi32>) -> (tensor<1x1x6x6xi32>, tensor<1x1x6x6xi32>, tensor<1x1x6x6xi32>) {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  %low = arith.constant -9 : i8
  %inside = arith.constant 0 : i8
  %q = linalg.generic {indexing_maps = [#same4, #same4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x1x4x4xi32>) outs(%e : tensor<1x1x4x4xi8>) {
  ^bb0(%a: i32, %out: i8):
    %0 = bitnn.requantize %a : i32 -> i8 using #bitnn.float_scale<
        dense<0.5> : tensor<1xf32>, zero_point = 0, range = [-5, 100]>
    linalg.yield %0 : i8
  } -> tensor<1x1x4x4xi8>
  %p = tensor.pad %q low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %i: index, %j: index):
    tensor.yield %low : i8
  } : tensor<1x1x4x4xi8> to tensor<1x1x6x6xi8>
  // CHECK: bitnn.conv_2d {{.*}} input_range = [-9, 100]
  %y = bitnn.conv_2d ins(%p, %w : tensor<1x1x6x6xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x6x6xi32>) encoding = csd -> tensor<1x1x6x6xi32>
  %p1 = tensor.pad %q low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %i: index, %j: index):
    tensor.yield %inside : i8
  } : tensor<1x1x4x4xi8> to tensor<1x1x6x6xi8>
  // CHECK: bitnn.conv_2d {{.*}} input_range = [-5, 100]
  %y1 = bitnn.conv_2d ins(%p1, %w : tensor<1x1x6x6xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x6x6xi32>) encoding = csd -> tensor<1x1x6x6xi32>
  // A border that is not constant may be anything.
  %p2 = tensor.pad %q low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %i: index, %j: index):
    %v = arith.index_cast %i : index to i8
    tensor.yield %v : i8
  } : tensor<1x1x4x4xi8> to tensor<1x1x6x6xi8>
  // CHECK: bitnn.conv_2d {{.*}} input_range = [-128, 127]
  %y2 = bitnn.conv_2d ins(%p2, %w : tensor<1x1x6x6xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x6x6xi32>) encoding = csd -> tensor<1x1x6x6xi32>
  return %y, %y1, %y2 : tensor<1x1x6x6xi32>, tensor<1x1x6x6xi32>, tensor<1x1x6x6xi32>
}

// CHECK-LABEL: @movement
func.func @movement(%x: tensor<2x2xi8>, %init: tensor<2x2xi32>) -> (tensor<2x2xi32>, tensor<2x2xi32>) {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  %e = tensor.empty() : tensor<2x2xi8>
  %a = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x2xi8>) outs(%e : tensor<2x2xi8>) {
  ^bb0(%in: i8, %out: i8):
    %zero = arith.constant 0 : i8
    %0 = arith.maxsi %in, %zero : i8
    linalg.yield %0 : i8
  } -> tensor<2x2xi8>
  %b = linalg.transpose ins(%a : tensor<2x2xi8>) outs(%e : tensor<2x2xi8>) permutation = [1, 0]
  %c = tensor.collapse_shape %b [[0, 1]] : tensor<2x2xi8> into tensor<4xi8>
  %d = tensor.expand_shape %c [[0, 1, 2]] output_shape [1, 2, 2] : tensor<4xi8> into tensor<1x2x2xi8>
  %f = tensor.extract_slice %d[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<1x2x2xi8> to tensor<2x2xi8>
  %g = tensor.cast %f : tensor<2x2xi8> to tensor<2x2xi8>
  // CHECK: bitnn.matmul {{.*}} input_range = [0, 127]
  %y = bitnn.matmul ins(%g, %w : tensor<2x2xi8>, tensor<2x2xi8>)
      outs(%init : tensor<2x2xi32>) encoding = csd -> tensor<2x2xi32>
  %minus = arith.constant dense<-3> : tensor<1x2xi8>
  %h = tensor.extract_slice %g[0, 0] [1, 2] [1, 1] : tensor<2x2xi8> to tensor<1x2xi8>
  %i = tensor.concat dim(0) %h, %minus : (tensor<1x2xi8>, tensor<1x2xi8>) -> tensor<2x2xi8>
  // CHECK: bitnn.matmul {{.*}} input_range = [-3, 127]
  %z = bitnn.matmul ins(%i, %w : tensor<2x2xi8>, tensor<2x2xi8>)
      outs(%init : tensor<2x2xi32>) encoding = csd -> tensor<2x2xi32>
  return %y, %z : tensor<2x2xi32>, tensor<2x2xi32>
}

// A maximum stays within its image and its init; a sum has four terms here:
// -6 + 4 * [-4, 3].
// CHECK-LABEL: @pooling
func.func @pooling(%init: tensor<1x1x1x1xi32>) -> (tensor<1x1x1x1xi32>, tensor<1x1x1x1xi32>) {
  %w = arith.constant dense<1> : tensor<1x1x1x1xi8>
  %x = arith.constant dense<[[[[-4, 3], [2, 1]]]]> : tensor<1x1x2x2xi8>
  %lowest = arith.constant -6 : i8
  %e = tensor.empty() : tensor<1x1x1x1xi8>
  %window = tensor.empty() : tensor<2x2xi8>
  %fill = linalg.fill ins(%lowest : i8) outs(%e : tensor<1x1x1x1xi8>) -> tensor<1x1x1x1xi8>
  %max = linalg.pooling_nchw_max ins(%x, %window : tensor<1x1x2x2xi8>, tensor<2x2xi8>)
      outs(%fill : tensor<1x1x1x1xi8>) -> tensor<1x1x1x1xi8>
  // CHECK: bitnn.conv_2d {{.*}} input_range = [-6, 3]
  %y = bitnn.conv_2d ins(%max, %w : tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x1x1xi32>) encoding = csd -> tensor<1x1x1x1xi32>
  %sum = linalg.pooling_nchw_sum ins(%x, %window : tensor<1x1x2x2xi8>, tensor<2x2xi8>)
      outs(%fill : tensor<1x1x1x1xi8>) -> tensor<1x1x1x1xi8>
  // CHECK: bitnn.conv_2d {{.*}} input_range = [-22, 6]
  %z = bitnn.conv_2d ins(%sum, %w : tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>)
      outs(%init : tensor<1x1x1x1xi32>) encoding = csd -> tensor<1x1x1x1xi32>
  return %y, %z : tensor<1x1x1x1xi32>, tensor<1x1x1x1xi32>
}

// A requantize behind an average knows what the sum can be: 4 * [-128, 127] + 7.
// CHECK-LABEL: @average
func.func @average(%x: tensor<1x1x2x2xi8>) -> tensor<1x1x1x1xi8> {
  %zero = arith.constant 0 : i32
  %seven = arith.constant 7 : i32
  %e = tensor.empty() : tensor<1x1x1x1xi32>
  %window = tensor.empty() : tensor<2x2xi8>
  %fill = linalg.fill ins(%zero : i32) outs(%e : tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32>
  %sum = linalg.pooling_nchw_sum ins(%x, %window : tensor<1x1x2x2xi8>, tensor<2x2xi8>)
      outs(%fill : tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32>
  %out = tensor.empty() : tensor<1x1x1x1xi8>
  // CHECK: bitnn.requantize {{.*}} accumulator_range = [-505, 515]
  %y = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%sum : tensor<1x1x1x1xi32>) outs(%out : tensor<1x1x1x1xi8>) {
  ^bb0(%acc: i32, %o: i8):
    %0 = arith.addi %acc, %seven : i32
    %q = bitnn.requantize %0 : i32 -> i8 using #bitnn.float_scale<dense<0.25> : tensor<1xf32>,
        zero_point = 0, range = [-128, 127]>
    linalg.yield %q : i8
  } -> tensor<1x1x1x1xi8>
  return %y : tensor<1x1x1x1xi8>
}

// What is not followed has all values of its type.
// CHECK-LABEL: @unknown
func.func @unknown(%f: tensor<1x2xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  %one = arith.constant 1 : i8
  %x = tensor.splat %one : tensor<1x2xi8>
  // CHECK: bitnn.matmul {{.*}} input_range = [-128, 127]
  %y = bitnn.matmul ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// The largest and the smallest accumulators that there are:
// 127 * 1 + (2^31 - 1 - 127) and -128 * 1 - (2^31 - 128).
// CHECK-LABEL: @just_fits
func.func @just_fits(%x: tensor<1x1xi8>, %init: tensor<1x2xi32>) -> tensor<1x2xi32> {
  %w = arith.constant dense<1> : tensor<2x1xi8>
  %b = arith.constant dense<[2147483520, -2147483520]> : tensor<2xi32>
  // CHECK: bitnn.matmul {{.*}} input_range = [-128, 127]
  %y = bitnn.matmul ins(%x, %w, %b : tensor<1x1xi8>, tensor<2x1xi8>, tensor<2xi32>)
      outs(%init : tensor<1x2xi32>) encoding = csd -> tensor<1x2xi32>
  return %y : tensor<1x2xi32>
}

// The bias of channel 0 was 2^31 + 120 before its zero point was folded in,
// that of channel 1 -2^31 - 120, and both wrapped: no accumulator leaves 32
// bits, since the inputs are negative, or positive, alone.
// CHECK-LABEL: @wrapped_bias
func.func @wrapped_bias(%x: tensor<1x1xi8>, %i: tensor<1x1xi8>, %init: tensor<1x1xi32>) -> (tensor<1x1xi32>, tensor<1x1xi32>) {
  %w = arith.constant dense<2> : tensor<1x1xi8>
  %high = arith.constant dense<-2147483528> : tensor<1xi32>
  %low = arith.constant dense<2147483528> : tensor<1xi32>
  %hundred = arith.constant 100 : i8
  %minus = arith.constant -100 : i8
  %negative = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<1x1xi8>) outs(%i : tensor<1x1xi8>) {
  ^bb0(%a: i8, %out: i8):
    %0 = arith.minsi %a, %minus : i8
    linalg.yield %0 : i8
  } -> tensor<1x1xi8>
  %positive = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<1x1xi8>) outs(%i : tensor<1x1xi8>) {
  ^bb0(%a: i8, %out: i8):
    %0 = arith.maxsi %a, %hundred : i8
    linalg.yield %0 : i8
  } -> tensor<1x1xi8>
  // CHECK: bitnn.matmul {{.*}} input_range = [-128, -100]
  %y = bitnn.matmul ins(%negative, %w, %high : tensor<1x1xi8>, tensor<1x1xi8>, tensor<1xi32>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  // CHECK: bitnn.matmul {{.*}} input_range = [100, 127]
  %z = bitnn.matmul ins(%positive, %w, %low : tensor<1x1xi8>, tensor<1x1xi8>, tensor<1xi32>)
      outs(%init : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32>
  return %y, %z : tensor<1x1xi32>, tensor<1x1xi32>
}

// Buffers have no ranges.
// CHECK-LABEL: @on_buffers
// CHECK-NOT: input_range
func.func @on_buffers(%x: memref<1x3xi8>, %w: memref<2x3xi8>, %init: memref<1x2xi32>) {
  bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<2x3xi8>) outs(%init : memref<1x2xi32>) encoding = csd
  return
}

// A requantize in an epilogue is told what its accumulators can be: by channel, or all together.
// CHECK-LABEL: @accumulator_ranges
func.func @accumulator_ranges(%x: tensor<1x3xi8>, %init: tensor<1x2xi8>) -> (tensor<1x2xi8>, tensor<1x2xi8>) {
  %w = arith.constant dense<[[3, 0, -1], [0, 2, 5]]> : tensor<2x3xi8>
  %b = arith.constant dense<[10, -20]> : tensor<2xi32>
  // CHECK: bitnn.requantize %{{.*}}[%{{.*}}] : i32 -> i8
  // CHECK-SAME: accumulator_range = [-501, 519, -916, 869]
  %0 = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>)
      outs(%init : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    %q = bitnn.requantize %acc[%channel] : i32 -> i8 using #bitnn.float_scale<
        dense<[0.1, 0.2]> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>
    bitnn.yield %q : i8
  } -> tensor<1x2xi8>
  // CHECK: bitnn.requantize %{{.*}} : i32 -> i8
  // CHECK-SAME: accumulator_range = [-916, 869]
  %1 = bitnn.matmul ins(%x, %w, %b : tensor<1x3xi8>, tensor<2x3xi8>, tensor<2xi32>)
      outs(%init : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index):
    %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
        dense<0.1> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
    bitnn.yield %q : i8
  } -> tensor<1x2xi8>
  return %0, %1 : tensor<1x2xi8>, tensor<1x2xi8>
}
