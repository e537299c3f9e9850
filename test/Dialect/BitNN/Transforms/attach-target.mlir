// RUN: bitnn-opt %s --bitnn-attach-target | FileCheck %s --check-prefix=DEFAULT
// RUN: bitnn-opt %s --bitnn-attach-target="triple=riscv32-unknown-elf cpu=generic-rv32 features=+e" | FileCheck %s --check-prefix=RV32E
// RUN: bitnn-opt %s --bitnn-attach-target="triple=aarch64-unknown-linux-gnu" | FileCheck %s --check-prefix=TRIPLE
// RUN: bitnn-opt %s --bitnn-attach-target="cpu=x86-64-v3" | FileCheck %s --check-prefix=CPU
// RUN: bitnn-opt %s --bitnn-attach-target="features=+avx2,-ssse3" | FileCheck %s --check-prefix=FEATURES

// DEFAULT: module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "">}
// RV32E: module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "+e">}
// TRIPLE: module attributes {bitnn.target = #bitnn.target<triple = "aarch64-unknown-linux-gnu", cpu = "x86-64", features = "">}
// CPU: module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">}
// FEATURES: module attributes {bitnn.target = #bitnn.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64", features = "+avx2,-ssse3">}

// A target that is there already is replaced.
module attributes {bitnn.target = #bitnn.target<triple = "old", cpu = "old", features = "old">} {}
