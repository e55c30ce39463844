/* SPDX-License-Identifier: Apache-2.0 */
/* What Prognos costs once: to start, to load objects beside it, to write a profile of 500 call sites. */
#define _GNU_SOURCE
#include "slices.h"

#include <dlfcn.h>
#include <malloc.h>
#include <sched.h>
#include <unistd.h>

enum { bits = 9, sites = 500 };

static double resident_mb(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) exit(1);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* Every path through a tree of calls is a call stack of its own. */
static void *left(unsigned path, int level);
static void *right(unsigned path, int level);

static void *go_on(unsigned path, int level) {
    if (level == bits) return malloc(100);
    return path >> level & 1 ? right(path, level + 1) : left(path, level + 1);
}
__attribute__((noinline)) static void *left(unsigned path, int level) {
    void *block = go_on(path, level);
    BENCH_KEEP(block);
    return block;
}
__attribute__((noinline)) static void *right(unsigned path, int level) {
    void *block = go_on(path, level);
    BENCH_KEEP(block);
    return block;
}

static double ms_since(uint64_t start) {
    return (double)(bench_now_ns() - start) / 1e6;
}

static double load_plugin(const char *path) {
    uint64_t start = bench_now_ns();
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin) exit(1);
    dlclose(plugin);
    return (double)(bench_now_ns() - start) / 1e3;
}

static void render(prognos_format format, const char *name) {
    static char text[16 << 20];
    for (int turn = 0; turn < 2; turn++) {
        size_t needed = 0;
        uint64_t start = bench_now_ns();
        prognos_render(format, text, sizeof text, &needed);
        printf("  \"%s_ms_%s\": %.3f, \"%s_bytes\": %zu,\n", name, turn ? "again" : "first",
               ms_since(start), name, needed);
    }
}

int main(int argc, char **argv) {
    enum { rounds = 101 };
    if (argc < 2) return 1;
    double before = resident_mb();
    uint64_t start = bench_now_ns();
    slices_start();
    printf("{\n  \"start_ms\": %.3f,\n", ms_since(start));
    start = bench_now_ns();
    prognos_stop();
    printf("  \"stop_ms\": %.3f,\n", ms_since(start));
    start = bench_now_ns();
    slices_start();
    printf("  \"start_again_ms\": %.3f,\n", ms_since(start));
    printf("  \"rss_started_mb\": %.3f,\n", resident_mb() - before);

    double off[rounds], on[rounds];
    for (int round = 0; round < rounds; round++) {
        on[round] = load_plugin(argv[1]);
        prognos_stop();
        off[round] = load_plugin(argv[1]);
        slices_start();
    }
    printf("  \"dlopen_off_us\": %.2f, \"dlopen_on_us\": %.2f,\n", slices_median(off, rounds),
           slices_median(on, rounds));

    prognos_op op = prognos_op_named("grow");
    prognos_begin(op);
    for (unsigned path = 0; path < sites; path++)
        for (int turn = 0; turn < 4; turn++) {
            void *block = path & 1 ? left(path, 0) : right(path, 0);
            BENCH_KEEP(block);
        }
    prognos_end(op);
    printf("  \"rss_sites_mb\": %.3f,\n", resident_mb() - before);
    render(PROGNOS_JSON, "json");
    render(PROGNOS_TEXT, "text");
    printf("  \"rss_rendered_mb\": %.3f\n}\n", resident_mb() - before);
    return 0;
}
