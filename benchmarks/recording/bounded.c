/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Prognos takes of a host in all, not only its recording: usage: bounded MEBIBYTES [OPERATIONS THREADS SESSIONS
 * [SECONDS]]. With everything tracked, the timeline too, THREADS threads call OPERATIONS operations in SESSIONS
 * sessions, with spans, allocations and output. Prints the memory of the process that is its own (private pages and its
 * share of shared ones, PSS, in KiB) before prognos_start, when all is there, and after each tenth of SECONDS. 0 MiB:
 * without Prognos.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <prognos.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int operations = 10000, threads = 1024, sessions = 10000;
static double seconds = 10;
static prognos_op *ops;
static prognos_session *opened;
static atomic_int ready;
static atomic_bool over;
static int nowhere;
static void *volatile kept;

static long pss_kib(void) {
    char line[256];
    long kib = 0, found;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %ld kB", &found) == 1) kib += found;
    if (file) fclose(file);
    return kib;
}

static void calls(unsigned thread, unsigned turn) {
    unsigned each = (unsigned)(operations + threads - 1) / (unsigned)threads;
    for (unsigned i = 0; i < each; i++) {
        prognos_session session = opened[(thread * each + i + turn) % (unsigned)sessions];
        prognos_op outer = ops[(thread * each + i) % (unsigned)operations];
        prognos_session_enter(session);
        prognos_begin(outer);
        prognos_span span = prognos_span_begin(ops[(thread + i) % (unsigned)operations]);
        prognos_span_enter(span);
        kept = malloc(100 + i);
        free(kept);
        if (write(nowhere, "x", 1) != 1) abort();
        prognos_span_leave(span);
        prognos_span_end(span);
        prognos_end(outer);
        prognos_session_leave(session);
    }
}

static void *work(void *number) {
    unsigned thread = (unsigned)(uintptr_t)number;
    calls(thread, 0);
    atomic_fetch_add(&ready, 1);
    for (unsigned turn = 1; !over; turn++) {
        calls(thread, turn);
        usleep(200000);
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count < 2) return 2;
    if (count > 2) operations = atoi(arguments[2]);
    if (count > 3) threads = atoi(arguments[3]);
    if (count > 4) sessions = atoi(arguments[4]);
    if (count > 5) seconds = atof(arguments[5]);
    ops = calloc((size_t)operations, sizeof *ops);
    opened = calloc((size_t)sessions, sizeof *opened);
    nowhere = open("/dev/null", O_WRONLY);
    long before = pss_kib();
    printf("before %ld KiB\n", before);
    if (atoi(arguments[1]) == 0) {
        prognos_set_enabled(false);
    } else {
        prognos_options options;
        prognos_options_default(&options, sizeof options);
        options.memory_limit_bytes = (uint64_t)atoi(arguments[1]) << 20;
        options.track = PROGNOS_TRACK_DEFAULT | PROGNOS_TRACK_TIMELINE;
        options.crash_notes = 1;
        options.max_threads = 2048;
        if (prognos_start(&options, sizeof options) != PROGNOS_OK) return 3;
        char name[64];
        for (int i = 0; i < operations; i++) {
            snprintf(name, sizeof name, "operation %d", i);
            ops[i] = prognos_op_named(name);
        }
        for (int i = 0; i < sessions; i++) {
            snprintf(name, sizeof name, "session %d", i);
            opened[i] = prognos_session_open(name);
        }
    }
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    for (int i = 0; i < threads; i++) {
        pthread_t id;
        if (pthread_create(&id, &small, work, (void *)(uintptr_t)i) != 0) return 4;
    }
    while (ready < threads)
        usleep(10000);
    printf("all there %ld KiB\n", pss_kib() - before);
    for (int part = 0; part < 10 && seconds > 0; part++) {
        usleep((useconds_t)(seconds * 1e5));
        printf("%.1f s %ld KiB\n", seconds / 10 * (part + 1), pss_kib() - before);
        fflush(stdout);
    }
    if (atoi(arguments[1]) > 0) {
        prognos_diagnostics found;
        prognos_diagnostics_read(&found, sizeof found);
        printf("recording %llu KiB; calls without a path %llu, without a thread %llu, spans %llu, "
               "sessions %llu, names %llu\n",
               (unsigned long long)found.recording_bytes >> 10,
               (unsigned long long)found.untracked_paths, (unsigned long long)found.untracked_calls,
               (unsigned long long)found.untracked_spans,
               (unsigned long long)found.untracked_sessions,
               (unsigned long long)found.rejected_names);
    }
    fflush(stdout);
    _exit(0);
}
