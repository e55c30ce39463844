/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop in two threads, each pinned to a CPU of its own: one after the other, and both at once. The
 * two differ in nothing else, so that a difference is what the threads do to each other.
 */
#ifndef THREADS_H
#define THREADS_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

typedef double (*threads_loop)(size_t iterations);

typedef struct threads_worker {
    pthread_t thread;
    threads_loop loop;
    size_t iterations;
    double ns;
    int cpu;
    int together; /* how many workers are measured at the same time */
} threads_worker;

static int threads_cpus[2];
static atomic_int threads_ready, threads_done;

/* The first two CPUs that this process may use; false when there is only one. */
static bool threads_find_cpus(void) {
    cpu_set_t allowed;
    int found = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) return false;
    for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
        if (CPU_ISSET(cpu, &allowed)) threads_cpus[found++] = cpu;
    if (found == 1) threads_cpus[1] = threads_cpus[0];
    return found == 2;
}

static void *threads_work(void *argument) {
    threads_worker *worker = argument;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(worker->cpu, &only);
    pthread_setaffinity_np(pthread_self(), sizeof only, &only);
    worker->loop(worker->iterations / 4); /* its first call, its caches */

    atomic_fetch_add(&threads_ready, 1);
    while (atomic_load(&threads_ready) < worker->together)
        sched_yield();
    worker->ns = worker->loop(worker->iterations);
    /* The faster one goes on, so that the slower one has company until its end. */
    atomic_fetch_add(&threads_done, 1);
    while (atomic_load(&threads_done) < worker->together)
        worker->loop(100);
    return NULL;
}

static void threads_measure(threads_worker *workers, int count) {
    atomic_store(&threads_ready, 0);
    atomic_store(&threads_done, 0);
    for (int w = 0; w < count; w++) {
        workers[w].together = count;
        if (pthread_create(&workers[w].thread, NULL, threads_work, &workers[w])) exit(1);
    }
    for (int w = 0; w < count; w++)
        pthread_join(workers[w].thread, NULL);
}

static double threads_slower(const threads_worker workers[2]) {
    return workers[0].ns > workers[1].ns ? workers[0].ns : workers[1].ns;
}

/* Nanoseconds a unit of the slower of the two threads, each of them running alone. */
static double threads_one_after_another(threads_loop loop, size_t iterations) {
    threads_worker workers[2];
    for (int w = 0; w < 2; w++) {
        workers[w] =
            (threads_worker){.loop = loop, .iterations = iterations, .cpu = threads_cpus[w]};
        threads_measure(&workers[w], 1);
    }
    return threads_slower(workers);
}

/* Nanoseconds a unit of the slower of the two threads, running at the same time. */
static double threads_at_once(threads_loop loop, size_t iterations) {
    threads_worker workers[2];
    for (int w = 0; w < 2; w++)
        workers[w] =
            (threads_worker){.loop = loop, .iterations = iterations, .cpu = threads_cpus[w]};
    threads_measure(workers, 2);
    return threads_slower(workers);
}

#endif /* THREADS_H */
