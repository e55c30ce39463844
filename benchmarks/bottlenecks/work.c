/* SPDX-License-Identifier: Apache-2.0 */
#include "work.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifdef WITH_COZ
#include <coz.h>
#else
#define COZ_PROGRESS_NAMED(name)
#endif

struct operation operations[OPERATIONS];
int operation_count;
unsigned long seed = 1;
_Thread_local int thread_number;

/* The thread: what it has open, and what it works with. */
static _Thread_local struct {
    struct operation *open[8];
    int depth;
    int answer[2];
    int file;
    unsigned long random;
    _Atomic unsigned long *progress;
} me;

/* A line of the cache each. */
static struct { _Alignas(128) _Atomic unsigned long made; } progress[THREADS];
static atomic_int thread_count;

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double uniform(unsigned long *state) {
    *state = *state * 6364136223846793005ul + 1442695040888963407ul;
    return (double)(*state >> 11) * 0x1p-53;
}

struct operation *find_operation(const char *name) {
    for (int i = 0; i < operation_count; i++)
        if (strcmp(operations[i].name, name) == 0) return &operations[i];
    fprintf(stderr, "no operation %s\n", name);
    exit(2);
}

void enter(struct operation *operation) {
    prognos_begin(operation->op);
    me.open[me.depth++] = operation;
}

static void note_progress(const struct operation *operation) {
    if (!operation->is_progress) return;
    atomic_fetch_add_explicit(me.progress, 1, memory_order_relaxed);
    COZ_PROGRESS_NAMED("progress");
}

void leave(struct operation *operation) {
    prognos_end(operation->op);
    me.depth--;
    note_progress(operation);
}

prognos_span open_span(struct operation *operation) {
    return prognos_span_begin(operation->op);
}

void enter_span(struct operation *operation, prognos_span span) {
    prognos_span_enter(span);
    me.open[me.depth++] = operation;
}

void leave_span(struct operation *operation, prognos_span span) {
    (void)operation;
    prognos_span_leave(span);
    me.depth--;
}

void close_span(struct operation *operation, prognos_span span) {
    prognos_span_end(span);
    note_progress(operation);
}

unsigned long progress_made(void) {
    unsigned long sum = 0;
    for (int i = 0; i < THREADS; i++)
        sum += atomic_load_explicit(&progress[i].made, memory_order_relaxed);
    return sum;
}

/* How much of a piece of work is to be done here: of the open operation, with some spread. */
static double scaled(double amount) {
    amount *= 0.7 + 0.6 * uniform(&me.random);
    if (me.depth == 0) return amount;
    struct operation *operation = me.open[me.depth - 1];
    return amount * operation->scale *
           atomic_load_explicit(&operation->factor, memory_order_relaxed);
}

static long whole(double amount) {
    double below = floor(amount);
    return (long)below + (uniform(&me.random) < amount - below);
}

static double thread_cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void cpu(double us) {
    double until = thread_cpu() + scaled(us) * 1e-6;
    static _Thread_local volatile unsigned long mixed;
    do
        for (int i = 0; i < 300; i++)
            mixed = mixed * 31 + 7;
    while (thread_cpu() < until);
}

static void wait_us(double us) {
    long ns = (long)(us * 1e3);
    struct timespec length = {ns / 1000000000, ns % 1000000000};
    if (ns > 0) clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
}

void io(double us) {
    wait_us(scaled(us));
}

/* The device: it reads requests from a pipe and answers each when it has been served. */
struct request {
    double us;
    int answer;
};
static int requests[2] = {-1, -1};

static void *serve(void *unused) {
    (void)unused;
    struct request request;
    while (read(requests[0], &request, sizeof request) == sizeof request) {
        wait_us(request.us);
        if (write(request.answer, "", 1) != 1) break;
    }
    return NULL;
}

static void make_device(void) {
    pthread_t thread;
    if (pipe(requests) != 0 || pthread_create(&thread, NULL, serve, NULL) != 0) abort();
}

void disk(double us) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_device);
    struct request request = {scaled(us), me.answer[1]};
    char done;
    if (write(requests[1], &request, sizeof request) != sizeof request) abort();
    if (read(me.answer[0], &done, 1) != 1) abort();
}

void sync_writes(double many) {
    static const char page[4096] = "page";
    for (long i = whole(scaled(many)); i > 0; i--) {
        if (pwrite(me.file, page, sizeof page, 0) < 0) abort();
        wait_us(250);
    }
}

void share(int place, double thousands) {
    static _Alignas(64) _Atomic unsigned long counters[8];
    for (long i = whole(scaled(thousands) * 1000); i > 0; i--)
        atomic_fetch_add_explicit(&counters[place & 7], 1, memory_order_relaxed);
}

void fault(double pages) {
    size_t bytes = (size_t)(whole(scaled(pages)) + 1) * 4096;
    volatile char *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) abort();
    for (size_t at = 0; at < bytes; at += 4096)
        memory[at] = 1;
    munmap((void *)memory, bytes);
}

void blocks(double many) {
    enum { KEPT = 512 };
    static _Thread_local void *kept[KEPT];
    for (long i = whole(scaled(many)); i > 0; i--) {
        int place = (int)(uniform(&me.random) * KEPT);
        free(kept[place]);
        kept[place] = malloc(16 + (size_t)(uniform(&me.random) * 4000));
        if (kept[place] != NULL) *(volatile char *)kept[place] = 1;
    }
}

void put(struct queue *queue, unsigned long item) {
    pthread_mutex_lock(&queue->lock);
    while (queue->count == queue->capacity)
        pthread_cond_wait(&queue->emptied, &queue->lock);
    queue->items[queue->count++] = item;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

unsigned long take(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0)
        pthread_cond_wait(&queue->filled, &queue->lock);
    unsigned long item = queue->items[0];
    memmove(queue->items, queue->items + 1, sizeof *queue->items * (size_t)--queue->count);
    pthread_cond_signal(&queue->emptied);
    pthread_mutex_unlock(&queue->lock);
    return item;
}

struct starting {
    void (*body)(void);
    int number;
};

static int scratch_file(void) {
    char path[4096];
    const char *folder = getenv("PIPELINES_DIR");
    snprintf(path, sizeof path, "%s/pipelines.XXXXXX", folder ? folder : ".");
    int file = mkstemp(path);
    if (file < 0) abort();
    unlink(path);
    return file;
}

static void *run(void *argument) {
    struct starting starting = *(struct starting *)argument;
    free(argument);
    int index = atomic_fetch_add(&thread_count, 1);
    if (index >= THREADS) abort();
    thread_number = starting.number;
    me.progress = &progress[index].made;
    me.random = seed * 7919 + (unsigned long)index * 104729 + 1;
    if (pipe(me.answer) != 0) abort();
    me.file = scratch_file();
    for (;;)
        starting.body();
    return NULL;
}

void threads(int many, void (*body)(void)) {
    prctl(PR_SET_TIMERSLACK, 1); /* waits are as long as they are asked to be */
    for (int i = 0; i < many; i++) {
        struct starting *starting = malloc(sizeof *starting);
        pthread_t thread;
        if (starting == NULL) abort();
        *starting = (struct starting){body, i};
        if (pthread_create(&thread, NULL, run, starting) != 0) abort();
    }
}
