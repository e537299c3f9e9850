# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# One library without MLIR: only LLVM's support classes.
#   add_bitnn_plain_library(NAME sources...)
function(add_bitnn_plain_library name)
  add_library(${name} STATIC ${ARGN})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  llvm_update_compile_flags(${name})
  target_link_libraries(${name} PUBLIC LLVM)
endfunction()

# One library on MLIR. The headers every translation unit needs are compiled once.
#   add_bitnn_library(NAME sources... DEPENDS tablegen-targets... LINK libraries...)
function(add_bitnn_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  llvm_update_compile_flags(${name})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  bitnn_reuse_precompiled_header(${name})
endfunction()

# A tool in build/bin; a PLAIN one does without MLIR.
#   add_bitnn_tool(NAME [PLAIN] sources... LINK libraries...)
function(add_bitnn_tool name)
  cmake_parse_arguments(ARG "PLAIN" "" "LINK" ${ARGN})
  add_llvm_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  llvm_update_compile_flags(${name})
  if(ARG_PLAIN)
    target_link_libraries(${name} PRIVATE ${ARG_LINK} LLVM)
  else()
    target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
    bitnn_reuse_precompiled_header(${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY BITNN_TOOLS ${name})
endfunction()

# A GoogleTest binary, run by check-bitnn.
#   add_bitnn_unittest(NAME sources... LINK libraries...)
function(add_bitnn_unittest name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  llvm_update_compile_flags(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main LLVM)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                        ${CMAKE_BINARY_DIR}/unittests)
  set_property(GLOBAL APPEND PROPERTY BITNN_UNITTESTS ${name})
endfunction()

# Parsing MLIR's headers costs about 8 s a file, with this about 1 s.
function(bitnn_reuse_precompiled_header name)
  if(NOT TARGET bitnn-precompiled-header)
    file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cpp "")
    add_library(bitnn-precompiled-header OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
    set_target_properties(bitnn-precompiled-header PROPERTIES POSITION_INDEPENDENT_CODE ON)
    llvm_update_compile_flags(bitnn-precompiled-header)
    target_precompile_headers(bitnn-precompiled-header PRIVATE
      <mlir/Dialect/Arith/IR/Arith.h>
      <mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h>
      <mlir/Dialect/Bufferization/IR/Bufferization.h>
      <mlir/Dialect/Func/IR/FuncOps.h>
      <mlir/Dialect/Linalg/IR/Linalg.h>
      <mlir/Dialect/MemRef/IR/MemRef.h>
      <mlir/Dialect/SCF/IR/SCF.h>
      <mlir/Dialect/Tensor/IR/Tensor.h>
      <mlir/Dialect/Vector/IR/VectorOps.h>
      <mlir/IR/PatternMatch.h>
      <mlir/Pass/Pass.h>
      <mlir/Transforms/DialectConversion.h>)
  endif()
  target_precompile_headers(${name} REUSE_FROM bitnn-precompiled-header)
endfunction()
