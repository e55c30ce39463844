/* SPDX-License-Identifier: Apache-2.0 */
/* A job runner: a thousand jobs, each a coroutine, on two threads. */
#ifndef ASYNC_H
#define ASYNC_H

#include <prognos.h>

#include <stdint.h>

/* What a job did, by its own count. */
typedef struct job_account {
    uint64_t allocations, allocated_bytes; /* malloc_usable_size(), as Prognos counts */
    uint64_t io_calls, read_bytes, written_bytes;
    uint64_t cpu_ns; /* of its steps, by the thread's CPU clock */
} job_account;

enum { JOB_KINDS = 4 };
extern const char *const job_kind_names[JOB_KINDS];

typedef struct job {
    unsigned number, kind;
    int input, output; /* files */
    uint64_t result;
    job_account account;
} job;

/* How many times as long the pieces are between two pauses. */
extern unsigned job_scale;

/* Does the whole job; calls pause_here() some twenty times, where others may run. */
void run_job(job *work);

/*
 * Runs jobs as coroutines: each is a span of ops[i], begun in sessions[i] (0: in none). They pause at
 * pause_here() and go on later on whichever thread is free.
 */
void run_interleaved(job *jobs, unsigned count, const prognos_op *ops,
                     const prognos_session *sessions);

/* Runs each job from its beginning to its end, as an operation of ops[i], on as many threads. */
void run_one_by_one(job *jobs, unsigned count, const prognos_op *ops);

/* In a coroutine: lets others run. Elsewhere nothing. */
void pause_here(void);

/* Runs all jobs both ways and prints how their numbers compare; how many do not agree. */
unsigned compare(job *jobs, unsigned count, unsigned rounds, double most_cpu_deviation);

#endif
