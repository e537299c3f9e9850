// Runs what bitnn.add and bitnn.lookup become on all their inputs, as scalars and as vectors, and compares:
// additions with ONNX's text in float arithmetic, lookups with their tables.

// RUN: bitnn-opt %s --pass-pipeline='builtin.module(convert-bitnn-to-arith,convert-scf-to-cf,convert-to-llvm)' \
// RUN:   | mlir-runner -e main -entry-point-result=i32 | FileCheck %s
// RUN: bitnn-opt %s --pass-pipeline='builtin.module(convert-bitnn-to-arith,convert-scf-to-cf,convert-to-llvm)' \
// RUN:   | mlir-runner -e planted -entry-point-result=i32 | FileCheck %s --check-prefix=PLANTED

// CHECK: {{^0$}}
// PLANTED-NOT: {{^0$}}

#powers = #bitnn.float_add<lhs_scale = 0x3F000000 : f32, lhs_zero_point = 3, rhs_scale = 0x3E800000 : f32,
    rhs_zero_point = -128, scale = 0x3F000000 : f32, zero_point = -1, range = [-128, 127]>
#general = #bitnn.float_add<lhs_scale = 0x3CA3D70A : f32, lhs_zero_point = 7, rhs_scale = 0x3D23D70A : f32,
    rhs_zero_point = -3, scale = 0x3D4CCCCD : f32, zero_point = 11, range = [-128, 127]>
#tied = #bitnn.float_add<lhs_scale = 0x3C49A00F : f32, lhs_zero_point = 7, rhs_scale = 0x3C49A00F : f32,
    rhs_zero_point = -3, scale = 0x3CC9A00F : f32, zero_point = 0, range = [-128, 127]>
#distant = #bitnn.float_add<lhs_scale = 1.0e+10 : f32, lhs_zero_point = 0, rhs_scale = 1.0 : f32,
    rhs_zero_point = 0, scale = 1.0 : f32, zero_point = 0, range = [-128, 127]>

func.func @expected(%a: i8, %b: i8, %sa: f32, %za: i32, %sb: f32, %zb: i32, %s: f32, %z: f64) -> i8 {
  %wa = arith.extsi %a : i8 to i32
  %wb = arith.extsi %b : i8 to i32
  %ca = arith.subi %wa, %za : i32
  %cb = arith.subi %wb, %zb : i32
  %fa = arith.sitofp %ca : i32 to f32
  %fb = arith.sitofp %cb : i32 to f32
  %ra = arith.mulf %fa, %sa : f32
  %rb = arith.mulf %fb, %sb : f32
  %sum = arith.addf %ra, %rb : f32
  %quotient = arith.divf %sum, %s : f32
  // Adding and subtracting 1.5 * 2^52 rounds to even.
  %magic = arith.constant 6755399441055744.0 : f64
  %low = arith.constant -128.0 : f64
  %high = arith.constant 127.0 : f64
  %wide = arith.extf %quotient : f32 to f64
  %raised = arith.addf %wide, %magic : f64
  %rounded = arith.subf %raised, %magic : f64
  %moved = arith.addf %rounded, %z : f64
  %at_least = arith.maximumf %moved, %low : f64
  %clamped = arith.minimumf %at_least, %high : f64
  %result = arith.fptosi %clamped : f64 to i8
  return %result : i8
}

func.func @differs(%value: i8, %expected: i8) -> i32 {
  %difference = arith.cmpi ne, %value, %expected : i8
  %one = arith.extui %difference : i1 to i32
  return %one : i32
}

func.func @check_powers(%a: i8, %b: i8, %vb: vector<2xi8>, %error: f64) -> i32 {
  %va = vector.broadcast %a : i8 to vector<2xi8>
  %sum = bitnn.add %a, %b : i8 using #powers
  %sums = bitnn.add %va, %vb : vector<2xi8> using #powers
  %lane = vector.extract %sums[1] : i8 from vector<2xi8>
  %sa = arith.constant 0x3F000000 : f32
  %za = arith.constant 3 : i32
  %sb = arith.constant 0x3E800000 : f32
  %zb = arith.constant -128 : i32
  %s = arith.constant 0x3F000000 : f32
  %z = arith.constant -1.0 : f64
  %wrong = arith.addf %z, %error : f64
  %expected = func.call @expected(%a, %b, %sa, %za, %sb, %zb, %s, %wrong) : (i8, i8, f32, i32, f32, i32, f32, f64) -> i8
  %d0 = func.call @differs(%sum, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

func.func @check_general(%a: i8, %b: i8, %vb: vector<2xi8>, %error: f64) -> i32 {
  %va = vector.broadcast %a : i8 to vector<2xi8>
  %sum = bitnn.add %a, %b : i8 using #general
  %sums = bitnn.add %va, %vb : vector<2xi8> using #general
  %lane = vector.extract %sums[1] : i8 from vector<2xi8>
  %sa = arith.constant 0x3CA3D70A : f32
  %za = arith.constant 7 : i32
  %sb = arith.constant 0x3D23D70A : f32
  %zb = arith.constant -3 : i32
  %s = arith.constant 0x3D4CCCCD : f32
  %z = arith.constant 11.0 : f64
  %wrong = arith.addf %z, %error : f64
  %expected = func.call @expected(%a, %b, %sa, %za, %sb, %zb, %s, %wrong) : (i8, i8, f32, i32, f32, i32, f32, f64) -> i8
  %d0 = func.call @differs(%sum, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

func.func @check_tied(%a: i8, %b: i8, %vb: vector<2xi8>, %error: f64) -> i32 {
  %va = vector.broadcast %a : i8 to vector<2xi8>
  %sum = bitnn.add %a, %b : i8 using #tied
  %sums = bitnn.add %va, %vb : vector<2xi8> using #tied
  %lane = vector.extract %sums[1] : i8 from vector<2xi8>
  %sa = arith.constant 0x3C49A00F : f32
  %za = arith.constant 7 : i32
  %sb = arith.constant 0x3C49A00F : f32
  %zb = arith.constant -3 : i32
  %s = arith.constant 0x3CC9A00F : f32
  %z = arith.constant 0.0 : f64
  %wrong = arith.addf %z, %error : f64
  %expected = func.call @expected(%a, %b, %sa, %za, %sb, %zb, %s, %wrong) : (i8, i8, f32, i32, f32, i32, f32, f64) -> i8
  %d0 = func.call @differs(%sum, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

func.func @check_distant(%a: i8, %b: i8, %vb: vector<2xi8>, %error: f64) -> i32 {
  %va = vector.broadcast %a : i8 to vector<2xi8>
  %sum = bitnn.add %a, %b : i8 using #distant
  %sums = bitnn.add %va, %vb : vector<2xi8> using #distant
  %lane = vector.extract %sums[1] : i8 from vector<2xi8>
  %sa = arith.constant 1.0e+10 : f32
  %za = arith.constant 0 : i32
  %sb = arith.constant 1.0 : f32
  %zb = arith.constant 0 : i32
  %s = arith.constant 1.0 : f32
  %z = arith.constant 0.0 : f64
  %wrong = arith.addf %z, %error : f64
  %expected = func.call @expected(%a, %b, %sa, %za, %sb, %zb, %s, %wrong) : (i8, i8, f32, i32, f32, i32, f32, f64) -> i8
  %d0 = func.call @differs(%sum, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

memref.global "private" constant @relu : memref<256xi8> = dense<"0xFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F">

func.func @check_relu(%x: i8, %at: index, %error: i8) -> i32 {
  %table = memref.get_global @relu : memref<256xi8>
  %entry = memref.load %table[%at] : memref<256xi8>
  %expected = arith.addi %entry, %error : i8
  %v = vector.broadcast %x : i8 to vector<3xi8>
  %y = bitnn.lookup %x : i8 in dense<"0xFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F"> : tensor<256xi8>
  %ys = bitnn.lookup %v : vector<3xi8> in dense<"0xFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F"> : tensor<256xi8>
  %lane = vector.extract %ys[2] : i8 from vector<3xi8>
  %d0 = func.call @differs(%y, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

memref.global "private" constant @narrow : memref<256xi8> = dense<"0xFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFCFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A">

func.func @check_narrow(%x: i8, %at: index, %error: i8) -> i32 {
  %table = memref.get_global @narrow : memref<256xi8>
  %entry = memref.load %table[%at] : memref<256xi8>
  %expected = arith.addi %entry, %error : i8
  %v = vector.broadcast %x : i8 to vector<3xi8>
  %y = bitnn.lookup %x : i8 in dense<"0xFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFCFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A"> : tensor<256xi8>
  %ys = bitnn.lookup %v : vector<3xi8> in dense<"0xFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFCFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A"> : tensor<256xi8>
  %lane = vector.extract %ys[2] : i8 from vector<3xi8>
  %d0 = func.call @differs(%y, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

memref.global "private" constant @constant : memref<256xi8> = dense<9>

func.func @check_constant(%x: i8, %at: index, %error: i8) -> i32 {
  %table = memref.get_global @constant : memref<256xi8>
  %entry = memref.load %table[%at] : memref<256xi8>
  %expected = arith.addi %entry, %error : i8
  %v = vector.broadcast %x : i8 to vector<3xi8>
  %y = bitnn.lookup %x : i8 in dense<9> : tensor<256xi8>
  %ys = bitnn.lookup %v : vector<3xi8> in dense<9> : tensor<256xi8>
  %lane = vector.extract %ys[2] : i8 from vector<3xi8>
  %d0 = func.call @differs(%y, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

memref.global "private" constant @scaled : memref<256xi8> = dense<"0xD5D5D5D6D6D6D7D7D8D8D8D9D9D9DADADBDBDBDCDCDCDDDDDEDEDEDFDFDFE0E0E0E1E1E2E2E2E3E3E3E4E4E5E5E5E6E6E6E7E7E8E8E8E9E9E9EAEAEAEBEBECECECEDEDEDEEEEEFEFEFF0F0F0F1F1F2F2F2F3F3F3F4F4F4F5F5F6F6F6F7F7F7F8F8F9F9F9FAFAFAFBFBFBFCFCFDFDFDFEFEFEFFFF0000000101010202030303040404050505060607070708080809090A0A0A0B0B0B0C0C0D0D0D0E0E0E0F0F0F1010111111121212131314141415151516161617171818181919191A1A1B1B1B1C1C1C1D1D1E1E1E1F1F1F2020202121222222232323242425252526262627272828282929292A2A2A2B2B2C2C2C2D2D2D2E2E2F2F2F30303031313232323333">

func.func @check_scaled(%x: i8, %at: index, %error: i8) -> i32 {
  %table = memref.get_global @scaled : memref<256xi8>
  %entry = memref.load %table[%at] : memref<256xi8>
  %expected = arith.addi %entry, %error : i8
  %v = vector.broadcast %x : i8 to vector<3xi8>
  %y = bitnn.lookup %x : i8 in dense<"0xD5D5D5D6D6D6D7D7D8D8D8D9D9D9DADADBDBDBDCDCDCDDDDDEDEDEDFDFDFE0E0E0E1E1E2E2E2E3E3E3E4E4E5E5E5E6E6E6E7E7E8E8E8E9E9E9EAEAEAEBEBECECECEDEDEDEEEEEFEFEFF0F0F0F1F1F2F2F2F3F3F3F4F4F4F5F5F6F6F6F7F7F7F8F8F9F9F9FAFAFAFBFBFBFCFCFDFDFDFEFEFEFFFF0000000101010202030303040404050505060607070708080809090A0A0A0B0B0B0C0C0D0D0D0E0E0E0F0F0F1010111111121212131314141415151516161617171818181919191A1A1B1B1B1C1C1C1D1D1E1E1E1F1F1F2020202121222222232323242425252526262627272828282929292A2A2A2B2B2C2C2C2D2D2D2E2E2F2F2F30303031313232323333"> : tensor<256xi8>
  %ys = bitnn.lookup %v : vector<3xi8> in dense<"0xD5D5D5D6D6D6D7D7D8D8D8D9D9D9DADADBDBDBDCDCDCDDDDDEDEDEDFDFDFE0E0E0E1E1E2E2E2E3E3E3E4E4E5E5E5E6E6E6E7E7E8E8E8E9E9E9EAEAEAEBEBECECECEDEDEDEEEEEFEFEFF0F0F0F1F1F2F2F2F3F3F3F4F4F4F5F5F6F6F6F7F7F7F8F8F9F9F9FAFAFAFBFBFBFCFCFDFDFDFEFEFEFFFF0000000101010202030303040404050505060607070708080809090A0A0A0B0B0B0C0C0D0D0D0E0E0E0F0F0F1010111111121212131314141415151516161617171818181919191A1A1B1B1B1C1C1C1D1D1E1E1E1F1F1F2020202121222222232323242425252526262627272828282929292A2A2A2B2B2C2C2C2D2D2D2E2E2F2F2F30303031313232323333"> : tensor<256xi8>
  %lane = vector.extract %ys[2] : i8 from vector<3xi8>
  %d0 = func.call @differs(%y, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

memref.global "private" constant @half : memref<256xi8> = dense<"0xC0C0C1C1C2C2C3C3C4C4C5C5C6C6C7C7C8C8C9C9CACACBCBCCCCCDCDCECECFCFD0D0D1D1D2D2D3D3D4D4D5D5D6D6D7D7D8D8D9D9DADADBDBDCDCDDDDDEDEDFDFE0E0E1E1E2E2E3E3E4E4E5E5E6E6E7E7E8E8E9E9EAEAEBEBECECEDEDEEEEEFEFF0F0F1F1F2F2F3F3F4F4F5F5F6F6F7F7F8F8F9F9FAFAFBFBFCFCFDFDFEFEFFFF00000101020203030404050506060707080809090A0A0B0B0C0C0D0D0E0E0F0F10101111121213131414151516161717181819191A1A1B1B1C1C1D1D1E1E1F1F20202121222223232424252526262727282829292A2A2B2B2C2C2D2D2E2E2F2F30303131323233333434353536363737383839393A3A3B3B3C3C3D3D3E3E3F3F">

func.func @check_half(%x: i8, %at: index, %error: i8) -> i32 {
  %table = memref.get_global @half : memref<256xi8>
  %entry = memref.load %table[%at] : memref<256xi8>
  %expected = arith.addi %entry, %error : i8
  %v = vector.broadcast %x : i8 to vector<3xi8>
  %y = bitnn.lookup %x : i8 in dense<"0xC0C0C1C1C2C2C3C3C4C4C5C5C6C6C7C7C8C8C9C9CACACBCBCCCCCDCDCECECFCFD0D0D1D1D2D2D3D3D4D4D5D5D6D6D7D7D8D8D9D9DADADBDBDCDCDDDDDEDEDFDFE0E0E1E1E2E2E3E3E4E4E5E5E6E6E7E7E8E8E9E9EAEAEBEBECECEDEDEEEEEFEFF0F0F1F1F2F2F3F3F4F4F5F5F6F6F7F7F8F8F9F9FAFAFBFBFCFCFDFDFEFEFFFF00000101020203030404050506060707080809090A0A0B0B0C0C0D0D0E0E0F0F10101111121213131414151516161717181819191A1A1B1B1C1C1D1D1E1E1F1F20202121222223232424252526262727282829292A2A2B2B2C2C2D2D2E2E2F2F30303131323233333434353536363737383839393A3A3B3B3C3C3D3D3E3E3F3F"> : tensor<256xi8>
  %ys = bitnn.lookup %v : vector<3xi8> in dense<"0xC0C0C1C1C2C2C3C3C4C4C5C5C6C6C7C7C8C8C9C9CACACBCBCCCCCDCDCECECFCFD0D0D1D1D2D2D3D3D4D4D5D5D6D6D7D7D8D8D9D9DADADBDBDCDCDDDDDEDEDFDFE0E0E1E1E2E2E3E3E4E4E5E5E6E6E7E7E8E8E9E9EAEAEBEBECECEDEDEEEEEFEFF0F0F1F1F2F2F3F3F4F4F5F5F6F6F7F7F8F8F9F9FAFAFBFBFCFCFDFDFEFEFFFF00000101020203030404050506060707080809090A0A0B0B0C0C0D0D0E0E0F0F10101111121213131414151516161717181819191A1A1B1B1C1C1D1D1E1E1F1F20202121222223232424252526262727282829292A2A2B2B2C2C2D2D2E2E2F2F30303131323233333434353536363737383839393A3A3B3B3C3C3D3D3E3E3F3F"> : tensor<256xi8>
  %lane = vector.extract %ys[2] : i8 from vector<3xi8>
  %d0 = func.call @differs(%y, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

memref.global "private" constant @random : memref<256xi8> = dense<"0xF9C23D72A1867004F7E270734BCDF6CD4787A0D1951A8F0972465A4A63C43BB192C57DEF045F1A57453350F62C8E0FD327B5EC0811BFA07677AD30A252CD8A165A54BC969741290EF8921E83A7B790E5501506CF952D2038C641406B45B40A5CF91A5F041B2D8554218A40C49E2A6E34340E7A8B9F8A3D00691823DA3ADE203D071941B58DC31EF109FA27DF5EB1B4242AF260D6A82CEF660AF3BD91E121DD0E2EAB30C257150A6D31551456519253CFE682745EF19069132EF4A212BDFD9791E55C998676BDD719FA8A539BBA2EC001749F34F1E5BEBDD7FA0CC183794C990AFF09589A7225809CC097BF99A37790AC7A21D021A43345471B3807E1285BBFC1">

func.func @check_random(%x: i8, %at: index, %error: i8) -> i32 {
  %table = memref.get_global @random : memref<256xi8>
  %entry = memref.load %table[%at] : memref<256xi8>
  %expected = arith.addi %entry, %error : i8
  %v = vector.broadcast %x : i8 to vector<3xi8>
  %y = bitnn.lookup %x : i8 in dense<"0xF9C23D72A1867004F7E270734BCDF6CD4787A0D1951A8F0972465A4A63C43BB192C57DEF045F1A57453350F62C8E0FD327B5EC0811BFA07677AD30A252CD8A165A54BC969741290EF8921E83A7B790E5501506CF952D2038C641406B45B40A5CF91A5F041B2D8554218A40C49E2A6E34340E7A8B9F8A3D00691823DA3ADE203D071941B58DC31EF109FA27DF5EB1B4242AF260D6A82CEF660AF3BD91E121DD0E2EAB30C257150A6D31551456519253CFE682745EF19069132EF4A212BDFD9791E55C998676BDD719FA8A539BBA2EC001749F34F1E5BEBDD7FA0CC183794C990AFF09589A7225809CC097BF99A37790AC7A21D021A43345471B3807E1285BBFC1"> : tensor<256xi8>
  %ys = bitnn.lookup %v : vector<3xi8> in dense<"0xF9C23D72A1867004F7E270734BCDF6CD4787A0D1951A8F0972465A4A63C43BB192C57DEF045F1A57453350F62C8E0FD327B5EC0811BFA07677AD30A252CD8A165A54BC969741290EF8921E83A7B790E5501506CF952D2038C641406B45B40A5CF91A5F041B2D8554218A40C49E2A6E34340E7A8B9F8A3D00691823DA3ADE203D071941B58DC31EF109FA27DF5EB1B4242AF260D6A82CEF660AF3BD91E121DD0E2EAB30C257150A6D31551456519253CFE682745EF19069132EF4A212BDFD9791E55C998676BDD719FA8A539BBA2EC001749F34F1E5BEBDD7FA0CC183794C990AFF09589A7225809CC097BF99A37790AC7A21D021A43345471B3807E1285BBFC1"> : tensor<256xi8>
  %lane = vector.extract %ys[2] : i8 from vector<3xi8>
  %d0 = func.call @differs(%y, %expected) : (i8, i8) -> i32
  %d1 = func.call @differs(%lane, %expected) : (i8, i8) -> i32
  %d = arith.addi %d0, %d1 : i32
  return %d : i32
}

func.func @check(%error: i8) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c256 = arith.constant 256 : index
  %none = arith.constant 0 : i32
  %lowest = arith.constant -128 : i8
  %float_error = arith.sitofp %error : i8 to f64
  %total = scf.for %i = %c0 to %c256 step %c1 iter_args(%outer = %none) -> (i32) {
    %ai = arith.index_cast %i : index to i8
    %a = arith.addi %ai, %lowest : i8
    %l0 = func.call @check_relu(%a, %i, %error) : (i8, index, i8) -> i32
    %s0 = arith.addi %outer, %l0 : i32
    %l1 = func.call @check_narrow(%a, %i, %error) : (i8, index, i8) -> i32
    %s1 = arith.addi %s0, %l1 : i32
    %l2 = func.call @check_constant(%a, %i, %error) : (i8, index, i8) -> i32
    %s2 = arith.addi %s1, %l2 : i32
    %l3 = func.call @check_scaled(%a, %i, %error) : (i8, index, i8) -> i32
    %s3 = arith.addi %s2, %l3 : i32
    %l4 = func.call @check_half(%a, %i, %error) : (i8, index, i8) -> i32
    %s4 = arith.addi %s3, %l4 : i32
    %l5 = func.call @check_random(%a, %i, %error) : (i8, index, i8) -> i32
    %s5 = arith.addi %s4, %l5 : i32
    %pairs = scf.for %j = %c0 to %c256 step %c1 iter_args(%inner = %s5) -> (i32) {
      %bj = arith.index_cast %j : index to i8
      %b = arith.addi %bj, %lowest : i8
      %vb = vector.broadcast %b : i8 to vector<2xi8>
      %p0 = func.call @check_powers(%a, %b, %vb, %float_error) : (i8, i8, vector<2xi8>, f64) -> i32
      %t0 = arith.addi %inner, %p0 : i32
      %p1 = func.call @check_general(%a, %b, %vb, %float_error) : (i8, i8, vector<2xi8>, f64) -> i32
      %t1 = arith.addi %t0, %p1 : i32
      %p2 = func.call @check_tied(%a, %b, %vb, %float_error) : (i8, i8, vector<2xi8>, f64) -> i32
      %t2 = arith.addi %t1, %p2 : i32
      %p3 = func.call @check_distant(%a, %b, %vb, %float_error) : (i8, i8, vector<2xi8>, f64) -> i32
      %t3 = arith.addi %t2, %p3 : i32
      scf.yield %t3 : i32
    }
    scf.yield %pairs : i32
  }
  return %total : i32
}

func.func @main() -> i32 {
  %none = arith.constant 0 : i8
  %count = func.call @check(%none) : (i8) -> i32
  return %count : i32
}

func.func @planted() -> i32 {
  %one = arith.constant 1 : i8
  %count = func.call @check(%one) : (i8) -> i32
  return %count : i32
}
