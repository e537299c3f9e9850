// RUN: bitnn-opt %s --bitnn-verify-quantized --split-input-file --verify-diagnostics

// What a quantized network is made of.
#same = affine_map<(n, f) -> (n, f)>
func.func @legal(%x: tensor<1x3xi8>, %r: tensor<2x3xi8>) -> tensor<1x2xi8> {
  %w = arith.constant dense<1> : tensor<3x2xi8>
  %b = arith.constant dense<[4, 5]> : tensor<2xi32>
  %e = tensor.empty() : tensor<1x2xi32>
  %i = linalg.broadcast ins(%b : tensor<2xi32>) outs(%e : tensor<1x2xi32>) dimensions = [0]
  %acc = linalg.matmul ins(%x, %w : tensor<1x3xi8>, tensor<3x2xi8>) outs(%i : tensor<1x2xi32>) -> tensor<1x2xi32>
  %e8 = tensor.empty() : tensor<1x2xi8>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<1x2xi32>) outs(%e8 : tensor<1x2xi8>) {
  ^bb0(%a: i32, %out: i8):
    %c = linalg.index 1 : index
    %q = bitnn.requantize %a[%c] : i32 -> i8 using #bitnn.float_scale<
        dense<[0.02, 0.5]> : tensor<2xf32>, zero_point = 0, range = [-128, 127]>
    linalg.yield %q : i8
  } -> tensor<1x2xi8>
  return %y : tensor<1x2xi8>
}

// -----

// expected-error@+1 {{'func.func' op computes with tensor<4xf32>; quantize it, or cut the graph before it (--outputs)}}
func.func @float(%a: tensor<4xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  // One error per operation: its body is not named as well.
  // expected-error@+1 {{'linalg.add' op computes with tensor<4xf32>; quantize it, or cut the graph before it (--outputs)}}
  %y = linalg.add ins(%a, %a : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{'func.return' op computes with tensor<4xf32>}}
  return %y : tensor<4xf32>
}

// -----

// Inside of an integer operation, too.
func.func @float_inside(%x: tensor<4xi8>) -> tensor<4xi8> {
  %y = linalg.map ins(%x : tensor<4xi8>) outs(%x : tensor<4xi8>) (%in: i8, %out: i8) {
    // expected-error@+1 {{'arith.sitofp' op computes with f32}}
    %0 = arith.sitofp %in : i8 to f32
    // expected-error@+1 {{'arith.fptosi' op computes with f32}}
    %1 = arith.fptosi %0 : f32 to i8
    linalg.yield %1 : i8
  }
  return %y : tensor<4xi8>
}

// -----

// expected-error@+1 {{'func.func' op has the type tensor<4xui8>; use signless integers}}
func.func private @unsigned(tensor<4xui8>)

// -----

// expected-error@+1 {{'func.func' op has the type tensor<?x4xi8>; give every dimension a size (--batch for the first)}}
func.func private @dynamic(tensor<?x4xi8>)

// -----

// expected-error@+1 {{'func.func' op has the type tensor<*xi8>; use ranked tensors}}
func.func private @unranked(tensor<*xi8>)

// -----

// expected-error@+1 {{'func.func' op has the type memref<4xi8>; use ranked tensors}}
func.func private @buffer(memref<4xi8>)

// -----

// expected-error@+1 {{'func.func' op has the type !quant.uniform<i8:f32, 5.000000e-01>; use signless integers}}
func.func private @quant(!quant.uniform<i8:f32, 0.5>)

// -----

func.func @result_alone() {
  // expected-error@+1 {{'tensor.empty' op has the type tensor<4xsi8>; use signless integers}}
  %e = tensor.empty() : tensor<4xsi8>
  return
}

// -----

func.func @other_dialect(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{'tosa.add' op is not part of a quantized network; convert it to linalg on integer tensors first}}
  %y = tosa.add %x, %x : (tensor<4xi8>, tensor<4xi8>) -> tensor<4xi8>
  return %y : tensor<4xi8>
}

// -----

func.func @control_flow(%n: index, %x: tensor<4xi8>) -> tensor<4xi8> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error@+1 {{'scf.for' op is not part of a quantized network}}
  %y = scf.for %i = %c0 to %n step %c1 iter_args(%z = %x) -> tensor<4xi8> {
    scf.yield %z : tensor<4xi8>
  }
  return %y : tensor<4xi8>
}
