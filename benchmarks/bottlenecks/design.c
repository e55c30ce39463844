/* SPDX-License-Identifier: Apache-2.0 */
/* The design half: what constants and rules of the answer were chosen on. */
#include "work.h"

/* The hottest is the bottleneck. */
static void serial_request(void) {
    BEGIN(request);
    DO(decode, cpu(900));
    DO(check, cpu(250));
    DO(send, io(300));
    END(request);
}
static void start_cpu_serial(void) {
    threads(1, serial_request);
}

/* Compaction burns a CPU that requests do not need. */
static void fetched_request(void) {
    BEGIN(request);
    DO(fetch, io(900));
    DO(parse, cpu(350));
    DO(reply, io(250));
    END(request);
}
static void compact_always(void) {
    DO(compact, cpu(2000));
    io(200);
}
static void start_hot_off_path(void) {
    threads(1, fetched_request);
    threads(1, compact_always);
}

/* One parser against three renderers that take twice as long. */
static struct queue parsed = QUEUE(6);
static void parse_stage(void) {
    BEGIN(parse);
    io(700);
    cpu(200);
    END(parse);
    put(&parsed, 0);
}
static void render_stage(void) {
    take(&parsed);
    BEGIN(render);
    cpu(300);
    io(1500);
    END(render);
}
static void start_stage_of_one(void) {
    threads(1, parse_stage);
    threads(3, render_stage);
}

/* Long work outside a lock, short work inside it. */
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static void committing_request(void) {
    BEGIN(request);
    BEGIN(prepare);
    cpu(200);
    io(1500);
    END(prepare);
    pthread_mutex_lock(&table);
    DO(commit, io(700));
    pthread_mutex_unlock(&table);
    END(request);
}
static void start_lock_short_inside(void) {
    threads(4, committing_request);
}

/* A lock that hardly anybody waits for. */
static void noting_request(void) {
    BEGIN(request);
    DO(ask, io(1200));
    pthread_mutex_lock(&table);
    DO(note, cpu(250));
    pthread_mutex_unlock(&table);
    END(request);
}
static void start_lock_uncontended(void) {
    threads(2, noting_request);
}

/* Who holds the lock is nowhere on the path of requests. */
static void compact_locked(void) {
    pthread_mutex_lock(&table);
    DO(compact, io(1500));
    pthread_mutex_unlock(&table);
    io(500);
}
static void looking_request(void) {
    BEGIN(request);
    DO(parse, cpu(200));
    pthread_mutex_lock(&table);
    DO(look_up, cpu(60));
    pthread_mutex_unlock(&table);
    DO(send, io(150));
    END(request);
}
static void start_background_lock(void) {
    threads(1, compact_locked);
    threads(2, looking_request);
}

/* Six threads, two connections. */
static sem_t connections;
static void querying_request(void) {
    BEGIN(request);
    sem_wait(&connections);
    DO(query, io(1500));
    sem_post(&connections);
    DO(render, cpu(300));
    END(request);
}
static void start_pool_of_connections(void) {
    sem_init(&connections, 0, 2);
    threads(6, querying_request);
}

/* A log that is synced under its lock. */
static void logging_request(void) {
    BEGIN(request);
    DO(parse, cpu(500));
    pthread_mutex_lock(&table);
    DO(append, sync_writes(3));
    pthread_mutex_unlock(&table);
    DO(reply, io(300));
    END(request);
}
static void start_sync_in_lock(void) {
    threads(3, logging_request);
}

/* One device that all wait for. */
static void storing_request(void) {
    BEGIN(request);
    DO(plan, cpu(350));
    DO(store, disk(600));
    END(request);
}
static void start_shared_device(void) {
    threads(4, storing_request);
}

/* Hot work that is overlapped with a slower read. */
static struct queue ahead = QUEUE(4);
static void read_stage(void) {
    DO(read, io(1000));
    put(&ahead, 0);
}
static void hash_stage(void) {
    take(&ahead);
    DO(hash, cpu(700));
}
static void start_read_ahead(void) {
    threads(1, read_stage);
    threads(1, hash_stage);
}

/* Two counters in one line of the cache. */
static void counting_request(void) {
    BEGIN(request);
    DO(count, share(thread_number, 200));
    DO(hash, cpu(300));
    DO(send, io(100));
    END(request);
}
static void start_false_sharing(void) {
    threads(2, counting_request);
}

/* Fresh memory for each request. */
static void buffering_request(void) {
    BEGIN(request);
    DO(buffer, fault(1200));
    DO(sum, cpu(300));
    DO(send, io(200));
    END(request);
}
static void start_page_faults(void) {
    threads(2, buffering_request);
}

const struct scenario design_scenarios[] = {
    {"cpu_serial", "cpu", "request", "decode check send", start_cpu_serial},
    {"hot_off_path", "cpu", "request", "fetch parse reply compact", start_hot_off_path},
    {"stage_of_one", "queue", "render", "parse render", start_stage_of_one},
    {"lock_short_inside", "lock", "request", "prepare commit", start_lock_short_inside},
    {"lock_uncontended", "lock", "request", "ask note", start_lock_uncontended},
    {"background_lock", "lock", "request", "compact parse look_up send", start_background_lock},
    {"pool_of_connections", "pool", "request", "query render", start_pool_of_connections},
    {"sync_in_lock", "io", "request", "parse append reply", start_sync_in_lock},
    {"shared_device", "io", "request", "plan store", start_shared_device},
    {"read_ahead", "queue", "hash", "read hash", start_read_ahead},
    {"false_sharing", "memory", "request", "count hash send", start_false_sharing},
    {"page_faults", "memory", "request", "buffer sum send", start_page_faults},
    {NULL, NULL, NULL, NULL, NULL},
};
