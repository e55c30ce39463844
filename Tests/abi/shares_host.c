/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Computes for so many seconds in functions whose shares of the CPU time it measures itself: at the end it writes
 * its profile, and prints those shares. C that C++ understands as well.
 *
 *     shares_host SECONDS PROFILE PLUGIN
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <prognos.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define APART __attribute__((noinline, noclone))

#ifdef __cplusplus
extern "C"
#endif
    uint64_t
    in_library(uint64_t steps);

typedef uint64_t (*work)(uint64_t steps);

static uint64_t volatile total;
static uint64_t random_state = 88172645463325252u, steps_in_handler;
static work in_plugin;

/* Work that the compiler can neither leave out nor share between the functions. */
#define SPIN(steps, salt)                                                                          \
    uint64_t value = (steps) | (salt);                                                             \
    for (uint64_t step = 0; step < (steps); step++) {                                              \
        value ^= value << 13;                                                                      \
        value ^= value >> 7;                                                                       \
        value ^= value << 17;                                                                      \
        __asm__ volatile("" : "+r"(value));                                                        \
    }

APART static uint64_t plain(uint64_t steps) {
    SPIN(steps, 1)
    return value;
}

/* Its own frame is large, and it calls in the midst of its work. */
APART static uint64_t inner_most(uint64_t steps) {
    SPIN(steps, 3)
    return value;
}
APART static uint64_t with_callee(uint64_t steps) {
    uint64_t volatile room[200];
    room[steps % 200] = steps;
    uint64_t sum = inner_most(steps / 2) + room[steps % 200];
    SPIN(steps / 2, 5)
    return sum + value;
}

APART static uint64_t recursive(uint64_t steps, int levels) {
    if (levels > 0) return recursive(steps, levels - 1) + 1;
    SPIN(steps, 7)
    return value;
}
APART static uint64_t deep(uint64_t steps) {
    return recursive(steps, 20) + 1;
}

APART static uint64_t handling(uint64_t steps) {
    SPIN(steps, 9)
    return value;
}
static void handler(int number) {
    total = total + handling(steps_in_handler) + (uint64_t)number;
}
APART static uint64_t in_handler(uint64_t steps) {
    steps_in_handler = steps;
    raise(SIGUSR1);
    return 1;
}

static const struct {
    const char *name;
    work run;
    int weight;
} parts[] = {
    {"plain", plain, 5},           {"with_callee", with_callee, 5}, {"deep", deep, 3},
    {"in_library", in_library, 3}, {"in_plugin", NULL, 2},          {"in_handler", in_handler, 2},
};
enum { part_count = sizeof parts / sizeof *parts };

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t random_number(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* Pieces of random length in random order, so that no timer can keep step with them. */
APART static void compute(uint64_t for_ns, uint64_t *spent) {
    uint64_t start = cpu_ns(), before = start;
    while (before - start < for_ns) {
        int lot = (int)(random_number() % 20), part = 0;
        while (lot >= parts[part].weight)
            lot -= parts[part++].weight;
        uint64_t steps = 20000 + random_number() % 200000;
        total = total + (parts[part].run ? parts[part].run : in_plugin)(steps);
        uint64_t now = cpu_ns();
        spent[part] += now - before;
        before = now;
    }
}

int main(int argc, char **argv) {
    uint64_t spent[part_count] = {0}, all = 0;
    if (argc < 4) return 1;
    prognos_status started = prognos_start(NULL, 0);
    void *plugin = dlopen(argv[3], RTLD_NOW | RTLD_LOCAL);
    if (plugin) in_plugin = (work)(uintptr_t)dlsym(plugin, "in_plugin");
    if (started != PROGNOS_OK || !in_plugin) return 1;
    signal(SIGUSR1, handler);

    prognos_op op = prognos_op_named("compute");
    prognos_begin(op);
    compute((uint64_t)(strtod(argv[1], NULL) * 1e9), spent);
    prognos_end(op);

    if (prognos_dump(argv[2], PROGNOS_JSON) != PROGNOS_OK) return 1;
    for (int part = 0; part < part_count; part++)
        all += spent[part];
    printf("{");
    for (int part = 0; part < part_count; part++)
        printf("%s\"%s\": %.5f", part ? ", " : "", parts[part].name,
               (double)spent[part] / (double)all);
    printf("}\n");
    return 0;
}
