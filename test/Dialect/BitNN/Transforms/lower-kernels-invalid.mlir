// RUN: bitnn-opt %s --bitnn-lower-kernels --split-input-file --verify-diagnostics

// expected-error@+1 {{has no 'bitnn.target'; run bitnn-attach-target first}}
module {}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<1x3xi8> = dense<1>
  func.func @multiply(%x: memref<1x3xi8>, %y: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x3xi8>
    // expected-error@+1 {{'bitnn.matmul' op has the schedule multiply, which is lowered on tensors; run convert-bitnn-to-linalg before bufferization}}
    bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<1x3xi8>) outs(%y : memref<1x1xi32>) encoding = csd schedule = multiply
    return
  }
}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  func.func @variable_weights(%x: memref<1x3xi8>, %w: memref<1x3xi8>, %y: memref<1x1xi32>) {
    // expected-error@+1 {{'bitnn.matmul' op needs constant weights; make them an initializer of the network}}
    bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<1x3xi8>) outs(%y : memref<1x1xi32>) encoding = csd
    return
  }
}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" @w : memref<1x1x1x1xi8> = dense<1>
  func.func @mutable_weights(%x: memref<1x1x1x1xi8>, %y: memref<1x1x1x1xi32>) {
    %w = memref.get_global @w : memref<1x1x1x1xi8>
    // expected-error@+1 {{'bitnn.conv_2d' op needs constant weights; make them an initializer of the network}}
    bitnn.conv_2d ins(%x, %w : memref<1x1x1x1xi8>, memref<1x1x1x1xi8>) outs(%y : memref<1x1x1x1xi32>) encoding = csd
    return
  }
}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<1x3xi8> = dense<1>
  func.func @variable_bias(%x: memref<1x3xi8>, %b: memref<1xi32>, %y: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x3xi8>
    // expected-error@+1 {{'bitnn.matmul' op needs a constant bias}}
    bitnn.matmul ins(%x, %w, %b : memref<1x3xi8>, memref<1x3xi8>, memref<1xi32>) outs(%y : memref<1x1xi32>) encoding = csd
    return
  }
}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<1x3xi8> = dense<1>
  func.func @dynamic_layout(%x: memref<1x3xi8, strided<[3, 1], offset: ?>>, %y: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x3xi8>
    // expected-error@+1 {{'bitnn.matmul' op needs buffers of static layout, but one is 'memref<1x3xi8, strided<[3, 1], offset: ?>>'}}
    bitnn.matmul ins(%x, %w : memref<1x3xi8, strided<[3, 1], offset: ?>>, memref<1x3xi8>) outs(%y : memref<1x1xi32>) encoding = csd
    return
  }
}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<1x3xi8> = dense<1>
  func.func @no_elementwise_epilogue(%x: memref<1x3xi8>, %m: memref<1xi32>, %y: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x3xi8>
    bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<1x3xi8>) outs(%y : memref<1x1xi32>) encoding = csd epilogue {
    ^bb0(%acc: i32, %f: index):
      // expected-error@+1 {{'memref.load' op is not elementwise, so it cannot be part of an epilogue}}
      %0 = memref.load %m[%f] : memref<1xi32>
      bitnn.yield %0 : i32
    }
    return
  }
}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<1x3xi8> = dense<1>
  func.func @reads_outside(%x: memref<1x3xi8>, %v: i32, %y: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x3xi8>
    bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<1x3xi8>) outs(%y : memref<1x1xi32>) encoding = csd schedule = table epilogue {
    ^bb0(%acc: i32, %f: index):
      // expected-error@+1 {{'arith.addi' op reads a value from outside of the epilogue that is not a constant}}
      %0 = arith.addi %acc, %v : i32
      bitnn.yield %0 : i32
    }
    return
  }
}

// -----

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  memref.global "private" constant @w : memref<1x3xi8> = dense<1>
  func.func @yields_outside(%x: memref<1x3xi8>, %v: i32, %y: memref<1x1xi32>) {
    %w = memref.get_global @w : memref<1x3xi8>
    // expected-error@+1 {{'bitnn.matmul' op has an epilogue that does not use its accumulator}}
    bitnn.matmul ins(%x, %w : memref<1x3xi8>, memref<1x3xi8>) outs(%y : memref<1x1xi32>) encoding = csd epilogue {
    ^bb0(%acc: i32, %f: index):
      bitnn.yield %v : i32
    }
    return
  }
}
