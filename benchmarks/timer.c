// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times a network in a shared library:
//   timer LIBRARY ENTRY SCRATCH_BYTES SCRATCH_ALIGNMENT BYTES...
// BYTES are the sizes of its inputs and outputs. Prints nanoseconds per run:
// the smallest average of several batches, since noise only ever adds.

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MostArrays = 7, Batches = 9 };
static const double BatchSeconds = 0.05;

typedef void Run(void *, void *, void *, void *, void *, void *, void *,
                 void *);

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *allocate(size_t size, size_t alignment) {
  size_t rounded = (size + alignment) / alignment * alignment;
  void *memory = aligned_alloc(alignment, rounded);
  if (memory == NULL)
    exit(1);
  memset(memory, 3, rounded);
  return memory;
}

static double average(Run *run, void **a, int count) {
  double start = now();
  for (int i = 0; i < count; ++i)
    run(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
  return (now() - start) / count;
}

int main(int argc, char **argv) {
  if (argc < 7 || argc - 5 > MostArrays)
    return 1;
  void *library = dlopen(argv[1], RTLD_NOW);
  Run *run = library == NULL ? NULL : (Run *)dlsym(library, argv[2]);
  if (run == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  // A call may pass more arguments than the function takes: they stay unused.
  void *arrays[MostArrays + 1] = {NULL};
  for (int i = 5; i < argc; ++i)
    arrays[i - 5] = allocate((size_t)atol(argv[i]), 64);
  arrays[argc - 5] = allocate((size_t)atol(argv[3]), (size_t)atol(argv[4]));

  int count = 1;
  while (average(run, arrays, count) * count < BatchSeconds)
    count *= 2;
  double best = 1e9;
  for (int batch = 0; batch < Batches; ++batch) {
    double seconds = average(run, arrays, count);
    best = seconds < best ? seconds : best;
  }
  printf("%.1f\n", best * 1e9);
  return 0;
}
