/* SPDX-License-Identifier: Apache-2.0 */
/* Does a span among a thousand get what is its own? Each job has two operations: one for its run from beginning
 * to end, one for its runs among the others. */
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

/* Whether an operation's memory and I/O are what its job counted by itself. */
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

static void forget_accounts(job *jobs, unsigned count, job_account *sums, int add) {
    for (unsigned i = 0; i < count; i++) {
        if (add) {
            sums[i].allocations += jobs[i].account.allocations;
            sums[i].allocated_bytes += jobs[i].account.allocated_bytes;
            sums[i].io_calls += jobs[i].account.io_calls;
            sums[i].read_bytes += jobs[i].account.read_bytes;
            sums[i].written_bytes += jobs[i].account.written_bytes;
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

    double cpu_alone[JOB_KINDS] = {0}, cpu_among[JOB_KINDS] = {0};
    for (unsigned i = 0; i < count; i++) {
        prognos_op_stats one = read_operation(alone[i]), other = read_operation(among[i]);
        wrong += check(&one, &of_alone[i], rounds, capabilities.track, prognos_op_name(alone[i]));
        wrong += check(&other, &of_among[i], rounds, capabilities.track, prognos_op_name(among[i]));
        cpu_alone[jobs[i].kind] += (double)one.cpu_ns;
        cpu_among[jobs[i].kind] += (double)other.cpu_ns;
        ratios[i] = one.cpu_ns ? (double)other.cpu_ns / (double)one.cpu_ns : 0;
    }
    printf("%u spans on 2 threads, %u rounds; clock %s; memory and I/O: %u of %u numbers differ\n",
           count, rounds, capabilities.cpu_clock, wrong, 18 * count);
    printf("%-8s %14s %14s %8s\n", "kind", "CPU alone", "among others", "ratio");
    double sum_alone = 0, sum_among = 0;
    for (int kind = 0; kind < JOB_KINDS; kind++) {
        double ratio = cpu_among[kind] / cpu_alone[kind];
        printf("%-8s %11.3f ms %11.3f ms %8.4f\n", job_kind_names[kind], cpu_alone[kind] / 1e6,
               cpu_among[kind] / 1e6, ratio);
        if (!(fabs(ratio - 1) <= most_cpu_deviation)) wrong++;
        sum_alone += cpu_alone[kind];
        sum_among += cpu_among[kind];
    }
    printf("%-8s %11.3f ms %11.3f ms %8.4f\n", "all", sum_alone / 1e6, sum_among / 1e6,
           sum_among / sum_alone);
    qsort(ratios, count, sizeof *ratios, by_value);
    printf("ratio of single spans: p5 %.4f, p25 %.4f, p50 %.4f, p75 %.4f, p95 %.4f\n",
           ratios[count / 20], ratios[count / 4], ratios[count / 2], ratios[count * 3 / 4],
           ratios[count * 19 / 20]);
    free(alone);
    free(among);
    free(sessions);
    free(of_alone);
    free(of_among);
    free(ratios);
    return wrong;
}
