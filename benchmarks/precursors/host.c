/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that dies of something that no limit shows, and is started again: host SCENARIO SEED LIFE FILE
 *
 * LIFE counts the lives of one service, from 0 on; all of them write to FILE, so that the older recordings stay beside it. Workers
 * make some 100 calls a second, of five kinds. In every life, healthy or not, harmless things happen by chance: for some
 * seconds one kind of call fails or is slower, there are more calls, or something is called that seldom is.
 * On standard output, four times a second: S seconds probability kind minutes low high, and the reason of an alarm. "F t": what
 * announces the death begins.
 */
#define _GNU_SOURCE
#include "../scenario.h"

#include <fcntl.h>
#include <math.h>
#include <prognos.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Another build of the same program has another build ID. */
#ifndef BUILD
#define BUILD 1
#endif
const int build_number = BUILD;

enum { fetch, search, render, store, checkout, reload, flush, operation_count, workers = 8 };
static const char *const names[operation_count] = {"fetch",    "search", "render", "store",
                                                   "checkout", "reload", "flush"};
static prognos_op operations[operation_count];
static const char *scenario;
static double life, fault; /* fault: when what announces the death begins */
static atomic_bool is_over;
static _Atomic double failing[operation_count], slower[operation_count], faster = 1, writing = 1;
static atomic_int wanted_workers = workers;

static bool is(const char *name) {
    return strcmp(scenario, name) == 0;
}

static void pause_s(double s) {
    struct timespec t = {(time_t)s, (long)((s - floor(s)) * 1e9)};
    nanosleep(&t, NULL);
}

static void say(const char *format, ...) {
    char line[1024];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (n > 0 && write(1, line, (size_t)n) < 0) _exit(9);
}

/* ---- what it does ------------------------------------------------------------------------------ */

static void call(int kind, uint64_t *state) {
    static const double times[operation_count] = {0.004, 0.006, 0.003, 0.002, 0.005, 0.02, 0.01};
    prognos_begin(operations[kind]);
    pause_s(times[kind] * (0.7 + 0.6 * random_of(state)) * slower[kind]);
    if (kind == store) {
        static char page[65536];
        int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (write(file, page, (size_t)(1024 * writing)) < 0) _exit(8);
        close(file);
    }
    if (random_of(state) < failing[kind]) prognos_fail("refused");
    prognos_end(operations[kind]);
}

static void *work(void *number) {
    uint64_t state = seed_state + (uint64_t)(uintptr_t)number * 7919;
    while (!is_over && (intptr_t)number < wanted_workers) {
        call((int)(5 * random_of(&state)), &state);
        pause_s((0.05 + 0.05 * random_of(&state)) / faster);
    }
    return NULL;
}

static void one_call(int kind) {
    call(kind, &seed_state);
}

/* ---- what happens by chance -------------------------------------------------------------------- */

static struct {
    double next, until;
    int what, kind;
} chance;

static void happen(double t) {
    if (chance.until > 0 && t > chance.until) {
        failing[chance.kind] = 0.01;
        slower[chance.kind] = 1;
        faster = 1;
        chance.until = 0;
        chance.next = t + drawn(8, 40);
    }
    if (chance.until > 0 || t < chance.next) return;
    chance.what = (int)drawn(0, 4);
    chance.kind = (int)drawn(0, 5);
    chance.until = t + drawn(2, 6);
    if (chance.what == 0) failing[chance.kind] = drawn(0.05, 0.15);
    if (chance.what == 1) slower[chance.kind] = drawn(1.5, 3);
    if (chance.what == 2) faster = drawn(1.5, 2.5);
    if (chance.what == 3) one_call(flush);
}

/* ---- how it dies ------------------------------------------------------------------------------- */

static char *held;
static size_t held_bytes;

static void hold(size_t bytes) {
    static const size_t most = (size_t)1 << 30;
    if (!held) held = mmap(NULL, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes > held_bytes && bytes < most) {
        memset(held + held_bytes, 1, bytes - held_bytes);
        held_bytes = bytes;
    }
}

static _Noreturn void crash_in(int kind) {
    prognos_begin(operations[kind]);
    raise(SIGSEGV);
    abort();
}

static _Noreturn void killed(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* What is announced; true once it is time to die. */
static bool announce(const char *what, double t) {
    double since = t - fault;
    static double lead, speed;
    static bool done;
    if (lead == 0) {
        lead = drawn(0.8, 1.2);
        speed = drawn(0.8, 1.6);
    }
    if (strcmp(what, "memory") == 0) { /* somebody outside does not like 200 MB */
        hold((size_t)(20e6 + speed * 2.5e6 * t));
        return held_bytes > 200e6;
    }
    if (since < 0) return false;
    if (!done) say("F %.3f\n", t);
    if (strcmp(what, "failures") == 0) {
        failing[fetch] = fmin(0.02 + since * 0.02, 0.14);
        done = true;
        return since > 20 * lead;
    }
    if (strcmp(what, "reload") == 0) {
        if (!done) one_call(reload);
        done = true;
        return since > 15 * lead;
    }
    if (strcmp(what, "creep") == 0) {
        slower[search] = 1 + since / 6;
        slower[checkout] = 1 + since / 8;
        done = true;
        return since > 25 * lead;
    }
    if (strcmp(what, "pool") == 0) {
        int left = workers - (int)(since / 3);
        wanted_workers = left > 2 ? left : 2;
        done = true;
        return since > 22 * lead;
    }
    if (strcmp(what, "surge") == 0) {
        faster = 4;
        done = true;
        return since > 15 * lead;
    }
    if (strcmp(what, "writes") == 0) {
        writing = 12;
        done = true;
        return since > 18 * lead;
    }
    done = true;
    return false;
}

static void be(double t) {
    if (is("failures") && announce("failures", t)) crash_in(render);
    if (is("reload") && announce("reload", t)) abort();
    if (is("creep") && announce("creep", t)) killed();
    if (is("memory") && announce("memory", t)) killed();
    if (is("surge") && announce("surge", t)) abort();
    if (is("writes") && announce("writes", t)) crash_in(store);
    if (is("pool") && announce("pool", t)) {
        prognos_begin(operations[checkout]);
        exit(1);
    }
    /* The look-alikes: what announces a death elsewhere, and no death; or a death that nothing announces. */
    bool announces = is("failures") || is("reload") || is("creep") || is("memory") || is("surge") ||
                     is("writes") || is("pool");
    bool ends = t > life && !announces;
    if (is("never_dies") || is("deploys") || is("no_predecessor") || is("other_build")) {
        static bool passed;
        if (!passed && announce(is("deploys") ? "reload" : "failures", t)) {
            failing[fetch] = 0.01;
            passed = true;
        }
        if (is("other_build") && BUILD == 1 && passed) crash_in(render);
    }
    if (is("passes_and_dies")) { /* it comes and goes; the death has another reason */
        bool surges = t > fault && t < fault + 8;
        if (surges && faster != 4) say("F %.3f\n", t);
        if (surges) faster = 4;
        if (!surges && faster == 4) {
            faster = 1;
            fault = t + drawn(10, 22);
        }
        if (ends) crash_in(render);
    }
    if (is("random_deaths") && ends) crash_in((int)drawn(0, 5));
    if (is("random_kills") && ends) killed();
    if (ends) {
        if (is("deploys")) kill(getpid(), SIGTERM);
        is_over = true;
    }
}

static void tell(double t) {
    prognos_crash crash;
    if (prognos_crash_read(&crash, sizeof crash) != PROGNOS_OK) return;
    say("S %.3f %.4f %u %g %g %g %s\n", t, crash.probability, crash.kind,
        60 * crash.minutes_to_failure, 60 * crash.minutes_low, 60 * crash.minutes_high,
        crash.probability >= 0.3 ? crash.reason : "");
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    scenario = arguments[1];
    seed_state = strtoull(arguments[2], NULL, 10) * 1000003u + strtoull(arguments[3], NULL, 10);
    for (const char *c = scenario; *c; c++)
        seed_state = seed_state * 31 + (unsigned char)*c;
    for (int i = 0; i < 10; i++)
        drawn(0, 1);
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    began = (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
    life = drawn(80, 115);
    fault = drawn(45, 80);
    if (is("passes_and_dies")) fault = drawn(22, 28);
    chance.next = drawn(20, 50);
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.recording_path = arguments[4];
    options.memory_limit_bytes = 16 << 20;
    options.track = PROGNOS_TRACK_CPU | PROGNOS_TRACK_IO;
    options.crash_notes = 1;
    if (prognos_start(&options, sizeof options) != PROGNOS_OK) {
        say("E %s\n", prognos_last_error());
        return 3;
    }
    for (int i = 0; i < operation_count; i++) {
        operations[i] = prognos_op_named(names[i]);
        failing[i] = 0.01;
        slower[i] = 1;
    }
    pthread_t threads[workers];
    for (intptr_t i = 0; i < workers; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) return 4;
    for (int i = 0; !is_over; i++) {
        double at = now();
        happen(at);
        be(at);
        if (i % 5 == 0) tell(at);
        pause_s(0.05);
    }
    for (int i = 0; i < workers; i++)
        pthread_join(threads[i], NULL);
    say("L %.3f\n", now());
    return prognos_stop() == PROGNOS_OK ? 0 : 5;
}
