// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a compiled network in an emulator, without a C library: for every sample
// it reads all inputs from standard input and writes all outputs to standard
// output, until the input ends. The network comes in as macros:
//   RUN                  the entry function
//   INPUTS(X)            X(index, bytes) for every input, likewise OUTPUTS(X)
//   SCRATCH_BYTES, SCRATCH_ALIGNMENT
// The runner's own functions start with runner_, so that a count of executed
// instructions can leave them out.

typedef unsigned char Byte;
typedef long Word; // As wide as a register on every target here.

#define POINTER(index, bytes) void *,
#define INPUT_ARRAY(index, bytes)                                              \
  static Byte in##index[bytes] __attribute__((aligned(64)));
#define OUTPUT_ARRAY(index, bytes)                                             \
  static Byte out##index[bytes] __attribute__((aligned(64)));

void RUN(INPUTS(POINTER) OUTPUTS(POINTER) void *);
INPUTS(INPUT_ARRAY)
OUTPUTS(OUTPUT_ARRAY)
static Byte scratch[SCRATCH_BYTES + 1]
    __attribute__((aligned(SCRATCH_ALIGNMENT)));

enum { Read = 63, Write = 64, Exit = 93 }; // Linux on RISC-V and AArch64 alike.

static Word runner_call(Word number, Word first, Word second, Word third) {
#if defined(__riscv)
  register Word a0 __asm__("a0") = first;
  register Word a1 __asm__("a1") = second;
  register Word a2 __asm__("a2") = third;
  register Word a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
  return a0;
#elif defined(__aarch64__)
  register Word x0 __asm__("x0") = first;
  register Word x1 __asm__("x1") = second;
  register Word x2 __asm__("x2") = third;
  register Word x8 __asm__("x8") = number;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
  return x0;
#else
#error "the runner has no system call for this target"
#endif
}

// Moves all bytes; leaves the program where the other side has ended.
static void runner_move(Word number, Word file, Byte *bytes, Word size) {
  for (Word done = 0; done < size;) {
    Word moved = runner_call(number, file, (Word)(bytes + done), size - done);
    if (moved <= 0)
      runner_call(Exit, done == 0 && moved == 0 && number == Read ? 0 : 1, 0,
                  0);
    done += moved;
  }
}

#define READ(index, bytes) runner_move(Read, 0, in##index, bytes);
#define WRITE(index, bytes) runner_move(Write, 1, out##index, bytes);
#define PASS_INPUT(index, bytes) in##index,
#define PASS_OUTPUT(index, bytes) out##index,

__attribute__((used)) static void runner_main(void) {
  for (;;) {
    INPUTS(READ)
    // The network may rely on nothing that it finds in its scratch.
    for (Word i = 0; i < SCRATCH_BYTES; ++i)
      scratch[i] = 0xA5;
    RUN(INPUTS(PASS_INPUT) OUTPUTS(PASS_OUTPUT) scratch);
    OUTPUTS(WRITE)
  }
}

#if defined(__riscv)
__asm__(".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "  andi sp, sp, -16\n"
        "  call runner_main\n"
        ".size _start, .-_start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "  b runner_main\n"
        ".size _start, .-_start\n");
#endif

#if defined(__riscv) && !defined(__riscv_mul)
// What a dense baseline on a core without a multiplier calls.
unsigned __mulsi3(unsigned a, unsigned b) {
  unsigned product = 0;
  for (; a != 0; a >>= 1, b <<= 1)
    if (a & 1)
      product += b;
  return product;
}
#endif
