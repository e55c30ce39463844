/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles a program that knows nothing of Prognos:
 *
 *     LD_PRELOAD=libprognos_preload.so PROGNOS_DUMP=profile.json program
 *
 * starts with the defaults and the PROGNOS_* variables before main, and writes the profile at exit:
 * as JSON to the file in PROGNOS_DUMP, where %p stands for the process's ID, or as text to standard
 * error with PROGNOS_DUMP=-. Without PROGNOS_DUMP nothing is written. With PROGNOS_WHOLE_PROGRAM=1, as
 * `prognos run` has it, the main thread as a whole is an operation with the program's name, so that there is
 * something to charge what it does to.
 */
#define _GNU_SOURCE
#include <prognos.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { path_bytes = 4096 };

static pid_t
    process; /* that was started: a forked child's profile is not written over its parent's */

static prognos_op program; /* the operation that is all of it */

/* The path with each %p replaced; false when it is too long. */
static bool expand(const char *pattern, char *path) {
    size_t used = 0;
    for (const char *at = pattern; *at; at++) {
        if (used + 24 >= path_bytes) return false;
        if (at[0] == '%' && at[1] == 'p') {
            used += (size_t)snprintf(path + used, 24, "%ld", (long)getpid());
            at++;
        } else {
            path[used++] = *at;
        }
    }
    path[used] = 0;
    return true;
}

static void write_text(void) {
    size_t needed = 0;
    if (prognos_render(PROGNOS_TEXT, NULL, 0, &needed) != PROGNOS_OK) return;
    size_t capacity = needed + 4096; /* it may grow until the second call */
    char *text = malloc(capacity);
    if (!text) return;
    if (prognos_render(PROGNOS_TEXT, text, capacity, &needed) == PROGNOS_OK) {
        size_t left = needed < capacity ? needed : capacity - 1;
        for (const char *at = text; left > 0;) {
            ssize_t written = write(STDERR_FILENO, at, left);
            if (written <= 0 && errno != EINTR) break;
            if (written > 0) at += written, left -= (size_t)written;
        }
    }
    free(text);
}

__attribute__((constructor)) static void start(void) {
    int saved = errno;
    process = getpid();
    prognos_start(NULL, 0);
    const char *whole = getenv("PROGNOS_WHOLE_PROGRAM");
    if (whole && strcmp(whole, "1") == 0) {
        program = prognos_op_named(program_invocation_short_name);
        prognos_begin(program);
    }
    errno = saved;
}

__attribute__((destructor)) static void finish(void) {
    if (program != 0 && getpid() == process) prognos_end(program);
    const char *wish = getenv("PROGNOS_DUMP");
    char path[path_bytes];
    if (!wish || !*wish) return;
    if (getpid() != process && !strstr(wish, "%p")) return;
    if (strcmp(wish, "-") == 0) {
        write_text();
    } else if (!expand(wish, path)) {
        fprintf(stderr, "prognos: PROGNOS_DUMP is too long\n");
    } else if (prognos_dump(path, PROGNOS_JSON) != PROGNOS_OK) {
        fprintf(stderr, "%s\n", prognos_last_error());
    }
}
