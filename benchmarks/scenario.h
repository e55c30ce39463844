/* SPDX-License-Identifier: Apache-2.0 */
/* The clock and the random numbers of hosts whose lives are drawn from a seed. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdint.h>
#include <time.h>

static double began; /* when the host's life did, in seconds on the monotonic clock */
static uint64_t seed_state;

/* Seconds since then. */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9 - began;
}

/* From 0 to 1, by splitmix64. */
static double random_of(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* Between two numbers. */
static double drawn(double low, double high) {
    return low + (high - low) * random_of(&seed_state);
}

#endif
