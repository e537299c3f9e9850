// RUN: bitnn-opt %s --bitnn-attach-target="triple=x86_64-unknown-linux-gnu cpu=x86-64-v3" --convert-bitnn-to-arith --canonicalize | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: bitnn-opt %s --bitnn-attach-target="triple=x86_64-unknown-linux-gnu cpu=x86-64-v4" --convert-bitnn-to-arith --canonicalize | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: bitnn-opt %s --bitnn-attach-target="triple=x86_64-unknown-linux-gnu cpu=icelake-server" --convert-bitnn-to-arith --canonicalize | FileCheck %s --check-prefixes=CHECK,VBMI
// RUN: bitnn-opt %s --bitnn-attach-target="triple=aarch64-unknown-linux-gnu cpu=generic" --convert-bitnn-to-arith --canonicalize | FileCheck %s --check-prefixes=CHECK,NEON
// RUN: bitnn-opt %s --bitnn-attach-target="triple=x86_64-unknown-linux-gnu cpu=x86-64" --convert-bitnn-to-arith --canonicalize | FileCheck %s --check-prefix=SCALAR --implicit-check-not=call_intrinsic

// 255, 254, ... 0, as bytes.
#table = dense<"0xFFFEFDFCFBFAF9F8F7F6F5F4F3F2F1F0EFEEEDECEBEAE9E8E7E6E5E4E3E2E1E0DFDEDDDCDBDAD9D8D7D6D5D4D3D2D1D0CFCECDCCCBCAC9C8C7C6C5C4C3C2C1C0BFBEBDBCBBBAB9B8B7B6B5B4B3B2B1B0AFAEADACABAAA9A8A7A6A5A4A3A2A1A09F9E9D9C9B9A999897969594939291908F8E8D8C8B8A898887868584838281807F7E7D7C7B7A797877767574737271706F6E6D6C6B6A696867666564636261605F5E5D5C5B5A595857565554535251504F4E4D4C4B4A494847464544434241403F3E3D3C3B3A393837363534333231302F2E2D2C2B2A292827262524232221201F1E1D1C1B1A191817161514131211100F0E0D0C0B0A09080706050403020100"> : tensor<256xi8>

// CHECK-LABEL: func.func @descending(
// CHECK-SAME: %[[X:.*]]: vector<16xi8>
// SCALAR-LABEL: func.func @descending(
func.func @descending(%x: vector<16xi8>) -> vector<16xi8> {
  // The entries from 0 to 15 first, and those of later steps with the ones
  // before them taken out.
  // AVX2-DAG: %[[FIRST:.*]] = arith.constant dense<[127, 126, 125, 124, 123, 122, 121, 120, 119, 118, 117, 116, 115, 114, 113, 112]>
  // AVX2-DAG: %[[DIFFERENCE:.*]] = arith.constant dense<16> : vector<16xi8>
  // AVX2-DAG: %[[M16:.*]] = arith.constant dense<-16> : vector<16xi8>
  // AVX2-DAG: %[[M128:.*]] = arith.constant dense<-128> : vector<16xi8>
  // AVX2: %[[P0:.*]] = arith.maxsi %[[X]], %[[M16]] : vector<16xi8>
  // AVX2-NEXT: %[[L0:.*]] = llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"(%[[FIRST]], %[[P0]])
  // AVX2-NEXT: %[[P1:.*]] = arith.addi %[[P0]], %[[M16]]
  // AVX2-NEXT: %[[L1:.*]] = llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"(%{{.*}}, %[[P1]])
  // AVX2-NEXT: arith.xori %[[L0]], %[[L1]] : vector<16xi8>
  // AVX2-COUNT-6: llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"
  // AVX2: %[[UPPER:.*]] = arith.xori %[[X]], %[[M128]]
  // AVX2: arith.maxsi %[[UPPER]], %[[M16]]
  // AVX2-COUNT-8: llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"
  // AVX2-NOT: call_intrinsic
  // AVX2: return

  // AVX512-COUNT-16: llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"
  // AVX512-NOT: call_intrinsic
  // AVX512: return

  // VBMI: %[[WIDE:.*]] = vector.shuffle %[[X]], %[[X]] [0, 1, {{.*}}, 15, -1, {{.*}}] : vector<16xi8>, vector<16xi8>
  // VBMI-DAG: %[[NEGATIVE:.*]] = arith.cmpi slt, %[[WIDE]], %{{.*}} : vector<64xi8>
  // VBMI-DAG: %[[A:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%{{.*}}, %[[WIDE]], %{{.*}})
  // VBMI-DAG: %[[B:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%{{.*}}, %[[WIDE]], %{{.*}})
  // VBMI: %[[Y:.*]] = arith.select %[[NEGATIVE]], %{{.*}}, %{{.*}} : vector<64xi1>, vector<64xi8>
  // VBMI: vector.shuffle %[[Y]], %[[Y]] [0, 1, {{.*}}, 15] : vector<64xi8>, vector<64xi8>

  // NEON-DAG: %[[M64:.*]] = arith.constant dense<-64> : vector<16xi8>
  // NEON-DAG: %[[M128:.*]] = arith.constant dense<-128> : vector<16xi8>
  // NEON-DAG: %[[M192:.*]] = arith.constant dense<64> : vector<16xi8>
  // NEON: %[[Y0:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.tbl4"({{.*}}, %[[X]])
  // NEON-NEXT: %[[X1:.*]] = arith.addi %[[X]], %[[M64]]
  // NEON-NEXT: %[[Y1:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.tbx4"(%[[Y0]], {{.*}}, %[[X1]])
  // NEON-NEXT: %[[X2:.*]] = arith.addi %[[X]], %[[M128]]
  // NEON-NEXT: %[[Y2:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.tbx4"(%[[Y1]], {{.*}}, %[[X2]])
  // NEON-NEXT: %[[X3:.*]] = arith.addi %[[X]], %[[M192]]
  // NEON-NEXT: %[[Y3:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.tbx4"(%[[Y2]], {{.*}}, %[[X3]])
  // NEON-NEXT: return %[[Y3]]

  // SCALAR-COUNT-16: memref.load
  %y = bitnn.lookup %x : vector<16xi8> in #table
  return %y : vector<16xi8>
}

// Wider vectors, where there are some.
// CHECK-LABEL: func.func @wide(
func.func @wide(%x: vector<64xi8>) -> vector<64xi8> {
  // AVX2-COUNT-64: memref.load
  // AVX512-COUNT-16: llvm.call_intrinsic "llvm.x86.avx512.pshuf.b.512"
  // VBMI-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
  // NEON-COUNT-64: memref.load
  // CHECK: return
  %y = bitnn.lookup %x : vector<64xi8> in #table
  return %y : vector<64xi8>
}

// Few bytes are looked up one by one, except by the instruction for all.
// CHECK-LABEL: func.func @few(
func.func @few(%x: vector<8xi8>) -> vector<8xi8> {
  // AVX2-COUNT-8: memref.load
  // AVX512-COUNT-8: memref.load
  // VBMI-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
  // NEON-COUNT-8: memref.load
  // CHECK: return
  %y = bitnn.lookup %x : vector<8xi8> in #table
  return %y : vector<8xi8>
}
