/* SPDX-License-Identifier: Apache-2.0 */
/* Leaks of real memory, descriptors, threads and mappings; and what only looks like one. */
#include "host.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

static prognos_leak leaks[32];
static size_t leak_count;

static void start(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
}

static prognos_op named(const char *name) {
    prognos_op op = prognos_op_named(name);
    NEED(op != 0);
    return op;
}

static void assess(void) {
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_leaks_read(leaks, sizeof leaks[0], 32, &leak_count), PROGNOS_OK);
    NEED(leak_count <= 32);
}

/* The answer on an operation and a kind; NULL without one. */
static const prognos_leak *answer_on(prognos_op op, prognos_leak_kind kind) {
    for (size_t i = 0; i < leak_count; i++)
        if (leaks[i].op == op && leaks[i].kind == (uint32_t)kind) return &leaks[i];
    return NULL;
}

static size_t all_leaks(void) {
    size_t found = 0;
    for (size_t i = 0; i < leak_count; i++)
        found += leaks[i].is_leak;
    return found;
}

__attribute__((noinline)) static void lose_a_block(size_t bytes) {
    volatile char *block = (volatile char *)malloc(bytes);
    NEED(block != NULL);
    block[0] = 1;
}

/* 80 bytes a call, beside an operation that allocates more and frees all: within 5,000 calls. */
static void memory(void) {
    start();
    prognos_op leaky = named("leaky"), clean = named("clean");
    for (int i = 0; i < 5000; i++) {
        prognos_begin(clean);
        free(malloc(2000));
        prognos_end(clean);
        prognos_begin(leaky);
        lose_a_block(80);
        prognos_end(leaky);
    }
    assess();
    CHECK_EQ(all_leaks(), 1);
    const prognos_leak *leak = answer_on(leaky, PROGNOS_LEAK_MEMORY);
    NEED(leak != NULL);
    CHECK_EQ(leak->is_leak, 1);
    CHECK(leak->score > 0.9 && leak->confidence > 0.5 && leak->direction == 1);
    CHECK(leak->bytes_per_call > 70 && leak->bytes_per_call < 110);
    CHECK_TEXT(leak->resource, "memory");
    CHECK_CONTAINS(leak->reason, "5000 calls");
#ifndef __SANITIZE_ADDRESS__
    CHECK_CONTAINS(leak->stack, ";lose_a_block");
#endif
}

struct entry {
    struct entry *next;
    char data[72];
};

static struct entry *table[4096];

static void put(long key) {
    struct entry *entry = (struct entry *)malloc(sizeof *entry);
    NEED(entry != NULL);
    entry->next = NULL;
    free(table[key % 4096]);
    table[key % 4096] = entry;
}

/* While a cache fills, when it is full, and when it is emptied. */
static void cache(void) {
    start();
    prognos_op op = named("cache");
    for (long i = 0; i < 20000; i++) {
        prognos_begin(op);
        put(i);
        prognos_end(op);
        if (i % 1000 == 999) {
            assess();
            CHECK_EQ(all_leaks(), 0);
        }
    }
    for (int i = 0; i < 4096; i++)
        free(table[i]);
}

/* Blocks that one operation allocates and another one frees; and what is set up once. */
static void handed_over_and_set_up(void) {
    start();
    prognos_op producer = named("producer"), consumer = named("consumer");
    void *queue[50];
    for (int i = 0; i < 6000; i++) {
        prognos_begin(producer);
        queue[i % 50] = malloc(400);
        if (i < 100) lose_a_block(1000);
        prognos_end(producer);
        if (i % 50 != 49) continue;
        prognos_begin(consumer);
        for (int j = 0; j < 50; j++)
            free(queue[j]);
        prognos_end(consumer);
    }
    assess();
    CHECK_EQ(all_leaks(), 0);
}

static void descriptors_and_sockets(void) {
    start();
    prognos_op files = named("files"), sockets = named("sockets"), closing = named("closing");
    int opened[64];
    for (int i = 0; i < 64; i++) {
        prognos_begin(files);
        CHECK(open("/dev/null", O_RDONLY) >= 0);
        prognos_end(files);
        prognos_begin(sockets);
        CHECK(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
        prognos_end(sockets);
        prognos_begin(files);
        opened[i] = open("/dev/null", O_RDONLY);
        prognos_end(files);
        prognos_begin(closing);
        close(opened[i]);
        prognos_end(closing);
    }
    assess();
    CHECK_EQ(all_leaks(), 2);
    const prognos_leak *leak = answer_on(files, PROGNOS_LEAK_DESCRIPTORS);
    NEED(leak != NULL);
    CHECK_EQ(leak->live_bytes, 64);
    CHECK_TEXT(leak->resource, "file descriptors");
    NEED(answer_on(sockets, PROGNOS_LEAK_SOCKETS) != NULL);
    CHECK_TEXT(answer_on(sockets, PROGNOS_LEAK_SOCKETS)->resource, "sockets");
}

static void maps(void) {
    start();
    prognos_op leaky = named("leaky"), clean = named("clean");
    for (int i = 0; i < 200; i++) {
        prognos_begin(leaky);
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        prognos_end(leaky);
        prognos_begin(clean);
        void *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(at, 8192);
        prognos_end(clean);
    }
    assess();
    CHECK_EQ(all_leaks(), 1);
    NEED(answer_on(leaky, PROGNOS_LEAK_MAPS) != NULL);
    CHECK_EQ(answer_on(leaky, PROGNOS_LEAK_MAPS)->live_bytes, 200);
}

static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_ever(void *nothing) {
    pthread_mutex_lock(&never);
    return nothing;
}

static void threads(void) {
    start();
    pthread_mutex_lock(&never);
    prognos_op leaky = named("leaky"), other = named("other");
    for (int i = 0; i < 48; i++) {
        pthread_t thread;
        prognos_begin(leaky);
        NEED(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
        prognos_end(leaky);
        call(other);
        assess();
    }
    CHECK_EQ(all_leaks(), 1);
    const prognos_leak *leak = answer_on(leaky, PROGNOS_LEAK_THREADS);
    NEED(leak != NULL);
    CHECK_EQ(leak->is_leak, 1);
    CHECK_TEXT(leak->resource, "threads");
}

/* Structs of other sizes, and arguments that are none. */
static void reading(void) {
    CHECK_STATUS(prognos_leaks_read(leaks, sizeof leaks[0], 32, NULL), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_leaks_read(NULL, sizeof leaks[0], 32, &leak_count),
                 PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_leaks_read(leaks, sizeof leaks[0], 32, &leak_count),
                 PROGNOS_NOT_ENOUGH_DATA);
    start();
    prognos_op leaky = named("leaky");
    for (int i = 0; i < 1000; i++) {
        prognos_begin(leaky);
        lose_a_block(1000);
        prognos_end(leaky);
    }
    assess();
    CHECK_EQ(all_leaks(), 1);
    CHECK_STATUS(prognos_leaks_read(NULL, sizeof leaks[0], 0, &leak_count), PROGNOS_OK);
    CHECK_EQ(leak_count, 1);
    double first[2] = {-1, -1};
    CHECK_STATUS(prognos_leaks_read((prognos_leak *)first, sizeof first[0], 1, &leak_count),
                 PROGNOS_OK);
    CHECK(first[0] > 900 && first[1] == -1);
}

CHECK_MAIN(CASE(memory), CASE(cache), CASE(handed_over_and_set_up), CASE(descriptors_and_sockets),
           CASE(maps), CASE(threads), CASE(reading))
