/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What planted pipelines are made of: operations whose own work can be made smaller, kinds of work, and what threads
 * meet at. Work that runs within an operation takes `factor` of its time, which is what makes the optimised twin.
 */
#ifndef WORK_H
#define WORK_H

#define _GNU_SOURCE 1
#include <prognos.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { OPERATIONS = 12, THREADS = 16 };

struct operation {
    const char *name;
    prognos_op op;
    double scale;          /* of its work in this pipeline: drawn from the seed */
    _Atomic double factor; /* 1: as it is; 0.5: the twin that takes 50 % less */
    bool works;            /* it has work of its own */
    bool is_progress;
};

extern struct operation operations[OPERATIONS];
extern int operation_count;

struct operation *find_operation(const char *name);
void enter(struct operation *operation);
void leave(struct operation *operation);
/* A span of an operation that passes through threads; it ends as one call. */
prognos_span open_span(struct operation *operation);
void enter_span(struct operation *operation, prognos_span span);
void leave_span(struct operation *operation, prognos_span span);
void close_span(struct operation *operation, prognos_span span);

/* Within an operation: `what` is its own work. A line each, so that a profiler of lines can tell them apart. */
#define DO(name, what)                                                                             \
    do {                                                                                           \
        enter(OPERATION(name));                                                                    \
        what;                                                                                      \
        leave(OPERATION(name));                                                                    \
    } while (0)
#define BEGIN(name) enter(OPERATION(name))
#define END(name) leave(OPERATION(name))
#define OPERATION(name)                                                                            \
    __extension__({                                                                                \
        static struct operation *_Atomic once;                                                     \
        struct operation *found = atomic_load_explicit(&once, memory_order_relaxed);               \
        if (found == NULL) atomic_store(&once, found = find_operation(#name));                     \
        found;                                                                                     \
    })

/* Kinds of work; microseconds are means. */
void cpu(double us);           /* of CPU time of this thread */
void io(double us);            /* a wait of that length, as for a file */
void disk(double us);          /* a request to the one device, which serves one at a time */
void sync_writes(double many); /* writes of 4 KiB, after each the time that a sync takes */
void share(int place, double thousands); /* increments of a counter beside those of other threads */
void fault(double pages);                /* fresh memory, touched once */
void blocks(double many);                /* malloc and free, some of it kept for a while */

/* A bounded queue. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    unsigned long items[8];
    int count, capacity;
};
#define QUEUE(most)                                                                                \
    { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}, 0, most }
void put(struct queue *queue, unsigned long item);
unsigned long take(struct queue *queue);

/* Starts threads that call `body` again and again. */
void threads(int many, void (*body)(void));
/* Which of the threads of its group this one is, from 0 on. */
extern _Thread_local int thread_number;
/* Readings of the progress operation's finished calls. */
unsigned long progress_made(void);
double now(void);
double uniform(unsigned long *state);
extern unsigned long seed;

struct scenario {
    const char *name;
    const char *kind;
    const char *progress;
    const char *operations; /* with work of their own, separated by spaces */
    void (*start)(void);
};
extern const struct scenario design_scenarios[], test_scenarios[];

#endif
