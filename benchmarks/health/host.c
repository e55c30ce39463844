/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in small, with one fault at one of five severities, or with a habit that looks like a fault and is none.
 * Requests come at random, a hundred a second, to two workers: "request" calls "parse" (CPU), "lookup" (a lock) and
 * "store" (waits, as for a disk). It prints its health twenty times a second: seconds, score, operation, reason.
 *
 *     host KIND LEVEL WARM_S FAULT_S SEED
 *
 * LEVEL is 0 (no fault) to 5 (fatal); WARM_S seconds pass before the fault begins.
 */
#define _GNU_SOURCE 1
#include <prognos.h>

#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 2, QUEUE = 4096 };
static const double levels_of_use[] = {0, 0.6, 0.75, 0.86, 0.93, 0.99};

static const char *kind;
static int level;
static double warm, length, began;
static atomic_bool is_over;
static bool is_stuck;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static int waiting;
static double base_address_space, room = 1 << 28;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double age(void) {
    return now() - began;
}

static void wait_s(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    if (seconds > 0) nanosleep(&t, NULL);
}

static bool is(const char *name) {
    return strcmp(kind, name) == 0;
}

static bool is_faulty(void) {
    return level > 0 && age() > warm;
}

/* 0 to 1 during the fault's first half. */
static double progress(void) {
    double part = (age() - warm) / (length * 0.5);
    return part < 0 ? 0 : part > 1 ? 1 : part;
}

static double uniform(unsigned long *state) {
    *state = *state * 6364136223846793005ul + 1442695040888963407ul;
    return (double)(*state >> 11) * 0x1p-53;
}

static double factor(unsigned long *state) {
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return exp(0.2 * sum);
}

static void burn(double seconds) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    double until = (double)t.tv_sec + (double)t.tv_nsec * 1e-9 + seconds;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    while ((double)t.tv_sec + (double)t.tv_nsec * 1e-9 < until);
}

static void parse(unsigned long *state) {
    PROGNOS_SCOPE("parse");
    double work = is("busy") ? 0.008 : 0.0008;
    burn(work * factor(state));
}

static void look_up(unsigned long *state) {
    static const double failing[] = {0, 0.03, 0.08, 0.2, 0.5, 1};
    PROGNOS_SCOPE("lookup");
    pthread_mutex_lock(&table_lock);
    burn(0.0001);
    pthread_mutex_unlock(&table_lock);
    if (uniform(state) < 0.001 || (is("errors") && is_faulty() && uniform(state) < failing[level]))
        prognos_fail("not found");
}

static void store(unsigned long *state) {
    static const double times[] = {1, 1.6, 2.5, 4, 7, 15};
    static const double waits[] = {0, 0.002, 0.004, 0.01, 0.025, 0.08};
    PROGNOS_SCOPE("store");
    double takes = 0.002 * factor(state);
    if (is("latency") && is_faulty()) takes *= times[level];
    if (is("disk") && is_faulty()) takes += waits[level];
    if (is("warm_up") && age() < 8) takes *= 4 - age() * 3 / 8;
    if (is("cache")) takes *= 1 - 0.5 * progress();
    wait_s(takes);
}

static void *work(void *argument) {
    unsigned long state = (unsigned long)argument * 77 + 1;
    while (!atomic_load(&is_over)) {
        pthread_mutex_lock(&queue_lock);
        while (waiting == 0 && !atomic_load(&is_over))
            pthread_cond_wait(&queue_filled, &queue_lock);
        waiting -= waiting > 0;
        pthread_mutex_unlock(&queue_lock);
        if (atomic_load(&is_over)) break;
        PROGNOS_SCOPE("request");
        parse(&state);
        look_up(&state);
        store(&state);
    }
    return NULL;
}

static double rate(void) {
    if (is("idle")) return 0.01;
    if (is("busy")) return 180;
    if (is("burst")) return age() > warm && age() < warm + length / 3 ? 250 : 60;
    if (is("load_steps")) return age() < warm ? 50 : age() < warm + length / 2 ? 100 : 200;
    if (is("rare")) return 0.7;
    return 100;
}

static void *arrive(void *argument) {
    unsigned long state = (unsigned long)argument * 31 + 7;
    while (!atomic_load(&is_over)) {
        double pause = -log(1 - uniform(&state)) / rate();
        wait_s(pause < 0.5 ? pause : 0.5);
        if (pause >= 0.5 && uniform(&state) > 0.5 / pause) continue;
        pthread_mutex_lock(&queue_lock);
        if (waiting < QUEUE) waiting++;
        pthread_cond_signal(&queue_filled);
        pthread_mutex_unlock(&queue_lock);
    }
    return NULL;
}

static void *burner(void *unused) {
    while (!atomic_load(&is_over))
        burn(0.01);
    return unused;
}

static void *sleeper(void *unused) {
    while (!atomic_load(&is_over))
        wait_s(0.1);
    return unused;
}

/* Keeps the address space at a share of its limit. */
static void hold(double share) {
    static char *blocks[4096];
    static int count;
    const size_t block = 1 << 18;
    double wanted = share * (base_address_space + room) - base_address_space;
    int target = wanted > 0 ? (int)(wanted / (double)block) : 0;
    for (; count < target && count < 4096; count++) {
        blocks[count] =
            mmap(NULL, block, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (blocks[count] == MAP_FAILED) return;
        memset(blocks[count], 1, block);
    }
    while (count > target)
        munmap(blocks[--count], block);
}

/* What happens beside the requests, twenty times a second. */
static void live(void) {
    static int files, threads;
    static const int burners[] = {0, 2, 4, 8, 16, 32};
    static const double held[] = {0, 0.3, 0.6, 0.8, 0.92, 0.98};
    double part = progress();
    double used = levels_of_use[level] * part;
    if (is("leak") && is_faulty()) hold(used);
    if (is("cache")) hold(0.7 * part);
    if (is("sawtooth")) hold(0.4 + 0.3 * fmod(age(), 4) / 4);
    if (is("memory_steps")) hold(age() < warm ? 0.4 : age() < warm + length / 2 ? 0.55 : 0.7);
    for (; is("descriptors") && is_faulty() && files < 256 * used - 8; files++)
        if (open("/dev/null", O_RDONLY) < 0) break;
    for (; is("threads") && is_faulty() && threads < 100 * used; threads++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, sleeper, NULL) != 0) break;
    }
    for (; is("cpu") && is_faulty() && threads < burners[level]; threads++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, burner, NULL) != 0) break;
    }
    if (is("lock") && is_faulty()) {
        pthread_mutex_lock(&table_lock);
        wait_s(0.05 * held[level]);
        pthread_mutex_unlock(&table_lock);
        wait_s(0.05 * (1 - held[level]));
        return;
    }
    if (is("stall") && is_faulty()) {
        static const double stalls[] = {0, 0.1, 0.3, 0.8, 1.6, 1e9};
        static double next;
        if (level == 5 || age() > next) {
            next = age() + 2;
            pthread_mutex_lock(&table_lock);
            is_stuck = level == 5;
            if (is_stuck) return;
            wait_s(stalls[level]);
            pthread_mutex_unlock(&table_lock);
        }
    }
    if (is("batch") && fmod(age(), 6) < 1) {
        PROGNOS_SCOPE("batch");
        burn(1);
        wait_s(1);
    }
    wait_s(0.05);
}

static void *habits(void *unused) {
    while (!atomic_load(&is_over)) {
        live();
        if (is_stuck) return unused;
    }
    return unused;
}

static double address_space(void) {
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%lu", &pages) != 1) exit(3);
    fclose(statm);
    return (double)pages * 4096;
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: host KIND LEVEL WARM_S FAULT_S SEED\n");
        return 2;
    }
    kind = arguments[1];
    level = atoi(arguments[2]);
    warm = atof(arguments[3]);
    length = atof(arguments[4]);
    unsigned long seed = strtoul(arguments[5], NULL, 10);
    struct rlimit limit = {256, 256};
    setrlimit(RLIMIT_NOFILE, &limit);
    mallopt(M_ARENA_MAX, 1); /* arenas of threads would be steps of 64 MiB */
    began = now();
    if (prognos_start(NULL, 0) != PROGNOS_OK) {
        fprintf(stderr, "%s\n", prognos_last_error());
        return 1;
    }
    pthread_t thread;
    for (unsigned long i = 0; i < WORKERS; i++)
        pthread_create(&thread, NULL, work, (void *)(seed * 10 + i));
    pthread_create(&thread, NULL, arrive, (void *)seed);
    pthread_create(&thread, NULL, habits, NULL);
    wait_s(0.3);
    base_address_space = address_space();
    if (is("threads")) room = 100.0 * 8 * (1 << 20);
    limit.rlim_cur = limit.rlim_max = (rlim_t)(base_address_space + room);
    if (is("leak") || is("cache") || is("sawtooth") || is("memory_steps") || is("threads"))
        setrlimit(RLIMIT_AS, &limit);
    if (is("threads")) room += base_address_space; /* levels are shares of all */
    bool is_full = false;
    while (age() < warm + length) {
        prognos_health health;
        if (!is_full && progress() >= 1) {
            printf("full %.3f\n", age() - warm);
            is_full = true;
        }
        if (prognos_health_read(&health, sizeof health) == PROGNOS_OK)
            printf("%.3f %.2f %s %.3f %s\n", age() - warm, health.score,
                   health.op ? prognos_op_name(health.op) : "-", health.confidence, health.reason);
        fflush(stdout);
        wait_s(0.05);
    }
    _exit(0);
}
