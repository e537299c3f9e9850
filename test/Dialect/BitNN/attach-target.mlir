// RUN: bitnn-opt %s --bitnn-attach-target="triple=riscv32-unknown-elf cpu=generic-rv32 features=+e" | FileCheck %s

// CHECK: module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "+e">}
module {}
