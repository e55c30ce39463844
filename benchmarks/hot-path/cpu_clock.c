/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How true the CPU time is that Prognos reports. Threads that spin, that sleep and that are preempted,
 * all inside operations, against CLOCK_THREAD_CPUTIME_ID around them. JSON on stdout.
 *
 *     cpu_clock [milliseconds a configuration]
 *
 * Each thread runs one operation, "whole", that holds many short ones, "part". The kernel's clock is
 * read just outside `whole`, so its error is that of the clock alone. The parts' sum also shows errors
 * that add up from call to call, and times that were given to the wrong operation. What lies between
 * two parts, about 0.1 % of them, and the library's own clock readings count as error here.
 */
#define _GNU_SOURCE
#include "bench.h"
#include "host.h"

#include <prognos.h>

#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>

enum { MAX_THREADS = 6, SLEEP_EVERY = 10 };

typedef struct configuration {
    const char *name;
    int threads;
    int sleepers; /* of these, how many sleep in each SLEEP_EVERY-th part */
} configuration;

/* On two CPUs six threads preempt each other; fewer run undisturbed on a quiet machine. */
static const configuration configurations[] = {
    {"1 thread, spins", 1, 0},  {"1 thread, sleeps", 1, 1}, {"2 threads, spin", 2, 0},
    {"2 threads, sleep", 2, 2}, {"6 threads, spin", 6, 0},  {"6 threads, half of them sleep", 6, 3},
};
enum { CONFIGURATIONS = sizeof configurations / sizeof *configurations };

typedef struct worker {
    pthread_t thread;
    prognos_op whole, part;
    bool sleeps;
    uint64_t duration_ns;
    uint64_t true_ns; /* by the kernel's clock */
    uint64_t switches;
} worker;

/* Some 50 us, by a count and not by a clock: a preempted one then takes longer. */
static void spin(void) {
    for (volatile int i = 0; i < 120000; i++) {
    }
}

static uint64_t switches_of_thread(void) {
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
}

static void *work(void *argument) {
    worker *self = argument;
    const struct timespec nap = {0, 100000};
    /* The thread's first call takes its memory; that is no matter of clocks. */
    prognos_begin(self->whole);
    prognos_end(self->whole);
    uint64_t switches = switches_of_thread(), parts = 0;
    uint64_t deadline = bench_now_ns() + self->duration_ns;

    uint64_t begun = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    prognos_begin(self->whole);
    while (bench_now_ns() < deadline) {
        prognos_begin(self->part);
        spin();
        if (self->sleeps && ++parts % SLEEP_EVERY == 0) nanosleep(&nap, NULL);
        prognos_end(self->part);
    }
    prognos_end(self->whole);
    self->true_ns = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
    self->switches = switches_of_thread() - switches;
    return NULL;
}

static prognos_diagnostics diagnostics(void) {
    prognos_diagnostics d;
    memset(&d, 0, sizeof d);
    prognos_diagnostics_read(&d, sizeof d);
    return d;
}

/* What the hypervisor gave to others, in milliseconds over all CPUs. No clock of the process shows it
 * when it happens, and the kernel tells it only in ticks: a switch that nobody can see. */
static double stolen_ms(void) {
    unsigned long long steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (!file || fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1) steal = 0;
    if (file) fclose(file);
    return (double)steal * 1000 / (double)sysconf(_SC_CLK_TCK);
}

static double distance(double a, double b) {
    return a > b ? a - b : b - a;
}

/* Runs one configuration, prints it, returns its worst error: of any thread's whole, of all parts. */
static double measure(int number, uint64_t duration_ns) {
    const configuration *c = &configurations[number];
    worker workers[MAX_THREADS];
    memset(workers, 0, sizeof workers);
    prognos_diagnostics before = diagnostics();
    double stolen = stolen_ms();
    for (int w = 0; w < c->threads; w++) {
        char name[64];
        snprintf(name, sizeof name, "configuration %d thread %d whole", number, w);
        workers[w].whole = prognos_op_named(name);
        snprintf(name, sizeof name, "configuration %d thread %d part", number, w);
        workers[w].part = prognos_op_named(name);
        workers[w].sleeps = w < c->sleepers;
        workers[w].duration_ns = duration_ns;
        if (pthread_create(&workers[w].thread, NULL, work, &workers[w])) exit(1);
    }
    for (int w = 0; w < c->threads; w++)
        pthread_join(workers[w].thread, NULL);

    double true_ns = 0, whole_ns = 0, part_ns = 0, worst = 0;
    uint64_t switches = 0, calls = 0;
    bool within_wall = true;
    for (int w = 0; w < c->threads; w++) {
        prognos_op_stats whole, part;
        memset(&whole, 0, sizeof whole);
        memset(&part, 0, sizeof part);
        prognos_op_read(workers[w].whole, PROGNOS_TOTAL, &whole, sizeof whole);
        prognos_op_read(workers[w].part, PROGNOS_TOTAL, &part, sizeof part);
        double truth = (double)workers[w].true_ns;
        double error = distance((double)whole.cpu_ns / truth, 1);
        if (error > worst) worst = error;
        within_wall &= whole.cpu_ns <= whole.wall_ns && part.cpu_ns <= part.wall_ns;
        true_ns += truth;
        whole_ns += (double)whole.cpu_ns;
        part_ns += (double)part.cpu_ns;
        switches += workers[w].switches;
        calls += part.count;
    }
    prognos_diagnostics after = diagnostics();
    uint64_t syncs = after.clock_syncs - before.clock_syncs;
    uint64_t sync_ns = after.self_cpu_ns - before.self_cpu_ns;
    double part_error = distance(part_ns / true_ns, 1);
    if (part_error > worst) worst = part_error;
    printf("    {\"name\": \"%s\", \"threads\": %d, \"calls\": %llu, \"cpu_s\": %.3f, "
           "\"ratio_whole\": %.6f, \"ratio_parts\": %.6f, \"worst_error\": %.6f, "
           "\"switches\": %llu, \"clock_syncs\": %llu, \"ns_a_sync\": %.0f, "
           "\"stolen_ms\": %.0f, \"cpu_within_wall\": %s}%s\n",
           c->name, c->threads, (unsigned long long)calls, true_ns / 1e9, whole_ns / true_ns,
           part_ns / true_ns, worst, (unsigned long long)switches, (unsigned long long)syncs,
           syncs ? (double)sync_ns / (double)syncs : 0, stolen_ms() - stolen,
           within_wall ? "true" : "false", number + 1 < CONFIGURATIONS ? "," : "");
    return worst;
}

int main(int argc, char **argv) {
    uint64_t duration_ns = bench_rounds(argc, argv, 2000) * 1000000;
    double worst = 0;
    printf("{\n  \"benchmark\": \"cpu_clock\",\n");
    host_print_environment();
    printf("  \"configurations\": [\n");
    for (int number = 0; number < CONFIGURATIONS; number++) {
        double error = measure(number, duration_ns);
        if (error > worst) worst = error;
    }
    printf("  ],\n  \"worst_error\": %.6f,\n  \"drops\": %llu\n}\n", worst, host_drops());
    return 0;
}
