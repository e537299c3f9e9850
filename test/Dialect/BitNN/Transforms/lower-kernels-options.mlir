// RUN: bitnn-opt %s --bitnn-lower-kernels="accumulators=4 registers=5" --verify-diagnostics

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<1x3xi8> = dense<1>
  func.func @few(%x: memref<1x3xi8>, %y: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x3xi8>
    // expected-error@+1 {{'bitnn.matmul' op cannot have 4 accumulators in 5 registers; give bitnn-lower-kernels at most 64 accumulators, and 2 registers more}}
    bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<1x3xi8>) outs(%y : memref<1x1xi32>) encoding = csd schedule = straight_line
    return
  }
}
