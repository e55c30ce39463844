/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process for the tool to look at: two threads with operations, until standard input ends or a signal
 * does. Says "ready" when there is something to see. "off" as argument: it begins with recording off.
 */
#define _GNU_SOURCE
#include <prognos.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_bool over;
static atomic_ulong rounds;

static void pause_ms(long ms) {
    struct timespec time = {0, ms * 1000000};
    nanosleep(&time, NULL);
}

static void *work(void *unused) {
    (void)unused;
    for (unsigned long round = 0; !atomic_load(&over); round++) {
        PROGNOS_SCOPE("request");
        {
            PROGNOS_SCOPE("parse");
            if (round % 10 == 0) prognos_fail("bad_header");
        }
        {
            PROGNOS_SCOPE("größe 日本語");
            pause_ms(1);
        }
        atomic_fetch_add(&rounds, 1);
    }
    return NULL;
}

int main(int count, char **arguments) {
    pthread_t threads[2];
    if (count > 1 && strcmp(arguments[1], "off") == 0) prognos_set_enabled(false);
    prognos_start(NULL, 0);
    if (count > 1 && strcmp(arguments[1], "off") == 0) prognos_set_enabled(false);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    prognos_begin(prognos_op_named("serve"));
    while (atomic_load(&rounds) < 20)
        pause_ms(1);
    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF) {
        /* each byte asks for the number of calls so far */
        printf("%lu\n", (unsigned long)atomic_load(&rounds));
        fflush(stdout);
    }
    prognos_end(prognos_op_named("serve"));
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 3;
}
