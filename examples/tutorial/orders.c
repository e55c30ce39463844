/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program of docs/tutorial-c.md: batches of orders go through two threads. It has three faults; FIX=1 compiles it without
 * the first, FIX=2 without two, FIX=3 without any.
 *
 *     receive: parse -> merge -> price -> remember   ==queue==>   deliver: pack -> seal
 *
 *     cc -O2 -g -fno-inline -DFIX=0 orders.c -lprognos -pthread -o orders && prognos run -- ./orders 10   # ten seconds
 *     ./orders 15 --experiment                          # and what a faster operation is worth, measured
 */
#define _GNU_SOURCE 1
#include <prognos.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef FIX
#define FIX 0
#endif

enum { MOST_ORDERS = 1500, QUEUE = 8, LINE = 24, PAGE = 100 };

typedef struct order {
    char item[8];
    uint32_t amount, price;
} order;

typedef struct batch {
    size_t count;
    order orders[MOST_ORDERS];
} batch;

/* Orders as text, as they come: some hundreds of lines "item amount", some items more than once. */
static size_t write_orders(char *text, uint64_t *state) {
    size_t lines = 60 + (size_t)(*state >> 33) % (MOST_ORDERS - 60), length = 0;
    for (size_t i = 0; i < lines; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        length += (size_t)sprintf(text + length, "k%05u %u\n", (unsigned)(*state >> 40) % 20000,
                                  1 + (unsigned)(*state >> 60));
    }
    return lines;
}

static batch *parse(const char *text, size_t lines) {
    PROGNOS_SCOPE("parse");
    prognos_work(lines);
    batch *made = calloc(1, sizeof *made);
    if (!made) abort();
    while (made->count < lines) {
        order *one = &made->orders[made->count++];
        memcpy(one->item, text, 6);
        char *end;
        one->amount = (uint32_t)strtoul(text + 7, &end, 10);
        text = end + 1;
    }
    return made;
}

#if FIX >= 2
static int by_item(const void *a, const void *b) {
    return memcmp(((const order *)a)->item, ((const order *)b)->item, sizeof((order *)0)->item);
}
#endif

/* Several orders of an item become one. */
static void merge(batch *one) {
    PROGNOS_SCOPE("merge");
    prognos_work(one->count);
    size_t kept = 0;
#if FIX >= 2
    qsort(one->orders, one->count, sizeof *one->orders, by_item);
#endif
    for (size_t i = 0; i < one->count; i++) {
        const order *next = &one->orders[i];
#if FIX >= 2
        size_t found = kept > 0 && by_item(next, &one->orders[kept - 1]) == 0 ? kept - 1 : kept;
#else
        size_t found = 0;
        while (found < kept && strcmp(one->orders[found].item, next->item) != 0)
            found++;
#endif
        if (found < kept)
            one->orders[found].amount += next->amount;
        else
            one->orders[kept++] = *next;
    }
    one->count = kept;
}

/* A question to another machine, which takes its time to answer. */
static void ask_for_prices(order *orders, size_t count) {
    nanosleep(&(struct timespec){0, 250000}, NULL);
    for (size_t i = 0; i < count; i++)
        orders[i].price = 100 + (uint32_t)orders[i].item[5] * 7;
}

static void price(batch *one) {
    PROGNOS_SCOPE("price");
    size_t step = PAGE;
#if FIX >= 3
    step = MOST_ORDERS; /* the other machine takes them all at once */
#endif
    for (size_t i = 0; i < one->count; i += step)
        ask_for_prices(one->orders + i, one->count - i < step ? one->count - i : step);
}

typedef struct receipt {
    char text[4000];
} receipt;

static receipt *latest; /* for questions of customers */

static void remember(const batch *one) {
    PROGNOS_SCOPE("remember");
    receipt *made = calloc(1, sizeof *made);
    if (!made) abort();
    for (size_t i = 0; i < one->count && i < 100; i++)
        sprintf(made->text + i * 40, "%u x %s = %u", (unsigned)one->orders[i].amount,
                one->orders[i].item, (unsigned)one->orders[i].price);
#if FIX >= 1
    free(latest);
#endif
    latest = made;
}

/* Between the threads: a few batches, and whoever is faster waits. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    batch *waiting[QUEUE];
    size_t count;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void put(batch *one) {
    PROGNOS_SCOPE("wait_for_room");
    pthread_mutex_lock(&queue.lock);
    while (queue.count == QUEUE)
        pthread_cond_wait(&queue.changed, &queue.lock);
    queue.waiting[queue.count++] = one;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static batch *take(void) {
    PROGNOS_SCOPE("wait_for_batch");
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0)
        pthread_cond_wait(&queue.changed, &queue.lock);
    batch *one = queue.waiting[0];
    memmove(queue.waiting, queue.waiting + 1, --queue.count * sizeof *queue.waiting);
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    return one;
}

static atomic_int seconds_are_over;

static void *receive(void *unused) {
    uint64_t state = 1;
    char *text = malloc((size_t)MOST_ORDERS * LINE);
    if (!text) abort();
    while (!seconds_are_over) {
        size_t lines = write_orders(text, &state);
        PROGNOS_SCOPE("receive");
        batch *one = parse(text, lines);
        merge(one);
        price(one);
        remember(one);
        put(one);
    }
    put(NULL);
    free(text);
    return unused;
}

static size_t pack(const batch *one, char *text) {
    PROGNOS_SCOPE("pack");
    memcpy(text, one->orders, one->count * sizeof *one->orders);
    return one->count * sizeof *one->orders;
}

/* A seal that nobody can forge: many rounds over every byte. */
static uint64_t seal(const char *text, size_t length) {
    PROGNOS_SCOPE("seal");
    prognos_work(length);
    uint64_t sum = 14695981039346656037u;
    for (int round = 0; round < 60; round++)
        for (size_t i = 0; i < length; i++)
            sum = (sum ^ (unsigned char)text[i]) * 1099511628211u;
    return sum;
}

static size_t delivered;

static void *deliver(void *unused) {
    static char text[sizeof(order) * MOST_ORDERS];
    static volatile uint64_t seals;
    for (;;) {
        batch *one = take();
        if (!one) return unused;
        PROGNOS_SCOPE("deliver");
        seals = seals ^ seal(text, pack(one, text));
        free(one);
        delivered++;
    }
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 10;
    bool experiments = argc > 2 && strcmp(argv[2], "--experiment") == 0;
    pthread_t threads[2];
    prognos_start(NULL, 0); /* harmless under `prognos run`, which has started it already */
    if (pthread_create(&threads[0], NULL, receive, NULL) != 0 ||
        pthread_create(&threads[1], NULL, deliver, NULL) != 0)
        return 1;
    if (experiments) prognos_experiment_start(prognos_op_named("deliver"), (uint32_t)seconds - 1);
    nanosleep(&(struct timespec){(time_t)seconds, 0}, NULL);
    seconds_are_over = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%.0f batches a second; the last receipt begins with %s\n", (double)delivered / seconds,
           latest ? latest->text : "nothing");
    fflush(stdout);
    if (experiments) prognos_dump("-", PROGNOS_TEXT);
    return 0;
}
