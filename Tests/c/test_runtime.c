/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts with a runtime of their own: blocks, and frames of their own language. */
#include "host.h"

#include <sched.h>
#include <stdatomic.h>

static void start_exactly(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.heap_sample_bytes = 1; /* each block is kept until it is freed */
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
}

static void blocks_of_another_allocator_count(void) {
    static char arena[4096];
    start_exactly();
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    prognos_begin(outer);
    prognos_memory_allocated(arena, 1000);
    prognos_begin(inner);
    prognos_memory_allocated(arena + 1000, 500);
    prognos_memory_freed(arena);
    prognos_memory_allocated(NULL, 77);
    prognos_memory_freed(NULL);
    prognos_end(inner);
    prognos_end(outer);
    prognos_op_stats stats = stats_of(inner);
    CHECK_EQ(stats.allocated_bytes, 500);
    CHECK_EQ(stats.allocations, 1);
    CHECK_EQ(stats.freed_bytes, 1000);
    CHECK_EQ(stats.frees, 1);
    CHECK_EQ(stats.live_bytes, 500);
    stats = stats_of(outer);
    CHECK_EQ(stats.allocated_bytes, 1500);
    CHECK_EQ(stats.self_allocated_bytes, 1000);
    CHECK_EQ(stats.live_bytes, 500);
    CHECK_EQ(stats.self_live_bytes, 0);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

static void blocks_count_without_a_start(void) {
    static char arena[64];
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    prognos_memory_allocated(arena, 64);
    prognos_memory_freed(arena);
    prognos_end(op);
    CHECK_EQ(stats_of(op).allocated_bytes, 64);
    CHECK_EQ(stats_of(op).frees, 1);
}

static void frames_have_names(void) {
    prognos_frame first = prognos_frame_named("f", "a.py", 3);
    CHECK(first != 0);
    CHECK_EQ(prognos_frame_named("f", "a.py", 3), first);
    CHECK(prognos_frame_named("f", "a.py", 4) != first);
    CHECK(prognos_frame_named("f", NULL, 0) == prognos_frame_named("f", "", 0));
    CHECK_EQ(prognos_frame_named(NULL, "a.py", 3), 0);
    CHECK_CONTAINS(prognos_last_error(), "NULL");
    CHECK_EQ(prognos_frame_named("", "a.py", 3), 0);
    CHECK_CONTAINS(prognos_last_error(), "empty");
    CHECK_STATUS(prognos_interpreter_set((void *)&first, 0), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_interpreter_set(NULL, 0), PROGNOS_OK);
    CHECK_STATUS(prognos_stack_provider_set(NULL, NULL), PROGNOS_OK);
}

static size_t give_frames(prognos_frame *frames, size_t capacity, void *context) {
    const prognos_frame *given = context;
    size_t count = 0;
    for (; given[count] != 0 && count < capacity; count++)
        frames[count] = given[count];
    return count;
}

__attribute__((noinline)) static void interpret(const void *block) {
    prognos_memory_allocated(block, 1 << 20);
    __asm__ volatile("" ::: "memory");
}

static void host_frames_join_native_stacks(void) {
    static char block[1];
    prognos_frame frames[] = {prognos_frame_named("host_leaf", "script.x", 7),
                              prognos_frame_named("host_main", "script.x", 1), 0};
    start_exactly();
    CHECK_STATUS(prognos_stack_provider_set(give_frames, frames), PROGNOS_OK);
    CHECK_STATUS(prognos_interpreter_set((const void *)(uintptr_t)interpret, 64), PROGNOS_OK);
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    interpret(block);
    prognos_end(op);
    CHECK_STATUS(prognos_stack_provider_set(NULL, NULL), PROGNOS_OK);
    char *json = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(json, "\"function\": \"host_leaf\"");
    CHECK_CONTAINS(json, "\"function\": \"host_main\"");
    CHECK_CONTAINS(json, "\"file\": \"script.x\"");
    CHECK(strstr(json, "\"function\": \"interpret\"") == NULL); /* the host's frames stand for it */
    CHECK_CONTAINS(json, "\"function\": \"main\"");
    free(json);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

__attribute__((noinline)) static void usual(prognos_op op) {
    for (volatile int i = 0; i < 100; i++)
        continue;
    prognos_end(op);
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void unusually_slow(prognos_op op) {
    for (volatile int i = 0; i < 3000000; i++)
        continue;
    prognos_end(op);
    __asm__ volatile("" ::: "memory");
}

static void a_slow_call_leaves_its_stack(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    prognos_op op = prognos_op_named("op");
    for (int i = 0; i < 5000; i++) {
        prognos_begin(op);
        if (i % 500 == 499)
            unusually_slow(op);
        else
            usual(op);
    }
    char *json = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(json, "\"function\": \"unusually_slow\"");
    free(json);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

static atomic_bool is_tracking;

static void *begun_before_the_start(void *op) {
    call(*(prognos_op *)op);
    while (!is_tracking)
        sched_yield();
    prognos_begin(*(prognos_op *)op);
    interpret(op);
    prognos_end(*(prognos_op *)op);
    return NULL;
}

static void threads_from_before_the_start_have_stacks_too(void) {
    prognos_op op = prognos_op_named("op");
    call(op);
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, begun_before_the_start, &op) == 0);
    while (count_of(op) < 2)
        sched_yield();
    start_exactly();
    is_tracking = true;
    NEED(pthread_join(thread, NULL) == 0);
    interpret(&op);
    char *json = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(json, "\"function\": \"begun_before_the_start\"");
    CHECK_CONTAINS(json, "\"function\": \"threads_from_before_the_start_have_stacks_too\"");
    CHECK_EQ(diagnostics().untracked_stacks, 0);
    free(json);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

CHECK_MAIN(CASE(blocks_of_another_allocator_count), CASE(blocks_count_without_a_start),
           CASE(frames_have_names), CASE(host_frames_join_native_stacks),
           CASE(a_slow_call_leaves_its_stack), CASE(threads_from_before_the_start_have_stacks_too))
