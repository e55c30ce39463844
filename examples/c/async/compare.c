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

/* The CPU time of all operations by their handles, from one profile: to read each takes as long as to read all. */
static void read_cpu_times(double *cpu_ns, size_t count) {
    size_t bytes = 0;
    char *text = NULL;
    do {
        size_t room = bytes + 65536;
        text = realloc(text, room);
        if (!text || prognos_render(PROGNOS_JSON, text, room, &bytes) != PROGNOS_OK) abort();
        if (bytes < room) break;
    } while (1);
    const char *at = strstr(text, "\"operations\": [");
    for (size_t found = 0; at && found < count; found++) {
        at = strstr(at, "\"id\":");
        unsigned long id = at ? strtoul(at + 5, NULL, 10) : count;
        at = at ? strstr(at, "\"cpu_ns\":") : NULL;
        if (at && id < count) cpu_ns[id] = strtod(at + 9, NULL);
    }
    free(text);
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

/* In nanoseconds: by Prognos, and by the jobs' own readings of the thread's CPU clock around each step. */
typedef struct cpu_times {
    double alone, among, clock_alone, clock_among;
} cpu_times;

/* The median of so many values, and where it lies in 95 of 100 cases: order statistics. */
typedef struct middle {
    double median, low, high;
} middle;

static middle middle_of(double *values, unsigned count) {
    qsort(values, count, sizeof *values, by_value);
    unsigned half = (unsigned)(0.98 * sqrt(count) + 0.5);
    unsigned low = (count - 1) / 2, high = count / 2;
    middle found = {(values[low] + values[high]) / 2, values[low > half ? low - half : 0],
                    values[high + half < count ? high + half : count - 1]};
    return found;
}

/*
 * The same work takes more CPU time among others where it finds the caches cold: the jobs' own clock sees that,
 * too. What Prognos attributes wrongly shows as a ratio of Prognos to that clock that is another one than
 * alone. `rounds` of JOB_KINDS + 1 times each.
 */
static unsigned print_cpu(const cpu_times *times, unsigned rounds, double most_deviation) {
    unsigned wrong = 0;
    double *plain = calloc(rounds, sizeof *plain), *clock = calloc(rounds, sizeof *clock);
    double *rest = calloc(rounds, sizeof *rest);
    if (!plain || !clock || !rest) abort();
    printf("CPU time   ms a piece   among others / alone       the same by own clock      "
           "Prognos / own clock\n");
    for (int kind = 0; kind <= JOB_KINDS; kind++) {
        double total = 0;
        for (unsigned round = 0; round < rounds; round++) {
            const cpu_times *one = &times[round * (JOB_KINDS + 1) + (unsigned)kind];
            plain[round] = one->among / one->alone;
            clock[round] = one->clock_among / one->clock_alone;
            rest[round] = plain[round] / clock[round];
            total += one->alone / rounds;
        }
        middle a = middle_of(plain, rounds), b = middle_of(clock, rounds);
        middle c = middle_of(rest, rounds);
        printf("%-8s   %10.3f   %.4f (%.4f to %.4f)   %.4f (%.4f to %.4f)   %.4f (%.4f to %.4f)\n",
               kind < JOB_KINDS ? job_kind_names[kind] : "all", total / 1e6, a.median, a.low,
               a.high, b.median, b.low, b.high, c.median, c.low, c.high);
        if (!(fabs(c.median - 1) <= most_deviation)) wrong++;
    }
    free(plain);
    free(clock);
    free(rest);
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
    /* The first one finds nothing warm, and counts only in what is checked to the byte. */
    cpu_times *times = calloc((size_t)(rounds + 1) * (JOB_KINDS + 1), sizeof *times);
    double *before = calloc((size_t)count * 4, sizeof *before);
    size_t handles = prognos_op_count() + 1;
    double *cpu_ns = calloc(handles, sizeof *cpu_ns);
    if (!times || !before || !cpu_ns) abort();
    unsigned pieces[JOB_KINDS + 1] = {0};
    for (unsigned i = 0; i < count; i++) {
        pieces[jobs[i].kind] += 20;
        pieces[JOB_KINDS] += 20;
    }
    for (unsigned round = 0; round <= rounds; round++) {
        /* By turns the one and the other comes first: what drifts hits both. */
        for (unsigned turn = 0; turn < 2; turn++) {
            forget_accounts(jobs, count, NULL, 0);
            if ((turn ^ round) & 1) {
                run_interleaved(jobs, count, among, sessions);
                forget_accounts(jobs, count, of_among, 1);
            } else {
                run_one_by_one(jobs, count, alone);
                forget_accounts(jobs, count, of_alone, 1);
            }
        }
        read_cpu_times(cpu_ns, handles);
        for (unsigned i = 0; i < count; i++) {
            double now[4] = {cpu_ns[alone[i]], cpu_ns[among[i]], (double)of_alone[i].cpu_ns,
                             (double)of_among[i].cpu_ns};
            double *old = &before[i * 4];
            for (int to = 0; to < 2; to++) {
                unsigned kind = to ? JOB_KINDS : jobs[i].kind;
                cpu_times *sum = &times[round * (JOB_KINDS + 1) + kind];
                sum->alone += (now[0] - old[0]) / pieces[kind];
                sum->among += (now[1] - old[1]) / pieces[kind];
                sum->clock_alone += (now[2] - old[2]) / pieces[kind];
                sum->clock_among += (now[3] - old[3]) / pieces[kind];
            }
            memcpy(old, now, sizeof now);
        }
    }

    for (unsigned i = 0; i < count; i++) {
        prognos_op_stats one = read_operation(alone[i]), other = read_operation(among[i]);
        wrong +=
            check(&one, &of_alone[i], rounds + 1, capabilities.track, prognos_op_name(alone[i]));
        wrong +=
            check(&other, &of_among[i], rounds + 1, capabilities.track, prognos_op_name(among[i]));
        ratios[i] = (double)other.cpu_ns / (double)of_among[i].cpu_ns;
    }
    printf("%u spans on 2 threads, %u rounds; clock %s; memory and I/O: %u of %u numbers differ\n",
           count, rounds, capabilities.cpu_clock, wrong, 18 * count);
    wrong += print_cpu(times + JOB_KINDS + 1, rounds, most_cpu_deviation);
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
    free(times);
    free(before);
    free(cpu_ns);
    return wrong;
}
