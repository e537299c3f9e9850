// RUN: bitnn-opt %s --pass-pipeline="builtin.module(func.func(bitnn-linalg-to-loops))" --split-input-file --verify-diagnostics

func.func @dynamic_shape(%y: memref<?xi8>) {
  %c = arith.constant 7 : i8
  // expected-error@+1 {{'linalg.fill' op needs static shapes}}
  linalg.fill ins(%c : i8) outs(%y : memref<?xi8>)
  return
}

// -----

func.func @dynamic_copy(%x: memref<?xi8>, %y: memref<?xi8>) {
  // expected-error@+1 {{'memref.copy' op needs static shapes}}
  memref.copy %x, %y : memref<?xi8> to memref<?xi8>
  return
}

// -----

func.func @dynamic_offset(%x: memref<4xi8>, %y: memref<4xi8, strided<[1], offset: ?>>) {
  // expected-error@+1 {{'memref.copy' op needs buffers of static layout, but one is 'memref<4xi8, strided<[1], offset: ?>>'}}
  memref.copy %x, %y : memref<4xi8> to memref<4xi8, strided<[1], offset: ?>>
  return
}

// -----

func.func @dynamic_stride(%y: memref<4xi8, strided<[?]>>) {
  %c = arith.constant 7 : i8
  // expected-error@+1 {{'linalg.fill' op needs buffers of static layout, but one is 'memref<4xi8, strided<[?]>>'}}
  linalg.fill ins(%c : i8) outs(%y : memref<4xi8, strided<[?]>>)
  return
}

// -----

func.func @division(%x: memref<2xi8>, %y: memref<4xi8>) {
  // expected-error@+1 {{'linalg.generic' op has the indexing map affine_map<(d0) -> (d0 floordiv 2)>, whose places are no sum over its loops}}
  linalg.generic {indexing_maps = [affine_map<(i) -> (i floordiv 2)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<2xi8>) outs(%y : memref<4xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  }
  return
}
