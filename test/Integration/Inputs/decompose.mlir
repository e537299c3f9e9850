// Replaces every layer by one generic per plane.
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %layers = transform.structured.match ops{["bitnn.conv_2d", "bitnn.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %decomposed = transform.structured.decompose_interface %layers : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
