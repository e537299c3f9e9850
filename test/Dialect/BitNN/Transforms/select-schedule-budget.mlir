// RUN: bitnn-opt %s --bitnn-select-schedule | FileCheck %s --check-prefix=DEFAULT
// RUN: bitnn-opt %s --bitnn-select-schedule=max-code-size=50000 | FileCheck %s --check-prefix=LARGEST
// RUN: bitnn-opt %s --bitnn-select-schedule=max-code-size=1000 | FileCheck %s --check-prefix=ALL
// RUN: bitnn-opt %s --bitnn-select-schedule="schedule=straight-line max-code-size=1000" | FileCheck %s --check-prefix=TOLD
// RUN: bitnn-opt %s --bitnn-select-schedule=tables=l0_medium,l3_tiny | FileCheck %s --check-prefix=TABLES

// The target's budget holds all layers; a smaller one is kept by tables for the
// largest layers, but never for one whose table would be larger than its code.

// DEFAULT-COUNT-4: reason = "straight-line code of about {{[0-9]+}} bytes fits", schedule = "straight-line"

// LARGEST: name = "medium", {{[^}]*[}],}} reason = "straight-line code of about {{[0-9]+}} bytes fits", schedule = "straight-line"
// LARGEST-SAME: name = "large", {{[^}]*[}],}} reason = "straight-line code of about {{[0-9]+}} bytes would exceed the budget of 50000 for the network", schedule = "table"
// LARGEST-SAME: name = "small", {{[^}]*[}][^}]*}} bytes fits", schedule = "straight-line"
// LARGEST-SAME: name = "tiny", {{[^}]*[}][^}]*}} bytes fits", schedule = "straight-line"

// ALL: name = "medium", {{[^}]*[}][^}]*}} budget of 1000 for the network", schedule = "table"
// ALL-SAME: name = "large", {{[^}]*[}][^}]*}} budget of 1000 for the network", schedule = "table"
// ALL-SAME: name = "small", {{[^}]*[}][^}]*}} budget of 1000 for the network", schedule = "table"
// ALL-SAME: name = "tiny", {{[^}]*[}],}} reason = "a table would not be smaller than straight-line code of about {{[0-9]+}} bytes", schedule = "straight-line"

// TOLD-COUNT-4: reason = "asked for by option", schedule = "straight-line"

// TABLES: name = "medium", {{[^}]*[}],}} reason = "straight-line code would need more scratch memory than there is", schedule = "table"
// TABLES-SAME: name = "large", {{[^}]*[}][^}]*}} schedule = "straight-line"
// TABLES-SAME: name = "small", {{[^}]*[}][^}]*}} schedule = "straight-line"
// TABLES-SAME: name = "tiny", {{[^}]*[}],}} reason = "straight-line code would need more scratch memory than there is", schedule = "table"

module attributes {bitnn.target = #bitnn.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "">} {
  func.func @model(%x: tensor<1x64xi8>, %i0: tensor<1x16xi32>, %i1: tensor<1x24xi32>, %i2: tensor<1x8xi32>, %i3: tensor<1x1xi32>)
      -> (tensor<1x16xi32>, tensor<1x24xi32>, tensor<1x8xi32>, tensor<1x1xi32>) {
    %w0 = arith.constant dense<85> : tensor<16x64xi8>
    %w1 = arith.constant dense<85> : tensor<24x64xi8>
    %w2 = arith.constant dense<1> : tensor<8x64xi8>
    %w3 = arith.constant dense<1> : tensor<1x64xi8>
    // DEFAULT-COUNT-4: bitnn.matmul {{.*}} schedule = straight_line
    // LARGEST: bitnn.matmul {{.*}} schedule = straight_line {bitnn.kernel = "l0_medium"}
    // LARGEST: bitnn.matmul {{.*}} schedule = table {bitnn.kernel = "l1_large"}
    // LARGEST-COUNT-2: bitnn.matmul {{.*}} schedule = straight_line
    // ALL-COUNT-3: bitnn.matmul {{.*}} schedule = table
    // ALL: bitnn.matmul {{.*}} schedule = straight_line
    // TOLD-COUNT-4: bitnn.matmul {{.*}} schedule = straight_line
    %0 = bitnn.matmul ins(%x, %w0 : tensor<1x64xi8>, tensor<16x64xi8>) outs(%i0 : tensor<1x16xi32>) encoding = csd -> tensor<1x16xi32> loc("medium")
    %1 = bitnn.matmul ins(%x, %w1 : tensor<1x64xi8>, tensor<24x64xi8>) outs(%i1 : tensor<1x24xi32>) encoding = csd -> tensor<1x24xi32> loc("large")
    %2 = bitnn.matmul ins(%x, %w2 : tensor<1x64xi8>, tensor<8x64xi8>) outs(%i2 : tensor<1x8xi32>) encoding = csd -> tensor<1x8xi32> loc("small")
    %3 = bitnn.matmul ins(%x, %w3 : tensor<1x64xi8>, tensor<1x64xi8>) outs(%i3 : tensor<1x1xi32>) encoding = csd -> tensor<1x1xi32> loc("tiny")
    return %0, %1, %2, %3 : tensor<1x16xi32>, tensor<1x24xi32>, tensor<1x8xi32>, tensor<1x1xi32>
  }
}
