// A network that 32-bit addresses cannot reach is refused, by what it needs.

// RUN: rm -f %t.o
// RUN: not bitnn-compile %s --target=rv32i -o %t.o 2>&1 | FileCheck %s
// RUN: not test -e %t.o
// RUN: bitnn-compile %s --target=aarch64 -o %t.o

// CHECK: address-space.mlir: error: needs 0 bytes of constants, {{[0-9]+}} of scratch memory and 3200000000 of inputs and outputs, more than addresses of 32 bits reach; choose another target, or make the largest images smaller

func.func @net(%x: tensor<40000x40000xi8>) -> tensor<40000x40000xi8> {
  %e = tensor.empty() : tensor<40000x40000xi8>
  %a = linalg.transpose ins(%x : tensor<40000x40000xi8>) outs(%e : tensor<40000x40000xi8>) permutation = [1, 0]
  %p = linalg.max ins(%a, %x : tensor<40000x40000xi8>, tensor<40000x40000xi8>) outs(%e : tensor<40000x40000xi8>) -> tensor<40000x40000xi8>
  %b = linalg.transpose ins(%p : tensor<40000x40000xi8>) outs(%e : tensor<40000x40000xi8>) permutation = [1, 0]
  %q = linalg.max ins(%a, %b : tensor<40000x40000xi8>, tensor<40000x40000xi8>) outs(%e : tensor<40000x40000xi8>) -> tensor<40000x40000xi8>
  return %q : tensor<40000x40000xi8>
}
