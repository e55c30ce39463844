/* SPDX-License-Identifier: Apache-2.0 */
/* What predecessors did before they died, out of their recordings; and recordings that are none. */
#include "host.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char place[128];

static char *path_of(const char *name, int number) {
    static char paths[8][200];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], number ? "%s/%s.%d" : "%s/%s", place, name, number);
    return path;
}

static void make_place(void) {
    snprintf(place, sizeof place, "/dev/shm/prognos-precursors-%d", (int)getpid());
    NEED(mkdir(place, 0700) == 0);
}

static void leave(void) {
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", place);
    NEED(system(command) == 0);
}

static void start_in(const char *path) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.recording_path = path;
    options.memory_limit_bytes = 8 << 20;
    options.track = PROGNOS_TRACK_CPU;
    options.crash_notes = 1;
    NEED(prognos_start(&options, sizeof options) == PROGNOS_OK);
}

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Calls of both operations for a tenth of a second; every fourth of the one fails, or none. */
static void work(prognos_op fetch, prognos_op render, bool failing) {
    for (int i = 0; i < 12; i++) {
        call(render);
        prognos_begin(fetch);
        if (failing && i % 4 == 0) prognos_fail("refused");
        prognos_end(fetch);
        pause_ms(8);
    }
}

/* 25 seconds, of which calls fail in the last six; then it crashes. */
static pid_t begin_life(const char *path) {
    pid_t child = fork();
    if (child != 0) return child;
    start_in(path);
    prognos_op fetch = prognos_op_named("fetch"), render = prognos_op_named("render");
    uint64_t from = clock_ns(CLOCK_MONOTONIC);
    for (uint64_t age = 0; age < 25000000000u; age = clock_ns(CLOCK_MONOTONIC) - from)
        work(fetch, render, age > 19000000000u);
    prognos_begin(render);
    raise(SIGSEGV);
    _exit(9);
}

static void what_went_before_former_crashes_is_recognised(void) {
    pid_t lives[4];
    int status;
    make_place();
    for (int i = 0; i < 4; i++)
        lives[i] = begin_life(path_of("life", i + 10));
    for (int i = 0; i < 4; i++) {
        NEED(waitpid(lives[i], &status, 0) == lives[i]);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        NEED(rename(path_of("life", i + 10), path_of("life", i + 1)) == 0);
    }
    start_in(path_of("life", 0));
    prognos_op fetch = prognos_op_named("fetch"), render = prognos_op_named("render");
    prognos_crash crash;
    bool early = false, found = false;
    /* As long as it takes, on a busy machine. */
    uint64_t from = clock_ns(CLOCK_MONOTONIC);
    for (uint64_t age = 0; age < 60000000000u && !found; age = clock_ns(CLOCK_MONOTONIC) - from) {
        bool failing = age > 22000000000u;
        work(fetch, render, failing);
        if (prognos_crash_read(&crash, sizeof crash) != PROGNOS_OK) continue;
        bool told = crash.kind == PROGNOS_CRASH_PRECURSOR && crash.probability >= 0.5;
        if (told && !failing) early = true;
        found = told && failing;
    }
    CHECK(!early);
    if (CHECK(found)) {
        CHECK_TEXT(crash.resource, "former crash");
        CHECK_CONTAINS(crash.reason, "as before the crash of ");
        CHECK_CONTAINS(crash.reason, "(SIGSEGV in render): failures of fetch ");
        CHECK_EQ(crash.op, fetch);
        CHECK(isfinite(crash.minutes_to_failure));
        CHECK(crash.minutes_low <= crash.minutes_high);
    }
    prognos_stop();
    leave();
}

static void put(const char *path, const void *bytes, size_t count) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    NEED(file >= 0 && write(file, bytes, count) == (ssize_t)count);
    close(file);
}

/* Whatever lies where former recordings are expected: nothing hangs, nothing crashes, nothing is told. */
static void recordings_that_are_none_do_no_harm(void) {
    make_place();
    pid_t child = fork();
    if (child == 0) {
        start_in(path_of("old", 0));
        prognos_op op = prognos_op_named("fetch");
        for (int i = 0; i < 30; i++) {
            call(op);
            pause_ms(100);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    static char whole[8 << 20];
    int file = open(path_of("old", 0), O_RDONLY);
    ssize_t count = read(file, whole, sizeof whole);
    close(file);
    NEED(count > 100000);
    put(path_of("life", 1), whole, 5000);              /* cut short in the header */
    put(path_of("life", 2), whole, (size_t)count / 3); /* and further back */
    put(path_of("life", 3), "PROGNOS\0and so on", 18); /* a beginning alone */
    put(path_of("life", 4), "", 0);
    NEED(mkfifo(path_of("life", 5), 0600) == 0); /* opening it waits */
    NEED(symlink("/dev/zero", path_of("life", 6)) == 0);
    NEED(symlink(path_of("old", 0), path_of("life", 7)) == 0);
    uint64_t state = 1;
    for (int number = 20; number < 60; number++) { /* with bytes that are wrong */
        static char flipped[sizeof whole];
        memcpy(flipped, whole, (size_t)count);
        for (int i = 0; i < 1 << (number % 14); i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            /* Half of them in the headers. */
            size_t most = i & 1 ? (size_t)count : 8192;
            flipped[8 + (state >> 33) % (most - 8)] = (char)(state >> 20);
        }
        put(path_of("life", number), flipped, (size_t)count);
    }
    NEED(truncate(path_of("life", 20), (off_t)1 << 40) == 0); /* enormous */
    NEED(chmod(path_of("life", 21), 0) == 0);
    start_in(path_of("life", 0));
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    prognos_op op = prognos_op_named("fetch");
    for (int i = 0; i < 30; i++) {
        call(op);
        pause_ms(100);
    }
    prognos_crash crash;
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    prognos_status read = prognos_crash_read(&crash, sizeof crash);
    CHECK(read == PROGNOS_OK || read == PROGNOS_NOT_ENOUGH_DATA);
    if (read == PROGNOS_OK) CHECK(crash.probability >= 0 && crash.probability < 0.5);
    prognos_stop();
    leave();
}

/* exit() within a call is no end in order; outside of any it is. Told by the recording alone. */
static uint32_t exit_operation(bool within) {
    pid_t child = fork();
    if (child == 0) {
        start_in(path_of(within ? "in" : "out", 0));
        prognos_op op = prognos_op_named("fetch");
        call(op);
        if (within) prognos_begin(op);
        exit(1);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    uint32_t cells[2] = {0};
    int file = open(path_of(within ? "in" : "out", 0), O_RDONLY);
    NEED(file >= 0);
    NEED(pread(file, &cells[0], 4, 4096 + 48) == 4); /* state: docs/recording.md */
    NEED(pread(file, &cells[1], 4, 4096 + 100) == 4);
    close(file);
    CHECK_EQ(cells[0], 3);
    return cells[1];
}

static void an_exit_within_a_call_is_noted(void) {
    make_place();
    CHECK_EQ(exit_operation(false), 0);
    CHECK_EQ(exit_operation(true), 1);
    leave();
}

CHECK_MAIN(CASE(what_went_before_former_crashes_is_recognised),
           CASE(recordings_that_are_none_do_no_harm), CASE(an_exit_within_a_call_is_noted))
