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
