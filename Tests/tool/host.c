/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process for the tool to look at: two threads with operations, until standard input ends or a signal
 * does. Says "ready" when there is something to see. Its argument:
 *   off      it begins with recording off
 *   slow     after "ready" the calls are no longer quick: 20 ms each
 *   crash    after input it writes to an address that is none, in an operation
 *   leave    after input it leaves by _exit
 *   become   after input it becomes cat by exec
 *   fork     after "ready" it forks, and the child calls too, until its input ends
 */
#define _GNU_SOURCE
#include <prognos.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_bool over;
static atomic_ulong rounds;
static atomic_long pause_of_calls = 1;

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
            pause_ms(atomic_load(&pause_of_calls));
        }
        atomic_fetch_add(&rounds, 1);
    }
    return NULL;
}

__attribute__((noinline)) static void crash(void) {
    PROGNOS_SCOPE("write to nowhere");
    *(volatile int *)0x10 = 1;
}

static void in_child(void) {
    for (int i = 0; i < 10; i++) {
        PROGNOS_SCOPE("in the child");
        pause_ms(1);
    }
}

int main(int count, char **arguments) {
    pthread_t threads[2];
    const char *wish = count > 1 ? arguments[1] : "";
    if (strcmp(wish, "off") == 0) prognos_set_enabled(false);
    prognos_start(NULL, 0);
    if (strcmp(wish, "off") == 0) prognos_set_enabled(false);
    if (strcmp(wish, "fork") == 0) {
        pid_t child = fork();
        if (child == 0) {
            in_child();
            return 0;
        }
        waitpid(child, NULL, 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    prognos_begin(prognos_op_named("serve"));
    while (atomic_load(&rounds) < 20)
        pause_ms(1);
    printf("ready\n");
    fflush(stdout);
    if (strcmp(wish, "slow") == 0) atomic_store(&pause_of_calls, 20);
    while (getchar() != EOF) {
        if (strcmp(wish, "crash") == 0) crash();
        if (strcmp(wish, "leave") == 0) _exit(0);
        if (strcmp(wish, "become") == 0) execlp("cat", "cat", (char *)NULL);
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
