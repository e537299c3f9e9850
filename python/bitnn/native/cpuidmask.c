// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Hides CPU features from a process, so that one machine measures every class
// of them. CAP=avx2 leaves AVX2 and no dot product; CAP=vnni leaves AVX512-VNNI
// without AMX. Linux on x86-64. Load it before a library whose CPUID
// instructions were replaced by the invalid instruction 06 and a byte A2
// (bitnn/bench/masks.py does that): they end here, in a handler that executes
// CPUID and clears bits of its answer.

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

typedef unsigned Word;
typedef struct {
  Word a, b, c, d;
} Answer;

#define BIT(n) (1u << (n))

static int hideAvx512;
static struct sigaction before;

int bitnn_mask_count; // Answers given: zero means that nothing was masked.

static void hide(Word leaf, Word subleaf, Answer *answer) {
  if (leaf == 7 && subleaf == 0) {
    answer->d &= ~(BIT(22) | BIT(24) | BIT(25)); // AMX: bf16, tile, int8.
    if (hideAvx512) {
      // F, DQ, IFMA, CD, BW, VL; VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ;
      // 4VNNIW, 4FMAPS, VP2INTERSECT, FP16.
      answer->b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31));
      answer->c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
      answer->d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(23));
    }
  } else if (leaf == 7 && subleaf == 1) {
    answer->a &= ~BIT(21); // AMX fp16.
    if (hideAvx512) {
      answer->a &= ~(BIT(4) | BIT(5) | BIT(23)); // AVX-VNNI, bf16, AVX-IFMA.
      answer->d &= ~(BIT(4) | BIT(5) | BIT(10) | BIT(19)); // VNNI int8, AVX10.
    }
  } else if (leaf == 0xd && subleaf == 0) {
    answer->a &= ~(BIT(17) | BIT(18)); // State of tiles and of AVX-512.
    if (hideAvx512)
      answer->a &= ~(BIT(5) | BIT(6) | BIT(7));
  } else if (leaf == 0x1d || leaf == 0x1e || leaf == 0x24) {
    memset(answer, 0, sizeof *answer);
  }
}

static void onTrap(int signal, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *code = (const unsigned char *)registers[REG_RIP];
  (void)info;
  if (code[0] != 0x06 || code[1] != 0xa2) {
    sigaction(signal, &before, NULL); // It comes again, and is not ours.
    return;
  }
  Word leaf = (Word)registers[REG_RAX], subleaf = (Word)registers[REG_RCX];
  Answer answer;
  __cpuid_count(leaf, subleaf, answer.a, answer.b, answer.c, answer.d);
  hide(leaf, subleaf, &answer);
  registers[REG_RAX] = answer.a;
  registers[REG_RBX] = answer.b;
  registers[REG_RCX] = answer.c;
  registers[REG_RDX] = answer.d;
  registers[REG_RIP] += 2;
  ++bitnn_mask_count;
}

__attribute__((constructor)) static void start(void) {
  const char *cap = getenv("CAP");
  if (cap == NULL || *cap == '\0')
    return;
  hideAvx512 = strcmp(cap, "vnni") != 0;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = onTrap;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  sigaction(SIGILL, &action, &before);
}
