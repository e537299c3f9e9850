// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the benchmark times in C: runs of a compiled network, and the machine's
// limit of 16-bit additions, a loop of independent additions from registers.
// Times are CPU time of this thread, so that another process costs nothing. A
// profile is the program counter at every tick of a timer of such time.

#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

typedef void Run(void *, void *, void *, void *, void *, void *, void *,
                 void *);

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// Seconds of `count` runs. A call may pass more arguments than the function
// takes: they stay unused.
double bitnn_bench_run(Run *run, void **a, long count) {
  double start = now();
  for (long i = 0; i < count; ++i)
    run(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
  return now() - start;
}

// A call that does nothing: what the loop itself takes.
void bitnn_bench_nothing(void) {}

static unsigned long *ticks;
static volatile long tickCount, mostTicks;

static void onTick(int signal, siginfo_t *info, void *context) {
  const mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
  (void)signal, (void)info;
#if defined(__x86_64__)
  unsigned long place = (unsigned long)machine->gregs[REG_RIP];
#else
  unsigned long place = machine->pc;
#endif
  if (tickCount < mostTicks)
    ticks[tickCount++] = place;
}

// Runs until `most` program counters are in `places`.
void bitnn_bench_profile(Run *run, void **a, unsigned long *places, long most) {
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = onTick;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ticks = places, tickCount = 0, mostTicks = most;
  sigaction(SIGPROF, &action, &before);
  struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_PROF, &every, NULL);
  while (tickCount < most)
    run(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
  setitimer(ITIMER_PROF, &never, NULL);
  sigaction(SIGPROF, &before, NULL);
}

// Each loop's body is 24 additions, a register to itself.
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define TWICE(X) EACH(X) EACH(X)

#if defined(__x86_64__)
#define ADD128(n) "paddw %%xmm" #n ", %%xmm" #n "\n"
#define ADD256(n) "vpaddw %%ymm" #n ", %%ymm15, %%ymm" #n "\n"
#define ADD512(n) "vpaddw %%zmm" #n ", %%zmm15, %%zmm" #n "\n"
#define LOOP(body)                                                             \
  __asm__ volatile("1:\n" body "dec %0\n jnz 1b\n"                             \
                   : "+r"(count)                                               \
                   :                                                           \
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",   \
                     "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "cc")
static void add128(long count) { LOOP(TWICE(ADD128)); }
static void add256(long count) {
  LOOP(TWICE(ADD256));
  __asm__ volatile("vzeroupper");
}
static void add512(long count) {
  LOOP(TWICE(ADD512));
  __asm__ volatile("vzeroupper");
}
#elif defined(__aarch64__)
#define ADD128(n) "add v" #n ".8h, v" #n ".8h, v15.8h\n"
static void add128(long count) {
  __asm__ volatile("1:\n" TWICE(ADD128) "subs %0, %0, #1\n b.ne 1b\n"
                   : "+r"(count)
                   :
                   : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",
                     "v10", "v11", "cc");
}
#define add256 add128
#define add512 add128
#else
#error "the benchmark has no loop of additions for this machine"
#endif

// 16-bit additions per nanosecond with vectors of that many bits; the best of
// several tries. The machine must have such vectors.
double bitnn_bench_limit(int bits) {
  enum { Count = 400000, Tries = 15, Adds = 24 };
  double best = 0;
  for (int i = 0; i < Tries; ++i) {
    double start = now();
    if (bits == 512)
      add512(Count);
    else if (bits == 256)
      add256(Count);
    else
      add128(Count);
    double rate = (double)Count * Adds * (bits / 16) / ((now() - start) * 1e9);
    best = rate > best ? rate : best;
  }
  return best;
}
