/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that leaves a recording with something of everything in it, and its profile as JSON and as a trace by the
 * library itself. Usage: layout_host RECORDING JSON TRACE
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <prognos.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int pipes[2];
static void *volatile kept; /* so that no compiler leaves allocations out */

static void call(int number) {
    PROGNOS_SCOPE("request");
    prognos_work((uint64_t)number);
    {
        PROGNOS_SCOPE("parse");
        if (number % 3 == 0) prognos_fail("bad_header");
        kept = malloc((size_t)number * 100);
        free(kept);
    }
    {
        PROGNOS_SCOPE("store größe");
        char bytes[64] = "";
        if (write(pipes[1], bytes, sizeof bytes) != sizeof bytes) exit(4);
        if (read(pipes[0], bytes, sizeof bytes) != sizeof bytes) exit(4);
    }
}

static void *work(void *session) {
    for (int i = 1; i <= 100; i++) {
        prognos_session_enter(*(prognos_session *)session);
        call(i);
        prognos_session_leave(*(prognos_session *)session);
    }
    return NULL;
}

static void deep(int depth) {
    PROGNOS_SCOPE("deep");
    if (depth > 1) deep(depth - 1);
}

int main(int count, char **arguments) {
    if (count != 4 || pipe(pipes) != 0) return 2;
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.recording_path = arguments[1];
    options.track |= PROGNOS_TRACK_TIMELINE;
    options.crash_notes = 1;
    if (prognos_start(&options, sizeof options) != PROGNOS_OK) return 3;
    prognos_session sessions[2] = {prognos_session_open("first user"),
                                   prognos_session_open("second größe")};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, &sessions[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    prognos_session_close(sessions[1]);
    deep(100);
    prognos_op task = prognos_op_named("task");
    for (int i = 0; i < 700; i++) { /* more than a chunk of records */
        prognos_span span = prognos_span_begin(task);
        prognos_span_enter(span);
        kept = malloc(10);
        free(kept);
        prognos_span_leave(span);
        if (i % 2) prognos_span_end(span);
    }
    if (prognos_assess() != PROGNOS_OK) return 7;
    prognos_stop();
    if (prognos_dump(arguments[2], PROGNOS_JSON) != PROGNOS_OK) return 5;
    if (prognos_dump(arguments[3], PROGNOS_CHROME_TRACE) != PROGNOS_OK) return 6;
    fflush(NULL);
    _exit(0);
}
