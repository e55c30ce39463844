/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that is to be killed. Usage: kill_host RECORDING SHARED HOW
 * Each thread does numbered operations, spans, calls of its session, writes, and says in the shared file how far it
 * is. Everything is tracked, the timeline, too. HOW: "wait" to be killed, "abort" or "segv" to die by itself when told
 * to, "oom" to take memory until it is killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <prognos.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { threads = 3, outside = 0, inside = 1, ending = 2 };

typedef struct thread_words {
    _Atomic uint64_t finished; /* operations whose end has returned */
    _Atomic uint64_t inner;    /* the same of those inside of them */
    _Atomic uint64_t spans;    /* spans that ended */
    _Atomic uint64_t writes;   /* of a byte each, within the spans */
    _Atomic uint64_t blocks;   /* allocations in "outer", one each time */
    _Atomic uint32_t
        phase; /* of the operation: between begin's return and end's call it is inside */
    _Atomic uint32_t thread_id;
} thread_words;

typedef struct shared_words {
    _Atomic uint32_t ready, die;
    thread_words thread[threads];
} shared_words;

static shared_words *words;
static const char *how;
static volatile int *volatile nowhere;
static int nowhere_else;

static void *work(void *argument) {
    thread_words *mine = argument;
    char name[32];
    snprintf(name, sizeof name, "outer-%d", (int)(mine - words->thread));
    prognos_op outer = prognos_op_named(name);
    snprintf(name, sizeof name, "inner-%d", (int)(mine - words->thread));
    prognos_op inner = prognos_op_named(name);
    snprintf(name, sizeof name, "span-%d", (int)(mine - words->thread));
    prognos_op task = prognos_op_named(name);
    snprintf(name, sizeof name, "flight-%d", (int)(mine - words->thread));
    prognos_span flight = prognos_span_begin(prognos_op_named(name)); /* never ends */
    snprintf(name, sizeof name, "session-%d", (int)(mine - words->thread));
    prognos_session session = prognos_session_open(name);
    unsigned random = (unsigned)getpid() + (unsigned)(mine - words->thread);
    atomic_store(&mine->thread_id, (uint32_t)gettid());
    for (uint64_t number = 1;; number++) {
        prognos_span span = prognos_span_begin(task);
        prognos_span_enter(number % 2 ? span : flight);
        if (write(nowhere_else, "x", 1) == 1) atomic_fetch_add(&mine->writes, 1);
        prognos_span_leave(number % 2 ? span : flight);
        prognos_span_end(span);
        atomic_fetch_add(&mine->spans, 1);
        prognos_session_enter(session);
        prognos_begin(outer);
        atomic_store(&mine->phase, inside);
        void *block = malloc(64 + random % 1000);
        atomic_fetch_add(&mine->blocks, 1);
        for (unsigned i = 0; i < number % 3; i++) {
            prognos_begin(inner);
            random = random * 1664525u + 1013904223u;
            for (volatile unsigned turn = random >> 24; turn > 0; turn--) {
            }
            if (random % 64 == 0) free(malloc(random % 100000));
            if (random % 17 == 0) prognos_fail("seventeenth");
            prognos_end(inner);
            atomic_fetch_add(&mine->inner, 1);
        }
        if (number % 5000 == 0) { /* the tables and the arena grow, too */
            snprintf(name, sizeof name, "extra-%u", (unsigned)(number / 5000));
            prognos_op extra = prognos_op_named(name);
            prognos_begin(extra);
            prognos_end(extra);
        }
        free(block);
        atomic_store(&mine->phase, ending);
        prognos_end(outer);
        atomic_store(&mine->finished, number);
        prognos_session_leave(session);
        atomic_store(&mine->phase, outside);
        if (words->die && mine == words->thread) {
            if (strcmp(how, "abort") == 0) abort();
            if (strcmp(how, "segv") == 0) *nowhere = 1;
        }
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    how = arguments[3];
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(60);
    int file = open(arguments[2], O_RDWR);
    if (file < 0) return 3;
    words = mmap(NULL, sizeof *words, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (words == MAP_FAILED) return 4;
    close(file);
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.recording_path = arguments[1];
    options.track = PROGNOS_TRACK_DEFAULT | PROGNOS_TRACK_TIMELINE;
    options.crash_notes = 1;
    if ((nowhere_else = open("/dev/null", O_WRONLY)) < 0) return 7;
    if (prognos_start(&options, sizeof options) != PROGNOS_OK) {
        fprintf(stderr, "%s\n", prognos_last_error());
        return 5;
    }
    pthread_t ids[threads];
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, &words->thread[i]) != 0) return 6;
    words->ready = 1;
    while (strcmp(how, "oom") == 0 && !words->die)
        usleep(1000);
    while (strcmp(how, "oom") == 0) {
        char *memory = malloc(1 << 20);
        if (memory) memset(memory, 1, 1 << 20);
    }
    pause();
    return 0;
}
