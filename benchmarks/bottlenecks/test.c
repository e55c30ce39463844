/* SPDX-License-Identifier: Apache-2.0 */
/* The test half: nothing was chosen on these. */
#include "work.h"

/* More to compute than two CPUs can. */
static void rendering_request(void) {
    BEGIN(request);
    DO(fetch, io(1500));
    DO(render, cpu(800));
    DO(log, io(300));
    END(request);
}
static void start_cpu_saturated(void) {
    threads(8, rendering_request);
}

/* A helper computes while the main thread waits for longer. */
static sem_t go, done;
static void fork_round(void) {
    BEGIN(round);
    sem_post(&go);
    DO(right, io(1200));
    sem_wait(&done);
    DO(merge, cpu(150));
    END(round);
}
static void join_round(void) {
    sem_wait(&go);
    DO(left, cpu(800));
    sem_post(&done);
}
static void start_fork_join(void) {
    sem_init(&go, 0, 0);
    sem_init(&done, 0, 0);
    threads(1, fork_round);
    threads(1, join_round);
}

/* The stage in the middle has one thread. */
static struct queue first = QUEUE(6), second = QUEUE(6);
static void split_stage(void) {
    BEGIN(split);
    io(500);
    cpu(200);
    END(split);
    put(&first, 0);
}
static void pack_stage(void) {
    take(&first);
    BEGIN(pack);
    cpu(100);
    io(600);
    END(pack);
    put(&second, 0);
}
static void ship_stage(void) {
    take(&second);
    BEGIN(ship);
    cpu(250);
    io(700);
    END(ship);
}
static void start_three_stages(void) {
    threads(2, split_stage);
    threads(1, pack_stage);
    threads(2, ship_stage);
}

/* Two stages that take nearly the same time. */
static void encode_stage(void) {
    BEGIN(encode);
    cpu(600);
    io(150);
    END(encode);
    put(&first, 0);
}
static void upload_stage(void) {
    take(&first);
    DO(upload, io(1050));
}
static void start_two_stages_near(void) {
    threads(1, encode_stage);
    threads(1, upload_stage);
}

/* Two sources, one sink. */
static void scan_stage(void) {
    DO(scan, io(900));
    put(&first, 0);
}
static void import_stage(void) {
    BEGIN(import);
    cpu(500);
    io(250);
    END(import);
    put(&first, 0);
}
static void merge_stage(void) {
    take(&first);
    BEGIN(merge);
    cpu(150);
    io(350);
    END(merge);
}
static void start_fan_in(void) {
    threads(1, scan_stage);
    threads(1, import_stage);
    threads(1, merge_stage);
}

/* A writer that waits for readers, who are not on its path. */
static pthread_rwlock_t tree;
static void scan_tree(void) {
    pthread_rwlock_rdlock(&tree);
    DO(scan, io(1000));
    pthread_rwlock_unlock(&tree);
    io(300);
}
static void update_tree(void) {
    BEGIN(update);
    DO(prepare, cpu(200));
    pthread_rwlock_wrlock(&tree);
    DO(apply, cpu(250));
    pthread_rwlock_unlock(&tree);
    END(update);
}
static void start_readers_and_writer(void) {
    pthread_rwlockattr_t kind;
    pthread_rwlockattr_init(&kind);
    pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&tree, &kind);
    threads(3, scan_tree);
    threads(1, update_tree);
}

/* Two locks: the hot one is not the crowded one. */
static pthread_mutex_t index_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static void two_lock_request(void) {
    BEGIN(request);
    BEGIN(parse);
    cpu(200);
    io(1000);
    END(parse);
    pthread_mutex_lock(&index_lock);
    DO(index, cpu(350));
    pthread_mutex_unlock(&index_lock);
    pthread_mutex_lock(&log_lock);
    DO(log, io(750));
    pthread_mutex_unlock(&log_lock);
    END(request);
}
static void start_two_locks(void) {
    threads(4, two_lock_request);
}

/* Five threads and one decoder. */
static sem_t decoder;
static void decoding_request(void) {
    BEGIN(request);
    DO(load, io(800));
    sem_wait(&decoder);
    BEGIN(decode);
    cpu(100);
    io(650);
    END(decode);
    sem_post(&decoder);
    BEGIN(filter);
    cpu(300);
    io(700);
    END(filter);
    END(request);
}
static void start_pool_of_one(void) {
    sem_init(&decoder, 0, 1);
    threads(5, decoding_request);
}

/* Waits that nothing overlaps. */
static void reading_request(void) {
    BEGIN(request);
    DO(seek, io(400));
    DO(read, io(950));
    DO(parse, cpu(600));
    END(request);
}
static void start_serial_reads(void) {
    threads(1, reading_request);
}

/* Counters that share a line, but nobody waits for who counts. */
static void tally(void) {
    DO(tally, share(thread_number, 400));
    io(1500);
}
static void getting_request(void) {
    BEGIN(request);
    DO(get, io(900));
    DO(store, io(400));
    END(request);
}
static void start_sharing_off_path(void) {
    threads(2, tally);
    threads(1, getting_request);
}

/* The allocator at work. */
static void building_request(void) {
    BEGIN(request);
    DO(build, blocks(4000));
    DO(walk, cpu(250));
    DO(send, io(350));
    END(request);
}
static void start_allocator(void) {
    threads(2, building_request);
}

/* Requests as spans: accepted here, served by a pool, sent there. */
static void accept_request(void) {
    DO(accept, io(350));
    put(&first, open_span(OPERATION(request)));
}
static void serve_request(void) {
    prognos_span span = take(&first);
    enter_span(OPERATION(request), span);
    DO(resolve, cpu(300));
    DO(call, io(1200));
    leave_span(OPERATION(request), span);
    put(&second, span);
}
static void send_request(void) {
    prognos_span span = take(&second);
    enter_span(OPERATION(request), span);
    DO(send, cpu(300));
    leave_span(OPERATION(request), span);
    close_span(OPERATION(request), span);
}
static void start_spans(void) {
    threads(1, accept_request);
    threads(2, serve_request);
    threads(1, send_request);
}

const struct scenario test_scenarios[] = {
    {"cpu_saturated", "cpu", "request", "fetch render log", start_cpu_saturated},
    {"fork_join", "cpu", "round", "left right merge", start_fork_join},
    {"three_stages", "queue", "ship", "split pack ship", start_three_stages},
    {"two_stages_near", "queue", "upload", "encode upload", start_two_stages_near},
    {"fan_in", "queue", "merge", "scan import merge", start_fan_in},
    {"readers_and_writer", "lock", "update", "scan prepare apply", start_readers_and_writer},
    {"two_locks", "lock", "request", "parse index log", start_two_locks},
    {"pool_of_one", "pool", "request", "load decode filter", start_pool_of_one},
    {"serial_reads", "io", "request", "seek read parse", start_serial_reads},
    {"sharing_off_path", "memory", "request", "tally get store", start_sharing_off_path},
    {"allocator", "memory", "request", "build walk send", start_allocator},
    {"spans", "queue", "request", "accept resolve call send", start_spans},
    {NULL, NULL, NULL, NULL, NULL},
};
