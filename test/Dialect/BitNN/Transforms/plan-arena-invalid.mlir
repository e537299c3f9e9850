// RUN: bitnn-opt %s --bitnn-plan-arena --split-input-file --verify-diagnostics

func.func @dynamic(%n: index) {
  // expected-error@+1 {{'memref.alloc' op has the type 'memref<?xi8>'; the arena needs static, contiguous buffers}}
  %a = memref.alloc(%n) : memref<?xi8>
  return
}

// -----

func.func @strided() {
  // expected-error@+1 {{'memref.alloc' op has the type 'memref<4x4xi8, strided<[8, 1]>>'; the arena needs static, contiguous buffers}}
  %a = memref.alloc() : memref<4x4xi8, strided<[8, 1]>>
  return
}

// -----

func.func @passed_on(%condition: i1, %x: memref<4xi8>) {
  %a = memref.alloc() : memref<4xi8>
  // expected-error@+1 {{'arith.select' op passes a buffer on; the arena cannot follow its lifetime}}
  %b = arith.select %condition, %a, %x : memref<4xi8>
  return
}

// -----

func.func @returned() -> memref<4xi8> {
  %a = memref.alloc() : memref<4xi8>
  // expected-error@+1 {{'func.return' op returns a buffer of the network; results must be written to the caller's buffers}}
  return %a : memref<4xi8>
}

// -----

func.func @view_returned() -> memref<2x2xi8> {
  %a = memref.alloc() : memref<4xi8>
  %b = memref.expand_shape %a [[0, 1]] output_shape [2, 2] : memref<4xi8> into memref<2x2xi8>
  // expected-error@+1 {{'func.return' op returns a buffer of the network}}
  return %b : memref<2x2xi8>
}
