/* SPDX-License-Identifier: Apache-2.0 */
/* What a tick of the collector and its assessment cost: OPERATIONS THREADS SECONDS. Every thread calls its share of the operations
 * ten times a second, until the time is over; prints CPU time a tick and memory. */
#include <prognos.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static prognos_op *ops;
static size_t op_count, thread_count;
static volatile int over;

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void *work(void *number) {
    for (unsigned round = 1; !over; round++) {
        for (size_t i = (size_t)number; i < op_count; i += thread_count) {
            prognos_begin(ops[i]);
            for (volatile unsigned spin = (round + (unsigned)i) % 200; spin > 0;)
                spin = spin - 1;
            prognos_end(ops[i]);
        }
        pause_ms(100);
    }
    return NULL;
}

int main(int argc, char **argv) {
    op_count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    thread_count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    long seconds = argc > 3 ? strtol(argv[3], NULL, 10) : 10;
    ops = malloc(op_count * sizeof *ops);
    pthread_t *threads = malloc(thread_count * sizeof *threads);
    if (!ops || !threads || prognos_start(NULL, 0) != PROGNOS_OK) return 1;
    for (size_t i = 0; i < op_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "operation %zu", i);
        ops[i] = prognos_op_named(name);
    }
    for (size_t i = 0; i < thread_count; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) return 1;
    pause_ms(2500);
    prognos_diagnostics before, after;
    prognos_diagnostics_read(&before, sizeof before);
    pause_ms(seconds * 1000);
    prognos_diagnostics_read(&after, sizeof after);
    over = 1;
    for (size_t i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
    prognos_op_stats stats;
    prognos_op_read(ops[0], PROGNOS_LAST_MINUTE, &stats, sizeof stats);
    double ticks = (double)(after.collector_ticks - before.collector_ticks);
    double assessments = (double)(after.assessments - before.assessments);
    printf("%zu operations, %zu threads: %.3f ms a tick, of these %.3f ms the assessment; %.1f MB, "
           "of these %.1f MB the assessment's; "
           "%llu sums refused, %llu times unwatched, window %.2f s\n",
           op_count, thread_count,
           (double)(after.collector_cpu_ns - before.collector_cpu_ns) / ticks / 1e6,
           (double)(after.assessment_cpu_ns - before.assessment_cpu_ns) / assessments / 1e6,
           (double)after.recording_bytes / 1e6, (double)after.assessment_bytes / 1e6,
           (unsigned long long)after.untracked_history,
           (unsigned long long)after.unwatched_operations, (double)stats.window_ns / 1e9);
    return 0;
}
