// RUN: bitnn-opt %s --bitnn-verify-multiplier-free --split-input-file --verify-diagnostics

// Additions and shifts, and addresses in whatever way they are computed.
func.func @legal(%x: i32, %v: vector<4xi16>, %i: index, %m: memref<8xi32>) -> (i32, i16, index) {
  %two = arith.constant 2 : i32
  %c3 = arith.constant 3 : index
  %0 = arith.shli %x, %two : i32
  %1 = arith.subi %0, %x : i32
  %2 = vector.reduction <add>, %v : vector<4xi16> into i16
  %3 = arith.muli %i, %c3 : index
  %4 = arith.remui %3, %c3 : index
  %5 = arith.divui %4, %c3 : index
  %6 = affine.apply affine_map<(d) -> (5 * d)>(%5)
  memref.store %1, %m[%6] : memref<8xi32>
  return %1, %2, %5 : i32, i16, index
}

// -----

func.func @muli(%x: i32) -> i32 {
  // expected-error@+1 {{'arith.muli' op multiplies or divides; write it as shifts and additions, or allow it with --multiply=layers}}
  %y = arith.muli %x, %x : i32
  return %y : i32
}

// -----

func.func @vector_muli(%x: vector<4xi16>) -> vector<4xi16> {
  // expected-error@+1 {{'arith.muli' op multiplies or divides}}
  %y = arith.muli %x, %x : vector<4xi16>
  return %y : vector<4xi16>
}

// -----

func.func @extended(%x: i32) {
  // expected-error@+1 {{'arith.mulsi_extended' op multiplies or divides}}
  %s:2 = arith.mulsi_extended %x, %x : i32
  // expected-error@+1 {{'arith.mului_extended' op multiplies or divides}}
  %u:2 = arith.mului_extended %x, %x : i32
  return
}

// -----

// Every one is named, not the first alone.
func.func @divisions(%x: i32) {
  // expected-error@+1 {{'arith.divsi' op multiplies or divides}}
  %0 = arith.divsi %x, %x : i32
  // expected-error@+1 {{'arith.divui' op multiplies or divides}}
  %1 = arith.divui %x, %x : i32
  // expected-error@+1 {{'arith.ceildivsi' op multiplies or divides}}
  %2 = arith.ceildivsi %x, %x : i32
  // expected-error@+1 {{'arith.ceildivui' op multiplies or divides}}
  %3 = arith.ceildivui %x, %x : i32
  // expected-error@+1 {{'arith.floordivsi' op multiplies or divides}}
  %4 = arith.floordivsi %x, %x : i32
  // expected-error@+1 {{'arith.remsi' op multiplies or divides}}
  %5 = arith.remsi %x, %x : i32
  // expected-error@+1 {{'arith.remui' op multiplies or divides}}
  %6 = arith.remui %x, %x : i32
  return
}

// -----

func.func @float(%x: f32) -> i32 {
  // expected-error@+1 {{'arith.mulf' op computes in floating point; cut the graph at its quantized tensors (--outputs)}}
  %y = arith.mulf %x, %x : f32
  // expected-error@+1 {{'arith.fptosi' op computes in floating point}}
  %z = arith.fptosi %y : f32 to i32
  return %z : i32
}

// -----

func.func @float_buffer(%m: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{'memref.load' op computes in floating point}}
  %0 = memref.load %m[%c0] : memref<4xf32>
  return
}

// -----

#i = affine_map<(i) -> (i)>
#o = affine_map<(i) -> ()>
func.func @contract(%x: vector<4xi32>, %acc: i32) -> i32 {
  // expected-error@+1 {{'vector.contract' op multiplies or divides}}
  %y = vector.contract {indexing_maps = [#i, #i, #o], iterator_types = ["reduction"], kind = #vector.kind<add>} %x, %x, %acc
      : vector<4xi32>, vector<4xi32> into i32
  return %y : i32
}

// -----

func.func @vectors(%x: vector<4xi32>, %xx: vector<4x4xi32>) {
  // expected-error@+1 {{'vector.outerproduct' op multiplies or divides}}
  %0 = vector.outerproduct %x, %x : vector<4xi32>, vector<4xi32>
  // expected-error@+1 {{'vector.reduction' op multiplies or divides}}
  %1 = vector.reduction <mul>, %x : vector<4xi32> into i32
  // expected-error@+1 {{'vector.multi_reduction' op multiplies or divides}}
  %2 = vector.multi_reduction <mul>, %xx, %x [0] : vector<4x4xi32> to vector<4xi32>
  // expected-error@+1 {{'vector.scan' op multiplies or divides}}
  %3:2 = vector.scan <mul>, %xx, %x {inclusive = true, reduction_dim = 0} : vector<4x4xi32>, vector<4xi32>
  %4 = vector.multi_reduction <add>, %xx, %x [0] : vector<4x4xi32> to vector<4xi32>
  %5:2 = vector.scan <maxsi>, %xx, %x {inclusive = true, reduction_dim = 0} : vector<4x4xi32>, vector<4xi32>
  return
}

// -----

func.func @vector_fma(%x: vector<4xf32>) {
  // expected-error@+1 {{'vector.fma' op computes in floating point}}
  %0 = vector.fma %x, %x, %x : vector<4xf32>
  return
}

// -----

func.func @math(%x: i32) -> i32 {
  // expected-error@+1 {{'math.ipowi' op multiplies or divides}}
  %y = math.ipowi %x, %x : i32
  return %y : i32
}

// -----

llvm.func @llvm(%x: i32) {
  // expected-error@+1 {{'llvm.mul' op multiplies or divides}}
  %0 = llvm.mul %x, %x : i32
  // expected-error@+1 {{'llvm.sdiv' op multiplies or divides}}
  %1 = llvm.sdiv %x, %x : i32
  // expected-error@+1 {{'llvm.udiv' op multiplies or divides}}
  %2 = llvm.udiv %x, %x : i32
  // expected-error@+1 {{'llvm.srem' op multiplies or divides}}
  %3 = llvm.srem %x, %x : i32
  // expected-error@+1 {{'llvm.urem' op multiplies or divides}}
  %4 = llvm.urem %x, %x : i32
  // expected-error@+1 {{'llvm.intr.smul.with.overflow' op multiplies or divides}}
  %5 = "llvm.intr.smul.with.overflow"(%x, %x) : (i32, i32) -> !llvm.struct<(i32, i1)>
  // expected-error@+1 {{'llvm.intr.umul.with.overflow' op multiplies or divides}}
  %6 = "llvm.intr.umul.with.overflow"(%x, %x) : (i32, i32) -> !llvm.struct<(i32, i1)>
  llvm.return
}

// -----

llvm.func @llvm_vectors(%x: vector<4xi32>) {
  // expected-error@+1 {{'llvm.intr.vector.reduce.mul' op multiplies or divides}}
  %0 = "llvm.intr.vector.reduce.mul"(%x) : (vector<4xi32>) -> i32
  %1 = "llvm.intr.vector.reduce.add"(%x) : (vector<4xi32>) -> i32
  llvm.return
}

// -----

// A sum of products multiplies in whatever form it is; its body is not named as
// well.
func.func @matmul(%x: memref<1x3xi8>, %w: memref<3x2xi8>, %y: memref<1x2xi32>) {
  // expected-error@+1 {{'linalg.matmul' op multiplies or divides; write it as shifts and additions, or allow it with --multiply=layers}}
  linalg.matmul ins(%x, %w : memref<1x3xi8>, memref<3x2xi8>) outs(%y : memref<1x2xi32>)
  return
}

// -----

// What else is left over of linalg or bitnn is no multiplication: the message
// says what to run.
func.func @left_over(%x: memref<4xi8>, %acc: i32, %v: vector<4xi8>) {
  // expected-error@+1 {{'linalg.map' op is left over; lower it first (bitnn-lower-kernels, bitnn-linalg-to-loops, convert-bitnn-to-arith)}}
  linalg.map ins(%x : memref<4xi8>) outs(%x : memref<4xi8>) (%in: i8, %out: i8) {
    linalg.yield %in : i8
  }
  // expected-error@+1 {{'bitnn.requantize' op is left over}}
  %q = bitnn.requantize %acc : i32 -> i8 using #bitnn.float_scale<
      dense<0.5> : tensor<1xf32>, zero_point = 0, range = [-128, 127]>
  // expected-error@+1 {{'bitnn.lookup' op is left over}}
  %l = bitnn.lookup %v : vector<4xi8> in dense<7> : tensor<256xi8>
  // expected-error@+1 {{'bitnn.adder_graph' op is left over}}
  %y = bitnn.adder_graph(%acc) : i32 -> 1 {
  ^bb0(%a: i32):
    bitnn.yield %a : i32
  }
  return
}
