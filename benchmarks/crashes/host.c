/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small service that dies of a real limit, or looks as if it would: host SCENARIO SEED LIFE [key=value ...]
 *
 * Four workers do some 100 operations a second, of four kinds; one of them is guilty. The limits are set by setrlimit
 * here, or by run.py around it (cgroup=..., directory=...). It ends as such services do: it aborts when the system
 * refuses what it asks for, or is killed. On standard output, ten times a second, what prognos_crash_read and
 * prognos_resources_read say. Before: "G name of the guilty operation". "F t": the fault begins.
 */
#define _GNU_SOURCE
#include "../scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <prognos.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { worker_count = 4, operation_count = 4, max_held = 400000 };
static const char *const names[operation_count] = {"checkout", "search", "render", "report"};
static const double shares[operation_count] = {0.35, 0.30, 0.25, 0.10};
static prognos_op operations[operation_count];
static const char *scenario, *directory = ".";
static double life, fault_begin;
static int guilty;
static double rate_factor;
static atomic_bool is_over;

static void pause_s(double s) {
    struct timespec t = {(time_t)s, (long)((s - floor(s)) * 1e9)};
    nanosleep(&t, NULL);
}

static void say(const char *format, ...) {
    char line[4096];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (n > 0 && write(1, line, (size_t)n) < 0) _exit(9);
}

static _Noreturn void die(const char *why) {
    say("D %.3f %s\n", now(), why);
    abort();
}

static bool is(const char *name) {
    return strcmp(scenario, name) == 0;
}

static void burn(double s) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    double end = (double)t.tv_sec + (double)t.tv_nsec * 1e-9 + s;
    do {
        for (volatile int i = 0; i < 2000; i++) {
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    } while ((double)t.tv_sec + (double)t.tv_nsec * 1e-9 < end);
}

/* ---- what is used up: an amount that follows a target ------------------------------------------ */

typedef enum { memory, descriptors, sockets, threads, maps, file } kind_of_resource;
static kind_of_resource resource;
static double headroom; /* in the resource's unit: bytes, descriptors, ... */
static size_t block = 200 << 10;
static void *held_blocks[max_held];
static size_t held_count;
static pthread_mutex_t holding = PTHREAD_MUTEX_INITIALIZER;
static double held; /* units */
static int out = -1;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t threads_wanted;

static void *idle_thread(void *number) {
    pthread_mutex_lock(&idle_lock);
    while ((size_t)number < threads_wanted)
        pthread_cond_wait(&idle, &idle_lock);
    pthread_mutex_unlock(&idle_lock);
    return NULL;
}

static void take_one(void) {
    int pair[2];
    void *got = NULL;
    switch (resource) {
    case memory:
        if (!(got = malloc(block))) die("malloc");
        memset(got, 1, block);
        held += (double)block;
        break;
    case descriptors: {
        int fd = open("/dev/null", O_RDONLY);
        if (fd < 0) die("open");
        got = (void *)(intptr_t)fd;
        held++;
        break;
    }
    case sockets:
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) die("socketpair");
        got = (void *)(intptr_t)(pair[0] | pair[1] << 16);
        held += 2;
        break;
    case threads: {
        pthread_t t;
        pthread_attr_t a;
        pthread_attr_init(&a);
        pthread_attr_setstacksize(&a, 64 << 10);
        pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
        pthread_mutex_lock(&idle_lock);
        threads_wanted = held_count + 1;
        pthread_mutex_unlock(&idle_lock);
        if (pthread_create(&t, &a, idle_thread, (void *)held_count) != 0) die("pthread_create");
        held++;
        break;
    }
    case maps:
        /* Two kinds by turns, so that the kernel does not merge them. */
        got = mmap(NULL, 4096, held_count & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
        if (got == MAP_FAILED) die("mmap");
        held++;
        break;
    case file: {
        static char text[4096];
        memset(text, 'x', sizeof text);
        if (write(out, text, sizeof text) != sizeof text) die("write");
        held += sizeof text;
        break;
    }
    }
    if (held_count < max_held) held_blocks[held_count++] = got;
}

static void give_one(void) {
    if (held_count == 0) return;
    void *last = held_blocks[--held_count];
    switch (resource) {
    case memory:
        free(last);
        held -= (double)block;
        break;
    case descriptors:
        close((int)(intptr_t)last);
        held--;
        break;
    case sockets:
        close((int)(intptr_t)last & 0xFFFF);
        close((int)(intptr_t)last >> 16);
        held -= 2;
        break;
    case threads:
        pthread_mutex_lock(&idle_lock);
        threads_wanted = held_count;
        pthread_cond_broadcast(&idle);
        pthread_mutex_unlock(&idle_lock);
        held--;
        break;
    case maps:
        munmap(last, 4096);
        held--;
        break;
    case file:
        held -= 4096;
        if (ftruncate(out, (off_t)held) != 0 || lseek(out, 0, SEEK_END) < 0) die("ftruncate");
        break;
    }
}

static double target_at(double t, uint64_t *random);
static bool is_leak(void);

static void follow(uint64_t *random) {
    pthread_mutex_lock(&holding);
    /* A leak is so much a call: by what the shape grows in the mean time between calls. */
    double t = now(), target = target_at(t, random) * headroom;
    bool is_even = is_leak() && !is("leak_noise") && !is("steps_leak");
    if (is_even) {
        static double owed;
        double calls = 100 * rate_factor * shares[guilty] / (strstr(scenario, "burst") ? 10 : 1);
        owed += (target_at(t + 0.5, random) - target_at(t - 0.5, random)) * headroom / calls;
        target = owed;
    }
    while (held < target)
        take_one();
    while ((!is_leak() || is("leak_noise")) && held > target && held_count > 0 &&
           held - target >= held / (double)held_count)
        give_one();
    pthread_mutex_unlock(&holding);
}

/* ---- the scenarios ----------------------------------------------------------------------------- */

static double shape[8];
static atomic_int turns;

/* How much of the headroom is taken at a moment; beyond 1 is death. */
static double target_at(double t, uint64_t *random) {
    double x = t / life, begin = fault_begin / life;
    double grown = x <= begin ? 0 : (x - begin) / (1 - begin) * 1.02;
    if (strstr(scenario, "accelerating")) return pow(grown, shape[0] * 1.5 + 1.7);
    if (strstr(scenario, "steps_leak")) {
        double steps = 6 + floor(shape[0] * 8);
        return floor(grown * steps) / steps * 1.03;
    }
    if (strstr(scenario, "after_warmup")) {
        double warm = 0.15 + 0.2 * shape[1];
        return warm * (1 - exp(-x / 0.06)) + (1 - warm) * grown;
    }
    if (strstr(scenario, "noise")) {
        /* Ten times what leaks in a second, held for a second or so. */
        static double level;
        double per_s = 1 / life;
        if (random_of(random) < 0.2) level = random_of(random) * fmin(20 * per_s, 0.35);
        return grown * (1 - fmin(10 * per_s, 0.17)) + level;
    }
    if (is("warmup")) return (0.45 + 0.15 * shape[1]) * (1 - exp(-x / (0.05 + 0.2 * shape[0])));
    if (is("log_growth")) return 0.6 * log(1 + x * (20 + 60 * shape[0])) / log(81);
    if (is("cache_fill")) return fmin(x / (0.25 + 0.45 * shape[0]), 1) * (0.4 + 0.4 * shape[1]);
    if (is("sawtooth")) {
        double period = 0.04 + 0.15 * shape[0], phase = x / period;
        return 0.1 + (0.3 + 0.4 * shape[1]) * (phase - floor(phase));
    }
    if (is("batch")) {
        double period = 0.08 + 0.2 * shape[0], phase = x / period;
        return 0.1 + (phase - floor(phase) < 0.3 ? 0.3 + 0.4 * shape[1] : 0);
    }
    if (is("steps")) {
        double steps = shape[0] < 0.5 ? 1 : 3, n = 0;
        for (int i = 0; i < steps; i++)
            n += x > 0.1 + 0.7 * shape[2 + i];
        return 0.05 + n / steps * (0.3 + 0.35 * shape[1]);
    }
    if (is("random_walk")) {
        static double level = 0.35;
        level += (random_of(random) - 0.5) * 0.04;
        level = fmin(fmax(level, 0.05), 0.7);
        return level;
    }
    if (is("pools")) return fmin(x / (0.1 + 0.4 * shape[0]), 1) * (0.35 + 0.35 * shape[1]);
    if (is("burst_recovery")) {
        double d = (x - 0.3 - 0.4 * shape[0]) / (0.02 + 0.04 * shape[2]);
        return 0.1 + (0.4 + 0.35 * shape[1]) * exp(-d * d);
    }
    if (is("idle") || is("cpu_busy")) return 0.05;
    return grown;
}

static bool is_leak(void) {
    return strstr(scenario, "leak") || is("cgroup_memory") || is("pids") || is("tmpfs") ||
           is("file_size");
}

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static atomic_int caught;
static volatile double late_since;
static int direct = -1;

static void work_of(int operation, uint64_t *random) {
    double t = now();
    burn(30e-6);
    void *scratch = malloc(20000);
    if (!scratch) die("malloc");
    memset(scratch, 1, 20000);
    if (is("deadlock")) {
        /* Two operations take the locks in opposite order: that goes well until they meet. */
        bool reversed = operation == guilty && t > fault_begin && atomic_fetch_add(&caught, 1) == 0;
        pthread_mutex_lock(reversed ? &second : &first);
        if (t > fault_begin && (reversed || atomic_load(&caught))) pause_s(0.3);
        pthread_mutex_lock(reversed ? &first : &second);
        pthread_mutex_unlock(reversed ? &first : &second);
        pthread_mutex_unlock(reversed ? &second : &first);
    } else if (is("stalled")) {
        if (operation == guilty || random_of(random) < 0.7) {
            pthread_mutex_lock(&first);
            if (operation == guilty && t > fault_begin)
                pause_s(1e6); /* waits for what never comes */
            pthread_mutex_unlock(&first);
        }
    } else if (is("cpu_limit")) {
        burn(operation == guilty ? shape[3] : 100e-6);
    } else if (is("cpu_busy")) {
        burn(shape[3]);
    } else if (is("cpu_quota")) {
        if (operation == guilty) burn(0.0005 + 0.015 * pow(fmax(t - fault_begin, 0) / life, 1.5));
    } else if (is("io_throttled")) {
        static char page[32768] __attribute__((aligned(4096)));
        if (operation == guilty && pwrite(direct, page, sizeof page, 0) != sizeof page)
            die("pwrite");
    } else if (operation == guilty) {
        bool turn = true;
        if (strstr(scenario, "burst")) turn = atomic_fetch_add(&turns, 1) % 10 == 0;
        if (turn && !is("idle")) follow(random);
    }
    free(scratch);
    double took = now() - t;
    if (is("io_throttled") && took > 2) die("deadline missed");
    if (is("cpu_quota") && operation == guilty) {
        static volatile double smoothed;
        smoothed += 0.05 * (took - smoothed);
        if (smoothed < 0.15) late_since = t;
        if (t - late_since > 3) die("objective missed");
    }
}

static void *worker(void *number) {
    uint64_t random = seed_state + (uint64_t)(uintptr_t)number * 7919;
    double rate = 25 * rate_factor * (is("cpu_busy") ? 4 : 1);
    double due = now();
    while (!atomic_load(&is_over)) {
        double u = random_of(&random);
        int operation = 0;
        while (operation < operation_count - 1 && u > shares[operation])
            u -= shares[operation++];
        if (is("idle") && now() > 3) operation = 3;
        prognos_begin(operations[operation]);
        work_of(operation, &random);
        prognos_end(operations[operation]);
        due = fmax(due + -log(1 - random_of(&random)) / rate, now() - 0.05);
        double left = due - now();
        if (left > 0) pause_s(fmin(left, 1) * (is("idle") ? 20 : 1));
    }
    return NULL;
}

/* ---- what Prognos says ------------------------------------------------------------------------- */

static const char *const known[] = {
    "address space",   "data segment", "cgroup memory", "host memory", "file descriptors",
    "user processes",  "cgroup pids",  "memory maps",   "disk",        "inodes",
    "file size",       "CPU seconds",  "CPU quota",     "stack",       "written disk",
    "resident memory", "heap",         "threads",       "sockets"};

static void *logger(void *unused) {
    static prognos_resource all[24];
    double limits[24] = {0}, due = now();
    (void)unused;
    while (!atomic_load(&is_over)) {
        prognos_crash crash = {0};
        crash.minutes_to_failure = INFINITY;
        size_t count = 0, n = 0;
        char line[2000];
        if (prognos_crash_read(&crash, sizeof crash) != PROGNOS_OK) crash.probability = 0;
        if (prognos_resources_read(all, sizeof all[0], 24, &count) != PROGNOS_OK) count = 0;
        n += (size_t)snprintf(line, sizeof line, "S %.3f %.5f %.5f %.3f %.4f %.4f %.4f %u %u|%s|",
                              now(), crash.probability, crash.probability_ever,
                              crash.horizon_minutes * 60, crash.minutes_to_failure * 60,
                              crash.minutes_low * 60, crash.minutes_high * 60, crash.kind, crash.op,
                              crash.resource);
        for (size_t i = 0; i < count && i < 24 && n < sizeof line - 80; i++)
            for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
                if (strcmp(all[i].resource, known[k]) != 0) continue;
                if (all[i].used == 0 && all[i].limit == 0) break;
                n += (size_t)snprintf(line + n, sizeof line - n, "%zu=%.10g", k, all[i].used);
                if (all[i].limit != limits[k])
                    n += (size_t)snprintf(line + n, sizeof line - n, "/%.10g", all[i].limit);
                limits[k] = all[i].limit;
                line[n++] = ';';
            }
        snprintf(line + n, sizeof line - n, "\n");
        say("%s", line);
        static double told;
        if (crash.probability >= 0.5 && now() - told > 5) {
            told = now();
            say("R %.3f %s\n", now(), crash.reason);
        }
        due += 0.1;
        if (due > now()) pause_s(due - now());
    }
    return NULL;
}

static void limit(int which, double value) {
    struct rlimit l;
    getrlimit((__rlimit_resource_t)which, &l);
    l.rlim_cur = (rlim_t)value;
    if (setrlimit((__rlimit_resource_t)which, &l) != 0) die("setrlimit");
}

static double virtual_bytes(void) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu", &pages) != 1) die("statm");
    fclose(f);
    return (double)pages * 4096;
}

/* Which resource, which limit: after all threads run. */
static void set_up(void) {
    char path[300];
    bool any = !is_leak();
    double kind = drawn(0, 1);
    if (is("cgroup_memory")) {
        resource = memory;
        headroom = atof(getenv("HEADROOM"));
    } else if (strstr(scenario, "fd_leak") || is("pools")
                   ? strstr(scenario, "fd_leak") || kind < 0.5
                   : any && kind < 0.25) {
        resource = descriptors;
        headroom = floor(drawn(200, 1000));
        limit(RLIMIT_NOFILE, headroom + 12);
    } else if (strstr(scenario, "socket_leak")) {
        resource = sockets;
        headroom = floor(drawn(200, 1000));
        limit(RLIMIT_NOFILE, headroom + 12);
    } else if (is("pids") || is("pools")) {
        resource = threads;
        headroom = atof(getenv("HEADROOM"));
    } else if (strstr(scenario, "map_leak")) {
        resource = maps;
        headroom = 65530;
    } else if (is("tmpfs") || is("file_size") || (any && kind < 0.45 && getenv("HEADROOM"))) {
        resource = file;
        headroom = getenv("HEADROOM") ? atof(getenv("HEADROOM")) : floor(drawn(20e6, 200e6));
        snprintf(path, sizeof path, "%s/log.%d", directory, (int)getpid());
        out = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        if (out < 0) die("open of the log");
        unlink(path);
        if (is("file_size")) limit(RLIMIT_FSIZE, headroom);
    } else {
        resource = memory;
        if (drawn(0, 1) < 0.35) block = (size_t)drawn(4000, 60000);
        headroom = block < 100000 ? drawn(400e6, 800e6) : drawn(150e6, 500e6);
        /* Heaps of threads waste some, which is to kill nobody who should live. */
        limit(RLIMIT_AS, virtual_bytes() + headroom + (is_leak() ? 0 : 200e6));
    }
    if (is("cpu_limit")) {
        limit(RLIMIT_CPU, fmax(round(life * 0.25), 3));
        shape[3] = fmax(round(life * 0.25), 3) / life / (100 * rate_factor * shares[guilty]);
    }
    if (is("cpu_busy")) shape[3] = 0.9 / (400 * rate_factor);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    scenario = argv[1];
    seed_state = strtoull(argv[2], NULL, 10) * 1000003u;
    for (const char *c = scenario; *c; c++)
        seed_state = seed_state * 31 + (uint64_t)*c;
    life = atof(argv[3]);
    if (getenv("DIRECTORY")) directory = getenv("DIRECTORY");
    began = now();
    for (int i = 0; i < 8; i++)
        shape[i] = drawn(0, 1);
    guilty = (int)drawn(0, 3);
    rate_factor = drawn(0.7, 1.4);
    bool late = is("deadlock") || is("stalled");
    bool starts_late = strstr(scenario, "late") || drawn(0, 1) < 0.3;
    fault_begin = life * (late                               ? 0.6
                          : strstr(scenario, "after_warmup") ? 0.3
                          : starts_late && is_leak()         ? drawn(0.1, 0.5)
                                                             : 0);
    mallopt(M_MMAP_THRESHOLD, 128 << 10);

    if (is("io_throttled")) {
        char path[300];
        snprintf(path, sizeof path, "%s/direct.%d", directory, (int)getpid());
        direct = open(path, O_CREAT | O_WRONLY | O_DIRECT, 0600);
        if (direct < 0) die("open with O_DIRECT");
        unlink(path);
    }

    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.collect_interval_ms = 100;
    if (prognos_start(&options, sizeof options) != PROGNOS_OK) return 3;
    for (int i = 0; i < operation_count; i++)
        operations[i] = prognos_op_named(names[i]);
    say("G %s\n", is_leak() || late || is("cpu_limit") || is("io_throttled") || is("cpu_quota")
                      ? names[guilty]
                      : "-");
    say("F %.3f\n", fault_begin);
    pthread_t thread;
    pthread_create(&thread, NULL, logger, NULL);
    pthread_t workers[worker_count];
    for (int i = 0; i < worker_count; i++)
        pthread_create(&workers[i], NULL, worker, (void *)(uintptr_t)i);
    pause_s(0.5);
    set_up();
    double end = late ? life
                 : is_leak() || is("cpu_limit") || is("io_throttled") || is("cpu_quota")
                     ? life * 4 + 20
                     : life;
    while (now() < end)
        pause_s(fmin(end - now(), 1));
    if (late) die("watchdog");
    say("E %.3f\n", now());
    _exit(0);
}
