/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times begin+end pairs in slices of about a millisecond until standard input ends. Usage: host SHARED
 * The shared file begins with the phase that slices are counted in now (0: in none), which somebody else sets, and how
 * many there are; behind them, 8 bytes each, are the slices: their phase, and the nanoseconds a pair as a float.
 */
#include <prognos.h>

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct slice {
    uint32_t phase;
    float ns;
} slice;

typedef struct shared {
    _Atomic uint32_t phase, count;
    slice slices[];
} shared;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double time_pairs(prognos_op op, int pairs) {
    double start = now();
    for (int i = 0; i < pairs; i++) {
        prognos_begin(op);
        prognos_end(op);
    }
    return now() - start;
}

int main(int count, char **arguments) {
    struct stat status;
    int file = count == 2 ? open(arguments[1], O_RDWR) : -1;
    if (file < 0 || fstat(file, &status) != 0) return 2;
    shared *all = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (all == MAP_FAILED) return 3;
    uint32_t room = (uint32_t)(((size_t)status.st_size - sizeof *all) / sizeof(slice));
    prognos_start(NULL, 0);
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    prognos_begin(outer);
    int pairs = 1000;
    while (time_pairs(inner, pairs) < 1e6)
        pairs += pairs / 4;
    write(STDOUT_FILENO, "ready\n", 6);
    for (struct pollfd input = {STDIN_FILENO, POLLIN, 0}; poll(&input, 1, 0) == 0;) {
        uint32_t phase = all->phase;
        double ns = time_pairs(inner, pairs);
        /* A slice in which the phase changed is of none. */
        if (phase == 0 || phase != all->phase || all->count >= room) continue;
        all->slices[all->count] = (slice){phase, (float)(ns / pairs)};
        all->count++;
    }
    prognos_end(outer);
    return 0;
}
