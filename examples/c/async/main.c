/* SPDX-License-Identifier: Apache-2.0 */
/*
 * async [--jobs N] [--json FILE]: runs N jobs of four kinds for eight users as coroutines on two threads, and
 * prints where the time went, by operation and by user.
 * async --compare ROUNDS DEVIATION [--jobs N] [--scale N]: runs them alone and interleaved, pieces N times as long, and
 * compares what Prognos says; fails when memory or I/O of a span differ, or if the CPU time of a kind does so by more
 * than that share from the jobs' own clock.
 */
#define _GNU_SOURCE 1
#include "async.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USERS = 8 };

static int make_input(void) {
    char name[] = "/tmp/prognos-async-XXXXXX", block[4096];
    int file = mkstemp(name);
    if (file < 0) return -1;
    unlink(name);
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 16; i++)
        if (write(file, block, sizeof block) != (ssize_t)sizeof block) return -1;
    return file;
}

static void serve(job *jobs, unsigned count) {
    prognos_session users[USERS], *sessions = calloc(count, sizeof *sessions);
    prognos_op *ops = calloc(count, sizeof *ops);
    if (!sessions || !ops) abort();
    for (int i = 0; i < USERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "user %d", i);
        users[i] = prognos_session_open(name);
    }
    for (unsigned i = 0; i < count; i++) {
        ops[i] = prognos_op_named(job_kind_names[jobs[i].kind]);
        sessions[i] = users[i % 13 % USERS];
    }
    run_interleaved(jobs, count, ops, sessions);
    for (int i = 0; i < USERS; i++)
        prognos_session_close(users[i]);
    free(sessions);
    free(ops);
}

static int failed(const char *what) {
    fprintf(stderr, "async: %s: %s\n", what, prognos_last_error());
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    unsigned count = 1000, rounds = 0;
    double deviation = 0;
    const char *json = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--jobs") == 0 && i + 1 < argc) {
            count = (unsigned)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
            json = argv[++i];
        } else if (strcmp(argv[i], "--scale") == 0 && i + 1 < argc) {
            job_scale = (unsigned)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--compare") == 0 && i + 2 < argc) {
            rounds = (unsigned)strtoul(argv[++i], NULL, 10);
            deviation = strtod(argv[++i], NULL);
        } else {
            fprintf(
                stderr,
                "usage: async [--jobs N] [--json FILE] [--compare ROUNDS DEVIATION [--scale N]]\n");
            return 2;
        }
    }
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    if (prognos_start(&options, sizeof options) != PROGNOS_OK) return failed("start");
    job *jobs = calloc(count, sizeof *jobs);
    int input = make_input(), output = open("/dev/null", O_WRONLY);
    if (!jobs || input < 0 || output < 0) return failed("files");
    for (unsigned i = 0; i < count; i++) {
        job one = {.number = i, .kind = i % JOB_KINDS, .input = input, .output = output};
        jobs[i] = one;
    }

    unsigned wrong = 0;
    if (rounds > 0) {
        wrong = compare(jobs, count, rounds, deviation);
    } else {
        serve(jobs, count);
        fflush(stdout);
        if (prognos_dump("-", PROGNOS_TEXT) != PROGNOS_OK) return failed("dump");
    }
    if (json && prognos_dump(json, PROGNOS_JSON) != PROGNOS_OK) return failed(json);
    free(jobs);
    return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
