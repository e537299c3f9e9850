// RUN: bitnn-opt %s --bitnn-form-entry --split-input-file --verify-diagnostics

// expected-error@+1 {{needs exactly one public function, the network, but has 0}}
module {
  func.func private @f(%x: tensor<4xi8>) -> tensor<4xi8> {
    return %x : tensor<4xi8>
  }
}

// -----

// expected-error@+1 {{needs exactly one public function, the network, but has 2}}
module {
  func.func @f(%x: tensor<4xi8>) -> tensor<4xi8> {
    return %x : tensor<4xi8>
  }
  func.func @g(%x: tensor<4xi8>) -> tensor<4xi8> {
    return %x : tensor<4xi8>
  }
}

// -----

// expected-error@+1 {{'func.func' op has an edge of type 'tensor<?x4xi8>'; an entry function needs tensors of static shape}}
func.func @dynamic_input(%x: tensor<?x4xi8>) {
  return
}

// -----

// expected-error@+1 {{'func.func' op has an edge of type 'tensor<?xi8>'; an entry function needs tensors of static shape}}
func.func @dynamic_output(%x: tensor<4xi8>) -> tensor<?xi8> {
  %y = tensor.cast %x : tensor<4xi8> to tensor<?xi8>
  return %y : tensor<?xi8>
}

// -----

// expected-error@+1 {{'func.func' op has an edge of type 'tensor<*xi8>'}}
func.func @unranked(%x: tensor<*xi8>) {
  return
}

// -----

// expected-error@+1 {{'func.func' op has an edge of type 'i32'}}
func.func @scalar(%x: i32) {
  return
}

// -----

// expected-error@+1 {{'func.func' op has an edge of type 'memref<4xi8>'}}
func.func @formed_already(%x: memref<4xi8>) {
  return
}
