/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that outlives its own leak. Each request leaks 192 KiB on purpose, under a limit of the
 * address space. The library's alerts come before the limit does: at WARN the server sheds every other
 * request, at CRITICAL it answers what it has accepted, and restarts itself in place. Its listening
 * socket stays open all the while: a client sees answers only.
 *
 *     cc guard.c -lprognos -lpthread && ./a.out
 *
 * Run without arguments it is also its own client, and fails if an answer is lost or the server dies.
 */
#define _GNU_SOURCE 1
#include <prognos.h>

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LEAK = 192 << 10, ROOM = 192 << 20, WORKERS = 2, LIVES = 3 };

static int listener, wake;
static atomic_uint severity;
static atomic_bool leaving;
static int life;

/* On the collector's thread: leaves a note, and wakes who acts on it. Nothing here takes long, and execv has no
 * business here: all signals are blocked on this thread, and would stay so. */
static void on_alert(const prognos_alert *alert, void *context) {
    (void)context;
    if (alert->metric != PROGNOS_METRIC_MEMORY) return;
    atomic_store(&severity, alert->severity);
    printf("server %d: [%s] %s\n", life,
           alert->severity == PROGNOS_SEVERITY_WARN ? "WARN" : "ERROR", alert->reason);
    fflush(stdout);
    uint64_t one = 1;
    if (write(wake, &one, sizeof one) < 0) perror("eventfd");
}

static void answer(int client) {
    static atomic_uint served;
    char request[16], text[32];
    PROGNOS_SCOPE("request");
    if (read(client, request, sizeof request) <= 0) return;
    bool is_shed =
        atomic_load(&severity) >= PROGNOS_SEVERITY_WARN && atomic_fetch_add(&served, 1) % 2;
    if (is_shed) {
        prognos_fail("shed");
    } else {
        PROGNOS_SCOPE("work");
        char *lost = malloc(LEAK);
        if (!lost) abort(); /* this is how it would end */
        memset(lost, life, LEAK);
        __asm__ volatile("" : : "r"(lost) : "memory");
    }
    snprintf(text, sizeof text, "%s %d\n", is_shed ? "busy" : "ok", life);
    if (write(client, text, strlen(text)) < 0) perror("write");
}

static void *work(void *unused) {
    struct pollfd ready = {listener, POLLIN, 0};
    /* Those that come while nobody accepts wait in the listener's queue for the next life. */
    while (!atomic_load(&leaving)) {
        if (poll(&ready, 1, 50) <= 0) continue;
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) continue;
        answer(client);
        close(client);
    }
    return unused;
}

/* The address space that is reserved, and what is resident of it, in bytes. */
static void sizes(double *address_space, double *resident) {
    unsigned long pages = 0, present = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%lu %lu", &pages, &present) != 2) exit(3);
    fclose(statm);
    *address_space = (double)pages * (double)sysconf(_SC_PAGESIZE);
    *resident = (double)present * (double)sysconf(_SC_PAGESIZE);
}

static int serve(char **arguments) {
    pthread_t workers[WORKERS];
    prognos_options options;
    listener = atoi(arguments[2]);
    life = atoi(arguments[3]);
    wake = eventfd(0, EFD_CLOEXEC);
    mallopt(M_ARENA_MAX,
            1); /* else each thread reserves 64 MiB of address space, and a step tells little */
    prognos_options_default(&options, sizeof options);
    options.collect_interval_ms = 100; /* how soon an alert comes */
    options.track = PROGNOS_TRACK_CPU; /* what alerts need; leaks would be named with the default */
    if (prognos_start(&options, sizeof options) != PROGNOS_OK) {
        fprintf(stderr, "%s\n", prognos_last_error());
        return 1;
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work, NULL);

    double space, resident;
    sizes(&space, &resident);
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = (rlim_t)(space + ROOM);
    setrlimit(RLIMIT_AS, &limit);
    prognos_on_alert(on_alert, NULL);
    prognos_limit_set(PROGNOS_METRIC_MEMORY, resident + 0.45 * ROOM, resident + 0.7 * ROOM);

    uint64_t alerts;
    while (atomic_load(&severity) != PROGNOS_SEVERITY_CRITICAL)
        if (read(wake, &alerts, sizeof alerts) < 0 && errno != EINTR) return 1;

    atomic_store(&leaving, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    prognos_on_alert(NULL, NULL);
    prognos_stop();
    printf("server %d: all accepted requests are answered; restarting\n", life);
    fflush(stdout);
    char next[16];
    snprintf(next, sizeof next, "%d", life + 1);
    char *again[] = {arguments[0], arguments[1], arguments[2], next, NULL};
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
    execv("/proc/self/exe", again);
    perror("execv");
    return 1;
}

/* Asks until the server has begun its last life. Returns how many answers were lost. */
static int ask(struct sockaddr_in *address, pid_t server, unsigned answers[LIVES + 1],
               unsigned *busy) {
    int lost = 0, seen = 0;
    for (int i = 0; i < 20000 && seen < LIVES && waitpid(server, NULL, WNOHANG) == 0; i++) {
        char text[32] = "";
        int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(connection, (struct sockaddr *)address, sizeof *address) != 0 ||
            write(connection, "?\n", 2) != 2 || read(connection, text, sizeof text - 1) <= 0) {
            lost++;
        } else {
            seen = atoi(strchr(text, ' '));
            answers[seen <= LIVES ? seen : LIVES]++;
            *busy += text[0] == 'b';
        }
        close(connection);
        nanosleep(&(struct timespec){0, 3000000}, NULL);
    }
    return lost + (seen < LIVES);
}

int main(int count, char **arguments) {
    if (count == 4) return serve(arguments);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 64) != 0) {
        perror("listen");
        return 2;
    }
    getsockname(listener, (struct sockaddr *)&address, &size);
    pid_t server = fork();
    if (server == 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", listener);
        execv("/proc/self/exe", (char *[]){arguments[0], "serve", number, "1", NULL});
        _exit(127);
    }
    unsigned answers[LIVES + 1] = {0}, busy = 0;
    int lost = ask(&address, server, answers, &busy);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    printf(
        "client: %u, %u, %u answers from %d lives of the server, %u of them \"busy\"; lost: %d\n",
        answers[1], answers[2], answers[3], LIVES, busy, lost);
    return lost == 0 && busy > 0 ? 0 : 1;
}
