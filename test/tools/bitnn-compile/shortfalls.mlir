// What was declined, why and what to do is in the table and in the report.
// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: bitnn-compile %s --target=x86-64 --multiply=layers -o a.o --report=a.json | FileCheck %s --check-prefix=TABLE
// TABLE: scores: no operand is constant{{.*}}; make the weights a constant
// RUN: FileCheck %s --check-prefix=JSON < a.json
// JSON: "shortfalls": [
// JSON: "layer": "scores"
// JSON-NEXT: "reason": "no operand is constant
// JSON-NEXT: "suggestion": "make the weights a constant

func.func @net(%q: tensor<2x3xi8>, %k: tensor<3x2xi8>) -> tensor<2x2xi32> {
  %init = arith.constant dense<0> : tensor<2x2xi32>
  %y = linalg.matmul ins(%q, %k : tensor<2x3xi8>, tensor<3x2xi8>) outs(%init : tensor<2x2xi32>) -> tensor<2x2xi32> loc("scores")
  return %y : tensor<2x2xi32>
}
