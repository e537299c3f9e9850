// RUN: bitnn-opt %s --pass-pipeline='builtin.module(func.func(bitnn-fill-borders))' | FileCheck %s

// What is above the first channel; right of a row and left of the next; below a
// channel and above the next; below the last.
// CHECK-LABEL: func.func @padded(
// CHECK: %[[IMAGE:.*]] = memref.alloc() : memref<1x3x10x12xi16>
// CHECK: %[[A:.*]] = memref.reinterpret_cast %[[IMAGE]] to offset: [0], sizes: [14], strides: [1]
// CHECK: linalg.fill ins(%{{.*}} : i16) outs(%[[A]] :
// CHECK: %[[B:.*]] = memref.reinterpret_cast %[[IMAGE]] to offset: [22], sizes: [3, 6, 4], strides: [120, 12, 1]
// CHECK: linalg.fill ins(%{{.*}} : i16) outs(%[[B]] :
// CHECK: %[[C:.*]] = memref.reinterpret_cast %[[IMAGE]] to offset: [94], sizes: [2, 40], strides: [120, 1]
// CHECK: linalg.fill ins(%{{.*}} : i16) outs(%[[C]] :
// CHECK: %[[D:.*]] = memref.reinterpret_cast %[[IMAGE]] to offset: [334], sizes: [26], strides: [1]
// CHECK: linalg.fill ins(%{{.*}} : i16) outs(%[[D]] :
// CHECK-NOT: linalg.fill
func.func @padded(%x: memref<1x3x7x8xi16>) -> memref<1x3x10x12xi16> {
  %c0 = arith.constant 0 : i16
  %image = memref.alloc() : memref<1x3x10x12xi16>
  linalg.fill ins(%c0 : i16) outs(%image : memref<1x3x10x12xi16>)
  %inside = memref.subview %image[0, 0, 1, 2] [1, 3, 7, 8] [1, 1, 1, 1]
      : memref<1x3x10x12xi16> to memref<1x3x7x8xi16, strided<[360, 120, 12, 1], offset: 14>>
  memref.copy %x, %inside : memref<1x3x7x8xi16> to memref<1x3x7x8xi16, strided<[360, 120, 12, 1], offset: 14>>
  return %image : memref<1x3x10x12xi16>
}

// Not if one channel is not written, or the image is read first.
// CHECK-LABEL: func.func @whole(
// CHECK-COUNT-3: linalg.fill ins(%{{.*}} : i8) outs(%{{.*}} : memref<2x4x4xi8>)
// CHECK-NOT: linalg.fill
func.func @whole(%x: memref<1x2x2xi8>, %y: memref<2x2x2xi8>, %z: memref<2x4x4xi8>)
    -> (memref<2x4x4xi8>, memref<2x4x4xi8>, memref<2x4x4xi8>) {
  %c0 = arith.constant 0 : i8
  %one = memref.alloc() : memref<2x4x4xi8>
  linalg.fill ins(%c0 : i8) outs(%one : memref<2x4x4xi8>)
  %a = memref.subview %one[1, 1, 1] [1, 2, 2] [1, 1, 1]
      : memref<2x4x4xi8> to memref<1x2x2xi8, strided<[16, 4, 1], offset: 21>>
  memref.copy %x, %a : memref<1x2x2xi8> to memref<1x2x2xi8, strided<[16, 4, 1], offset: 21>>

  %read = memref.alloc() : memref<2x4x4xi8>
  linalg.fill ins(%c0 : i8) outs(%read : memref<2x4x4xi8>)
  memref.copy %read, %z : memref<2x4x4xi8> to memref<2x4x4xi8>
  %b = memref.subview %read[0, 1, 1] [2, 2, 2] [1, 1, 1]
      : memref<2x4x4xi8> to memref<2x2x2xi8, strided<[16, 4, 1], offset: 5>>
  memref.copy %y, %b : memref<2x2x2xi8> to memref<2x2x2xi8, strided<[16, 4, 1], offset: 5>>

  // What is added to is read.
  %sum = memref.alloc() : memref<2x4x4xi8>
  linalg.fill ins(%c0 : i8) outs(%sum : memref<2x4x4xi8>)
  %c = memref.subview %sum[0, 1, 1] [2, 2, 2] [1, 1, 1]
      : memref<2x4x4xi8> to memref<2x2x2xi8, strided<[16, 4, 1], offset: 5>>
  linalg.generic {indexing_maps = [affine_map<(c, h, w) -> (c, h, w)>, affine_map<(c, h, w) -> (c, h, w)>],
                  iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y : memref<2x2x2xi8>) outs(%c : memref<2x2x2xi8, strided<[16, 4, 1], offset: 5>>) {
  ^bb0(%in: i8, %out: i8):
    %s = arith.addi %in, %out : i8
    linalg.yield %s : i8
  }
  return %one, %read, %sum : memref<2x4x4xi8>, memref<2x4x4xi8>, memref<2x4x4xi8>
}
