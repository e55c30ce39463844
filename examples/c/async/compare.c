/* SPDX-License-Identifier: Apache-2.0 */
/* Does a span among a thousand get what is its own? Each job has two operations: one for its run from beginning
 * to end, one for its runs among the others. */
#define _GNU_SOURCE 1
#include "async.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static prognos_op_stats read_operation(prognos_op op) {
    prognos_op_stats stats;
    memset(&stats, 0, sizeof stats);
    if (prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats) != PROGNOS_OK)
        fprintf(stderr, "async: %s\n", prognos_last_error());
    return stats;
}

static unsigned differs(const char *what, uint64_t found, uint64_t wanted, const char *name) {
    if (found == wanted) return 0;
    fprintf(stderr, "%s: %s is %llu, not %llu\n", name, what, (unsigned long long)found,
            (unsigned long long)wanted);
    return 1;
}

/* How many of an operation's numbers are not what its job counted by itself. */
static unsigned check(const prognos_op_stats *stats, const job_account *account, uint64_t rounds,
                      uint32_t track, const char *name) {
    unsigned wrong = differs("count", stats->count, rounds, name);
    wrong += differs("work", stats->work, 20 * rounds, name);
    if (track & PROGNOS_TRACK_MEMORY) {
        wrong += differs("allocations", stats->allocations, account->allocations, name);
        wrong += differs("frees", stats->frees, account->allocations, name);
        wrong += differs("allocated_bytes", stats->allocated_bytes, account->allocated_bytes, name);
        wrong += differs("freed_bytes", stats->freed_bytes, account->allocated_bytes, name);
    }
    if (track & PROGNOS_TRACK_IO) {
        wrong += differs("io_calls", stats->io_calls, account->io_calls, name);
        wrong += differs("read_bytes", stats->read_bytes, account->read_bytes, name);
        wrong += differs("written_bytes", stats->written_bytes, account->written_bytes, name);
    }
    return wrong;
}

/* In milliseconds: by Prognos, and by the jobs' own readings of the thread's CPU clock around each step. */
typedef struct cpu_times {
    double alone, among, clock_alone, clock_among;
} cpu_times;

/*
 * The same work takes more CPU time among others where it finds the caches cold: the jobs' own clock sees that,
 * too. What Prognos attributes wrongly shows as a ratio of Prognos to that clock that is another one than
 * alone.
 */
static unsigned print_cpu(const cpu_times *sums, double most_deviation) {
    unsigned wrong = 0;
    printf("CPU ms   %10s %10s %7s   %10s %10s %7s   %s\n", "alone", "among", "ratio", "own clock",
           "among", "ratio", "Prognos / own clock");
    for (int kind = 0; kind <= JOB_KINDS; kind++) {
        const cpu_times *sum = &sums[kind];
        double ratio = sum->among / sum->alone, clock = sum->clock_among / sum->clock_alone;
        printf("%-8s %10.1f %10.1f %7.4f   %10.1f %10.1f %7.4f   %.4f\n",
               kind < JOB_KINDS ? job_kind_names[kind] : "all", sum->alone, sum->among, ratio,
               sum->clock_alone, sum->clock_among, clock, ratio / clock);
        if (!(fabs(ratio / clock - 1) <= most_deviation)) wrong++;
    }
    return wrong;
}

static void forget_accounts(job *jobs, unsigned count, job_account *sums, int add) {
    for (unsigned i = 0; i < count; i++) {
        if (add) {
            sums[i].allocations += jobs[i].account.allocations;
            sums[i].allocated_bytes += jobs[i].account.allocated_bytes;
            sums[i].io_calls += jobs[i].account.io_calls;
            sums[i].read_bytes += jobs[i].account.read_bytes;
            sums[i].written_bytes += jobs[i].account.written_bytes;
            sums[i].cpu_ns += jobs[i].account.cpu_ns;
        }
        memset(&jobs[i].account, 0, sizeof jobs[i].account);
    }
}

unsigned compare(job *jobs, unsigned count, unsigned rounds, double most_cpu_deviation) {
    prognos_op *alone = calloc(count, sizeof *alone), *among = calloc(count, sizeof *among);
    prognos_session *sessions = calloc(count, sizeof *sessions);
    job_account *of_alone = calloc(count, sizeof *of_alone);
    job_account *of_among = calloc(count, sizeof *of_among);
    double *ratios = calloc(count, sizeof *ratios);
    prognos_capabilities capabilities;
    unsigned wrong = 0;
    char name[64];
    if (!alone || !among || !sessions || !of_alone || !of_among || !ratios) abort();
    memset(&capabilities, 0, sizeof capabilities);
    prognos_capabilities_read(&capabilities, sizeof capabilities);
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s %u alone", job_kind_names[jobs[i].kind], i);
        alone[i] = prognos_op_named(name);
        snprintf(name, sizeof name, "%s %u among others", job_kind_names[jobs[i].kind], i);
        among[i] = prognos_op_named(name);
    }
    for (unsigned round = 0; round < rounds; round++) {
        forget_accounts(jobs, count, NULL, 0);
        run_one_by_one(jobs, count, alone);
        forget_accounts(jobs, count, of_alone, 1);
        run_interleaved(jobs, count, among, sessions);
        forget_accounts(jobs, count, of_among, 1);
    }

    cpu_times sums[JOB_KINDS + 1];
    memset(sums, 0, sizeof sums);
    for (unsigned i = 0; i < count; i++) {
        prognos_op_stats one = read_operation(alone[i]), other = read_operation(among[i]);
        wrong += check(&one, &of_alone[i], rounds, capabilities.track, prognos_op_name(alone[i]));
        wrong += check(&other, &of_among[i], rounds, capabilities.track, prognos_op_name(among[i]));
        for (int to = 0; to < 2; to++) {
            cpu_times *sum = &sums[to ? JOB_KINDS : (int)jobs[i].kind];
            sum->alone += (double)one.cpu_ns / 1e6;
            sum->among += (double)other.cpu_ns / 1e6;
            sum->clock_alone += (double)of_alone[i].cpu_ns / 1e6;
            sum->clock_among += (double)of_among[i].cpu_ns / 1e6;
        }
        ratios[i] = (double)other.cpu_ns / (double)of_among[i].cpu_ns;
    }
    printf("%u spans on 2 threads, %u rounds; clock %s; memory and I/O: %u of %u numbers differ\n",
           count, rounds, capabilities.cpu_clock, wrong, 18 * count);
    wrong += print_cpu(sums, most_cpu_deviation);
    qsort(ratios, count, sizeof *ratios, by_value);
    printf("spans / their jobs' own clock: p1 %.4f, p25 %.4f, p50 %.4f, p75 %.4f, p99 %.4f\n",
           ratios[count / 100], ratios[count / 4], ratios[count / 2], ratios[count * 3 / 4],
           ratios[count * 99 / 100]);
    free(alone);
    free(among);
    free(sessions);
    free(of_alone);
    free(of_among);
    free(ratios);
    return wrong;
}
