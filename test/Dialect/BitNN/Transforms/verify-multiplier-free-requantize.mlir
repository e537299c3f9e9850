// RUN: bitnn-opt %s --bitnn-verify-multiplier-free=requantize --split-input-file --verify-diagnostics

// What a requantize multiplies may be allowed; nothing else is.

func.func @products(%x: i32, %v: vector<4xi32>) {
  %0 = arith.muli %x, %x : i32
  %1 = arith.muli %v, %v : vector<4xi32>
  %2:2 = arith.mulsi_extended %x, %x : i32
  %3:2 = arith.mului_extended %x, %x : i32
  return
}

// -----

func.func @others(%x: i32, %v: vector<4xi32>, %f: f32) {
  // expected-error@+1 {{'arith.divsi' op multiplies or divides}}
  %0 = arith.divsi %x, %x : i32
  // expected-error@+1 {{'vector.reduction' op multiplies or divides}}
  %1 = vector.reduction <mul>, %v : vector<4xi32> into i32
  // expected-error@+1 {{'arith.mulf' op computes in floating point}}
  %2 = arith.mulf %f, %f : f32
  return
}

// -----

func.func @layer(%x: memref<1x3xi8>, %w: memref<3x2xi8>, %y: memref<1x2xi32>) {
  // expected-error@+1 {{'linalg.matmul' op multiplies or divides}}
  linalg.matmul ins(%x, %w : memref<1x3xi8>, memref<3x2xi8>) outs(%y : memref<1x2xi32>)
  return
}
