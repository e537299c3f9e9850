// RUN: bitnn-opt %s --bitnn-reuse-operands --split-input-file | FileCheck %s

#id = affine_map<(d0) -> (d0)>
#reversed = affine_map<(d0) -> (3 - d0)>

// The first operand that is dead afterwards, and internal.
// CHECK-LABEL: func.func @elementwise(
// CHECK-SAME: %[[X:.*]]: tensor<4xi8>)
// CHECK: %[[E:.*]] = tensor.empty()
// CHECK: %[[A:.*]] = linalg.add ins(%[[X]], %[[X]] : {{.*}}) outs(%[[E]] :
// CHECK: %[[B:.*]] = linalg.generic {{.*}} ins(%[[A]], %[[X]] : {{.*}}) outs(%[[E]] :
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[B]] : {{.*}}) outs(%[[A]] :
func.func @elementwise(%x: tensor<4xi8>) -> tensor<4xi8> {
  %e = tensor.empty() : tensor<4xi8>
  %a = linalg.add ins(%x, %x : tensor<4xi8>, tensor<4xi8>) outs(%e : tensor<4xi8>) -> tensor<4xi8>
  // %a is read again, and %x is the caller's.
  %b = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%a, %x : tensor<4xi8>, tensor<4xi8>) outs(%e : tensor<4xi8>) {
  ^bb0(%l: i8, %r: i8, %out: i8):
    %0 = arith.subi %l, %r : i8
    linalg.yield %0 : i8
  } -> tensor<4xi8>
  %c = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%a, %b : tensor<4xi8>, tensor<4xi8>) outs(%e : tensor<4xi8>) {
  ^bb0(%l: i8, %r: i8, %out: i8):
    %0 = arith.subi %l, %r : i8
    linalg.yield %0 : i8
  } -> tensor<4xi8>
  return %c : tensor<4xi8>
}

// -----

#id = affine_map<(d0) -> (d0)>
#reversed = affine_map<(d0) -> (3 - d0)>

// Not where elements move, the type changes, or there is a destination.
// CHECK-LABEL: func.func @declined(
// CHECK-SAME: %[[Y:.*]]: tensor<4xi8>)
// CHECK: %[[E:.*]] = tensor.empty() : tensor<4xi8>
// CHECK: %[[A:.*]] = linalg.fill
// CHECK: %[[B:.*]] = linalg.generic {{.*}} ins(%[[A]] : {{.*}}) outs(%[[E]] :
// CHECK: %[[C:.*]] = linalg.generic {{.*}} ins(%[[B]] : {{.*}}) outs(%{{.*}} : tensor<4xi32>)
// CHECK: %[[D:.*]] = linalg.fill
// CHECK: linalg.generic {{.*}} ins(%[[D]] : {{.*}}) outs(%[[Y]] :
func.func @declined(%y: tensor<4xi8>) -> (tensor<4xi32>, tensor<4xi8>) {
  %v = arith.constant 1 : i8
  %e = tensor.empty() : tensor<4xi8>
  %w = tensor.empty() : tensor<4xi32>
  %a = linalg.fill ins(%v : i8) outs(%e : tensor<4xi8>) -> tensor<4xi8>
  %b = linalg.generic {indexing_maps = [#reversed, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<4xi8>) outs(%e : tensor<4xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  } -> tensor<4xi8>
  %c = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%b : tensor<4xi8>) outs(%w : tensor<4xi32>) {
  ^bb0(%in: i8, %out: i32):
    %0 = arith.extsi %in : i8 to i32
    linalg.yield %0 : i32
  } -> tensor<4xi32>
  %d = linalg.fill ins(%v : i8) outs(%e : tensor<4xi8>) -> tensor<4xi8>
  %f = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%d : tensor<4xi8>) outs(%y : tensor<4xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  } -> tensor<4xi8>
  return %c, %f : tensor<4xi32>, tensor<4xi8>
}

// -----

// A residual, but neither the input nor one that is the input too.
// CHECK-LABEL: func.func @residual(
// CHECK: %[[R:.*]] = linalg.fill
// CHECK: bitnn.matmul {{.*}} residual(%[[R]] : tensor<1x2xi8>) outs(%[[R]] :
// CHECK: %[[S:.*]] = linalg.fill
// CHECK: bitnn.matmul ins(%[[S]], {{.*}} residual(%[[S]] : tensor<1x2xi8>) outs(%{{.*}} :
func.func @residual(%x: tensor<1x2xi8>, %w: tensor<2x2xi8>, %v: i8) -> (tensor<1x2xi8>, tensor<1x2xi8>) {
  %e = tensor.empty() : tensor<1x2xi8>
  %r = linalg.fill ins(%v : i8) outs(%e : tensor<1x2xi8>) -> tensor<1x2xi8>
  %y = bitnn.matmul ins(%x, %w : tensor<1x2xi8>, tensor<2x2xi8>) residual(%r : tensor<1x2xi8>)
      outs(%e : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index, %res: i8):
    bitnn.yield %res : i8
  } -> tensor<1x2xi8>
  %s = linalg.fill ins(%v : i8) outs(%e : tensor<1x2xi8>) -> tensor<1x2xi8>
  %z = bitnn.matmul ins(%s, %w : tensor<1x2xi8>, tensor<2x2xi8>) residual(%s : tensor<1x2xi8>)
      outs(%e : tensor<1x2xi8>) encoding = csd epilogue {
  ^bb0(%acc: i32, %channel: index, %res: i8):
    bitnn.yield %res : i8
  } -> tensor<1x2xi8>
  return %y, %z : tensor<1x2xi8>, tensor<1x2xi8>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#turned = affine_map<(d0, d1) -> (d1, d0)>

// An image with a border becomes a part of the operand's image, which has as
// much border of the same value.
// CHECK-LABEL: func.func @images(
// CHECK: %[[E:.*]] = tensor.empty() : tensor<4x4xi8>
// CHECK: %[[A:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[1, 1] [4, 4] [1, 1]
// CHECK: %[[S:.*]] = tensor.extract_slice %[[A]][1, 1] [4, 4] [1, 1]
// CHECK: linalg.generic {{.*}} ins(%[[S]] : {{.*}}) outs(%[[E]] :
// CHECK: %[[P:.*]] = tensor.extract_slice %[[A]][1, 1] [5, 5] [1, 1]
// CHECK: %[[I:.*]] = tensor.extract_slice %[[P]][0, 0] [4, 4] [1, 1]
// CHECK: %[[B:.*]] = linalg.generic {{.*}} ins(%[[I]] : {{.*}}) outs(%[[I]] :
// CHECK: tensor.insert_slice %[[B]] into %[[P]][0, 0] [4, 4] [1, 1]
func.func @images(%x: tensor<4x4xi8>) -> (tensor<4x4xi8>, tensor<5x5xi8>) {
  %v = arith.constant -128 : i8
  %e = tensor.empty() : tensor<4x4xi8>
  %e6 = tensor.empty() : tensor<6x6xi8>
  %f6 = linalg.fill ins(%v : i8) outs(%e6 : tensor<6x6xi8>) -> tensor<6x6xi8>
  %s6 = tensor.extract_slice %f6[1, 1] [4, 4] [1, 1] : tensor<6x6xi8> to tensor<4x4xi8>
  %a = linalg.add ins(%x, %x : tensor<4x4xi8>, tensor<4x4xi8>) outs(%s6 : tensor<4x4xi8>) -> tensor<4x4xi8>
  %i6 = tensor.insert_slice %a into %f6[1, 1] [4, 4] [1, 1] : tensor<4x4xi8> into tensor<6x6xi8>
  // A reader of the image, before.
  %r = tensor.extract_slice %i6[1, 1] [4, 4] [1, 1] : tensor<6x6xi8> to tensor<4x4xi8>
  %c = linalg.generic {indexing_maps = [#turned, #id], iterator_types = ["parallel", "parallel"]}
      ins(%r : tensor<4x4xi8>) outs(%e : tensor<4x4xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  } -> tensor<4x4xi8>
  %e5 = tensor.empty() : tensor<5x5xi8>
  %f5 = linalg.fill ins(%v : i8) outs(%e5 : tensor<5x5xi8>) -> tensor<5x5xi8>
  %s5 = tensor.extract_slice %f5[0, 0] [4, 4] [1, 1] : tensor<5x5xi8> to tensor<4x4xi8>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<4x4xi8>) outs(%s5 : tensor<4x4xi8>) {
  ^bb0(%in: i8, %out: i8):
    %0 = arith.addi %in, %in : i8
    linalg.yield %0 : i8
  } -> tensor<4x4xi8>
  %i5 = tensor.insert_slice %b into %f5[0, 0] [4, 4] [1, 1] : tensor<4x4xi8> into tensor<5x5xi8>
  return %c, %i5 : tensor<4x4xi8>, tensor<5x5xi8>
}

// -----

#id = affine_map<(d0) -> (d0)>

// Not where the border has another value, or the image is read later.
// CHECK-LABEL: func.func @other_borders(
// CHECK-COUNT-3: outs(%extracted_slice{{.*}} : tensor<4xi8>)
// CHECK-NOT: tensor.extract_slice
// CHECK: return
func.func @other_borders(%x: tensor<4xi8>) -> (tensor<6xi8>, tensor<6xi8>, tensor<5xi8>) {
  %v = arith.constant -128 : i8
  %w = arith.constant 7 : i8
  %e6 = tensor.empty() : tensor<6xi8>
  %f6 = linalg.fill ins(%v : i8) outs(%e6 : tensor<6xi8>) -> tensor<6xi8>
  %s6 = tensor.extract_slice %f6[1] [4] [1] : tensor<6xi8> to tensor<4xi8>
  %a = linalg.add ins(%x, %x : tensor<4xi8>, tensor<4xi8>) outs(%s6 : tensor<4xi8>) -> tensor<4xi8>
  %i6 = tensor.insert_slice %a into %f6[1] [4] [1] : tensor<4xi8> into tensor<6xi8>
  %g6 = linalg.fill ins(%w : i8) outs(%e6 : tensor<6xi8>) -> tensor<6xi8>
  %t6 = tensor.extract_slice %g6[1] [4] [1] : tensor<6xi8> to tensor<4xi8>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<4xi8>) outs(%t6 : tensor<4xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  } -> tensor<4xi8>
  %j6 = tensor.insert_slice %b into %g6[1] [4] [1] : tensor<4xi8> into tensor<6xi8>
  %e5 = tensor.empty() : tensor<5xi8>
  %f5 = linalg.fill ins(%w : i8) outs(%e5 : tensor<5xi8>) -> tensor<5xi8>
  %s5 = tensor.extract_slice %f5[0] [4] [1] : tensor<5xi8> to tensor<4xi8>
  %c = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%b : tensor<4xi8>) outs(%s5 : tensor<4xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  } -> tensor<4xi8>
  %i5 = tensor.insert_slice %c into %f5[0] [4] [1] : tensor<4xi8> into tensor<5xi8>
  return %i6, %j6, %i5 : tensor<6xi8>, tensor<6xi8>, tensor<5xi8>
}
