// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads that a network compiled with --parallel borrows, and runs timed by
// the clock on the wall. The threads wait actively: they are meant to have
// processors of their own.

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

typedef void Body(void *argument, int32_t index);
typedef void Run(void *, void *, void *, void *, void *, void *, void *,
                 void *);

typedef struct {
  // What the network's header declares as its last argument.
  void (*run)(void *context, int32_t count, Body *body, void *argument);
  void *context;
} Parallel;

typedef struct {
  Parallel parallel;
  Body *body;
  void *argument;
  int32_t count;
  atomic_int next, round, finished;
  atomic_bool ends;
  int helpers;
  pthread_t threads[];
} Pool;

// Longer than a body takes, so that only a thread without a processor of its
// own yields.
enum { MostPauses = 20000 };

static void wait_a_little(int *pauses) {
  if (++*pauses > MostPauses)
    sched_yield();
#if defined(__x86_64__)
  else
    __builtin_ia32_pause();
#endif
}

static void take_bodies(Pool *pool) {
  for (int32_t i; (i = atomic_fetch_add(&pool->next, 1)) < pool->count;)
    pool->body(pool->argument, i);
}

static void *help(void *pointer) {
  Pool *pool = pointer;
  for (int seen = 0;; ++seen) {
    int pauses = 0;
    while (atomic_load(&pool->round) == seen && !atomic_load(&pool->ends))
      wait_a_little(&pauses);
    if (atomic_load(&pool->ends))
      return NULL;
    take_bodies(pool);
    atomic_fetch_add(&pool->finished, 1);
  }
}

static void run_bodies(void *context, int32_t count, Body *body,
                       void *argument) {
  Pool *pool = context;
  pool->body = body;
  pool->argument = argument;
  pool->count = count;
  atomic_store(&pool->next, 0);
  atomic_store(&pool->finished, 0);
  atomic_fetch_add(&pool->round, 1);
  take_bodies(pool);
  int pauses = 0;
  while (atomic_load(&pool->finished) != pool->helpers)
    wait_a_little(&pauses);
}

// A pool of so many threads, the caller's among them; NULL if there are not
// enough. Its address is the network's last argument.
Pool *bitnn_threads_start(int threads) {
  int helpers = threads - 1;
  Pool *pool = calloc(1, sizeof *pool + (size_t)helpers * sizeof(pthread_t));
  if (!pool)
    return NULL;
  pool->parallel.run = run_bodies;
  pool->parallel.context = pool;
  for (; pool->helpers < helpers; ++pool->helpers)
    if (pthread_create(&pool->threads[pool->helpers], NULL, help, pool))
      break;
  return pool;
}

int bitnn_threads_count(const Pool *pool) { return pool->helpers + 1; }

void bitnn_threads_stop(Pool *pool) {
  atomic_store(&pool->ends, true);
  for (int i = 0; i < pool->helpers; ++i)
    pthread_join(pool->threads[i], NULL);
  free(pool);
}

// Seconds of `count` runs, by the clock on the wall.
double bitnn_threads_run(Run *run, void **a, long count) {
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (long i = 0; i < count; ++i)
    run(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (double)(end.tv_sec - start.tv_sec) +
         1e-9 * (double)(end.tv_nsec - start.tv_nsec);
}
