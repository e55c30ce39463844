/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of operations, exact to the byte: each case keeps its own books by malloc_usable_size and
 * compares. Built several times: with lazy and immediate binding, and at a fixed address; and run once
 * more with other allocators.
 */
#include "host.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="
#pragma GCC diagnostic ignored "-Wuse-after-free"

/* What the host knows it did. */
typedef struct books {
    uint64_t allocated, allocations, freed, frees;
} books;

static books mine;

static void *got(void *block) {
    if (block) {
        mine.allocated += malloc_usable_size(block);
        mine.allocations++;
    }
    return block;
}

static void *giving(void *block) {
    if (block) {
        mine.freed += malloc_usable_size(block);
        mine.frees++;
    }
    return block;
}

static void agrees(prognos_op op, const books *expected, uint64_t live) {
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.allocated_bytes, expected->allocated);
    CHECK_EQ(stats.allocations, expected->allocations);
    CHECK_EQ(stats.freed_bytes, expected->freed);
    CHECK_EQ(stats.frees, expected->frees);
    CHECK_EQ(stats.live_bytes, live);
}

static prognos_op named(const char *name) {
    prognos_op op = prognos_op_named(name);
    NEED(op != 0);
    return op;
}

/* Tracks memory, and samples one block in so many bytes. */
static void track(uint64_t sample_bytes) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track = PROGNOS_TRACK_CPU | PROGNOS_TRACK_MEMORY;
    options.heap_sample_bytes = sample_bytes;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
}

/* The names that a compiler knows, behind pointers that it cannot see through. */
static size_t volatile huge = SIZE_MAX / 4;
static size_t volatile none = 0;

/* ---- each function ---------------------------------------------------------------------------- */

static void malloc_and_free_count_what_was_handed_out(void) {
    static const size_t sizes[] = {0, 1, 24, 25, 1000, 4096, 100000, 1 << 20, 40 << 20};
    void *blocks[sizeof sizes / sizeof *sizes];
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        blocks[i] = got(malloc(sizes[i]));
    uint64_t live = mine.allocated;
    prognos_op_stats open = stats_of(op); /* an open call counts already */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        free(giving(blocks[i]));
    free(NULL);
    prognos_end(op);
    CHECK_LE(live, open.allocated_bytes);
    CHECK_LE(live, open.live_bytes);
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.live_bytes, 0);
}

static void every_function_of_the_allocator_counts(void) {
    track(1);
    prognos_op op = named("op");
    void *blocks[16] = {0};
    prognos_begin(op);
    blocks[0] = got(malloc(100));
    blocks[1] = got(calloc(10, 30));
    blocks[2] = got(realloc(NULL, 300));
    blocks[3] = got(reallocarray(NULL, 10, 40));
    blocks[4] = got(aligned_alloc(64, 640));
    blocks[5] = posix_memalign(&blocks[6], 4096, 5000) == 0 ? NULL : NULL;
    got(blocks[6]);
    blocks[7] = got(memalign(256, 700));
    blocks[8] = got(valloc(800));
    blocks[9] = got(strdup("a copy made by the C library"));
    blocks[10] = got(strndup("part of a copy", 4));
    for (int i = 0; i < 16; i += 2)
        free(giving(blocks[i]));
    prognos_end(op);
    agrees(op, &mine, mine.allocated - mine.freed);
    for (int i = 1; i < 16; i += 2)
        free(blocks[i]);
    agrees(op, &mine, 0);
}

static void realloc_is_one_allocation_and_one_free(void) {
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    void *block = got(malloc(100));
    giving(block);
    block = got(realloc(block, 100000)); /* grows, and moves */
    giving(block);
    block = got(realloc(block, 50)); /* shrinks */
    giving(block);
    block = got(realloc(block, 51)); /* stays */
    giving(block);
    block = got(reallocarray(block, 100, 100));
    giving(block);
    block = got(realloc(block, none)); /* frees, or gives a block of no bytes */
    if (block) free(giving(block));
    prognos_end(op);
    agrees(op, &mine, 0);
}

static void a_reallocation_that_fails_changes_nothing(void) {
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    char *block = got(malloc(100));
    block[0] = 'x';
    errno = 0;
    void *larger = realloc(block, huge);
    int error = errno;
    void *product = reallocarray(block, huge, huge);
    void *many = calloc(huge, huge);
    void *one = malloc(huge);
    prognos_end(op);
    CHECK(!larger && !product && !many && !one);
    CHECK_EQ(error, ENOMEM);
    CHECK_EQ(block[0], 'x');
    agrees(op, &mine, mine.allocated);
    prognos_begin(op);
    free(giving(block));
    prognos_end(op);
    agrees(op, &mine, 0);
}

static void what_the_c_library_allocates_for_the_host_counts(void) {
    char text[200] = "a line that getline reads\nanother\n", *line = NULL, *printed = NULL;
    size_t room = 0;
    FILE *file = fmemopen(text, strlen(text), "r");
    NEED(file && getline(&line, &room, file) > 0); /* the stream's own buffer */
    free(line);
    line = NULL, room = 0;
    rewind(file);
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    int characters = asprintf(&printed, "%0150d", 5);
    ssize_t read = getline(&line, &room, file);
    prognos_end(op);
    CHECK_EQ(characters, 150);
    CHECK_EQ(read, 26);
    uint64_t kept = malloc_usable_size(printed) + malloc_usable_size(line);
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.live_bytes, kept);
    CHECK_EQ(stats.allocated_bytes - stats.freed_bytes, kept);
    CHECK_EQ(stats.allocations - stats.frees, 2);
    free(printed);
    free(line);
    fclose(file);
    CHECK_EQ(stats_of(op).live_bytes, 0);
}

static void *(*in_data)(size_t) = malloc;
static void *(*const volatile in_constant_data)(size_t) = malloc;
static void (*volatile release)(void *) = free;

static void calls_through_pointers_in_data_count(void) {
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    void *a = got(in_data(100)), *b = got(in_constant_data(200));
    release(giving(a));
    prognos_end(op);
    agrees(op, &mine, mine.allocated - mine.freed);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    release(b);
    release(in_data(300));
    agrees(op, &mine, mine.allocated - mine.freed);
}

/* ---- operations ------------------------------------------------------------------------------- */

static void nested_operations_share_totals_not_self(void) {
    track(1);
    prognos_op outer = named("outer"), inner = named("inner");
    prognos_begin(outer);
    void *a = got(malloc(1000));
    books of_outer = mine;
    prognos_begin(inner);
    void *b = got(malloc(2000));
    prognos_end(inner);
    prognos_end(outer);
    books of_inner = {mine.allocated - of_outer.allocated, 1, 0, 0};
    agrees(inner, &of_inner, of_inner.allocated);
    agrees(outer, &mine, mine.allocated);
    prognos_op_stats stats = stats_of(outer);
    CHECK_EQ(stats.self_allocated_bytes, of_outer.allocated);
    CHECK_EQ(stats.self_live_bytes, of_outer.allocated);
    free(a);
    CHECK_EQ(stats_of(outer).live_bytes, of_inner.allocated);
    CHECK_EQ(stats_of(outer).self_live_bytes, 0);
    free(b);
    CHECK_EQ(stats_of(outer).live_bytes, 0);
}

static void recursion_counts_once(void) {
    track(1);
    prognos_op op = named("op"), other = named("other");
    void *blocks[3];
    prognos_begin(op);
    blocks[0] = got(malloc(100));
    prognos_begin(other);
    prognos_begin(op);
    blocks[1] = got(malloc(200));
    prognos_begin(op);
    blocks[2] = got(malloc(300));
    prognos_end(op);
    prognos_end(op);
    prognos_end(other);
    prognos_end(op);
    agrees(op, &mine, mine.allocated);
    for (int i = 0; i < 3; i++)
        free(blocks[i]);
    agrees(op, &mine, 0);
}

static void outside_of_operations_nothing_counts_in_one(void) {
    track(1);
    prognos_op op = named("op");
    void *a = malloc(100);
    prognos_begin(op);
    void *b = got(malloc(200));
    prognos_end(op);
    void *c = malloc(300);
    free(a);
    free(c);
    agrees(op, &mine, mine.allocated);
    free(b);
    agrees(op, &mine, 0);
}

/* ---- start and stop --------------------------------------------------------------------------- */

static void blocks_from_before_the_start_can_be_freed(void) {
    void *small = malloc(100), *large = malloc(1 << 20), *grows = malloc(10);
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    giving(grows);
    grows = got(realloc(grows, 5000));
    uint64_t live = mine.allocated;
    free(giving(small));
    free(giving(large));
    prognos_end(op);
    agrees(op, &mine, live);
    free(grows);
}

static void blocks_outlive_the_stop(void) {
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    void *a = got(malloc(100)), *b = got(malloc(200));
    prognos_end(op);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    agrees(op, &mine, mine.allocated); /* as it was at the stop */
    free(a);
    agrees(op, &mine, mine.allocated);
    /* What happened meanwhile is not known: what was live then is no longer claimed to be. */
    track(1);
    CHECK_EQ(stats_of(op).live_bytes, 0);
    prognos_begin(op);
    void *c = got(malloc(100));
    uint64_t live = malloc_usable_size(c);
    prognos_end(op);
    CHECK_EQ(stats_of(op).live_bytes, live);
    free(b);
    free(c);
    CHECK_EQ(stats_of(op).live_bytes, 0);
}

static uint32_t volatile stopping;

static void *allocates_until_told(void *argument) {
    prognos_op op = *(prognos_op *)argument;
    void *blocks[64] = {0};
    uint64_t *rounds = malloc(sizeof *rounds);
    for (*rounds = 0; !stopping; ++*rounds) {
        void **slot = &blocks[*rounds * 7 % 64];
        prognos_begin(op);
        switch (*rounds % 4) {
        case 0:
            *slot = realloc(*slot, 10 + *rounds % 5000);
            break;
        default:
            free(*slot);
            *slot = *rounds % 3 ? malloc(*rounds % 3000) : calloc(3, *rounds % 300);
        }
        if (*slot && malloc_usable_size(*slot) > 0) *(char *)*slot = 1;
        prognos_end(op);
    }
    for (int i = 0; i < 64; i++)
        free(blocks[i]);
    return rounds;
}

static void two_hundred_starts_while_threads_allocate(void) {
    prognos_op op = named("op");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = started(allocates_until_told, &op);
    for (int i = 0; i < 200; i++) {
        CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
        if (i % 10 == 0) sched_yield();
        CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    }
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    stopping = 1;
    uint64_t rounds = 0;
    for (int i = 0; i < 4; i++) {
        void *result;
        NEED(pthread_join(threads[i], &result) == 0);
        rounds += *(uint64_t *)result;
        free(result);
    }
    prognos_op_stats stats = stats_of(op);
    CHECK_LE(stats.count, rounds);
    CHECK_LE(stats.allocations, rounds);
    CHECK_LE(stats.frees, rounds + 4 * 64);
    CHECK_EQ(stats.live_bytes, 0);
}

/* ---- threads ---------------------------------------------------------------------------------- */

static void *frees_what_it_is_given(void *block) {
    free(block);
    return malloc(77);
}

static void another_thread_frees(void) {
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    void *block = got(malloc(1000));
    prognos_end(op);
    agrees(op, &mine, mine.allocated);
    void *of_thread;
    NEED(pthread_join(started(frees_what_it_is_given, block), &of_thread) == 0);
    agrees(op, &mine, 0); /* freed outside of operations */
    prognos_begin(op);
    free(giving(of_thread));
    prognos_end(op);
    agrees(op, &mine, 0);
}

static pthread_key_t key;

static void allocates_at_the_end(void *value) {
    char *again = malloc(200);
    again[0] = (char)(*(char *)value - 1);
    free(value);
    if (again[0] > 0)
        pthread_setspecific(key, again);
    else
        free(again);
}

static void *leaves_work_for_its_end(void *argument) {
    (void)argument;
    char *value = malloc(100);
    value[0] = 4; /* the most rounds that POSIX promises */
    pthread_setspecific(key, value);
    return NULL;
}

static void *begins_and_leaves_work(void *op) {
    call(*(prognos_op *)op);
    return leaves_work_for_its_end(NULL);
}

static void destructors_of_ending_threads_allocate(void) {
    NEED(pthread_key_create(&key, allocates_at_the_end) == 0);
    track(1);
    prognos_op op = named("op");
    for (int i = 0; i < 100; i++) {
        in_a_thread(leaves_work_for_its_end, NULL);
        in_a_thread(begins_and_leaves_work, &op);
    }
    books nothing = {0};
    agrees(op, &nothing, 0);
    CHECK_LE(diagnostics().threads_now, 1);
}

/* pthread_getattr_np allocates while it holds the thread's own lock. */
static void *asks_for_its_attributes(void *argument) {
    pthread_attr_t attributes;
    (void)argument;
    NEED(pthread_getattr_np(pthread_self(), &attributes) == 0);
    pthread_attr_destroy(&attributes);
    return NULL;
}

static void a_thread_first_allocates_in_pthread_getattr(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    asks_for_its_attributes(NULL);
    in_a_thread(asks_for_its_attributes, NULL);
}

/* ---- fork ------------------------------------------------------------------------------------- */

static void a_forked_child_has_its_own_numbers(void) {
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    void *block = got(malloc(1000));
    prognos_end(op);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        memset(&mine, 0, sizeof mine);
        agrees(op, &mine, 0);
        prognos_begin(op);
        free(giving(block)); /* the parent's: given back here, never live here */
        void *own = got(malloc(500));
        uint64_t live = malloc_usable_size(own);
        prognos_end(op);
        agrees(op, &mine, live);
        free(own);
        agrees(op, &mine, 0);
        fflush(NULL);
        _exit(check_failures);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    agrees(op, &mine, mine.allocated);
    free(block);
    agrees(op, &mine, 0);
}

/* dlsym frees the text that dlerror gave out; in the child, that is the first thing which meets a hook. */
static void a_child_that_begins_in_dlsym(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    call(named("op"));
    void *before = dlsym(RTLD_DEFAULT, "prognos_has_no_such_function");
    CHECK(dlerror() != NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        void *found = dlsym(RTLD_DEFAULT, "prognos_begin");
        _exit(before == NULL && found != NULL ? 0 : 1);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

/* ---- objects that come and go ----------------------------------------------------------------- */

typedef struct plugin {
    void *handle;
    void *(*allocate)(size_t);
    void *(*allocate_by_pointer)(size_t);
    void (*release)(void *);
} plugin;

static plugin loaded(int mode) {
    plugin p = {.handle = dlopen(PLUGIN, mode)};
    NEED(p.handle);
    *(void **)&p.allocate = dlsym(p.handle, "plugin_allocate");
    *(void **)&p.allocate_by_pointer = dlsym(p.handle, "plugin_allocate_by_pointer");
    *(void **)&p.release = dlsym(p.handle, "plugin_free");
    NEED(p.allocate && p.allocate_by_pointer && p.release);
    return p;
}

static void a_plugin_that_is_loaded_later_counts(void) {
    track(1);
    prognos_op op = named("op");
    for (int i = 0; i < 20; i++) {
        plugin p = loaded(i % 2 ? RTLD_NOW : RTLD_LAZY);
        prognos_begin(op);
        void *a = got(p.allocate(100)), *b = got(p.allocate_by_pointer(200)), *c = got(malloc(300));
        p.release(giving(a));
        free(giving(b));
        p.release(giving(c));
        prognos_end(op);
        agrees(op, &mine, 0);
        CHECK_EQ(dlclose(p.handle), 0);
    }
}

static void a_plugin_outlives_the_stop(void) {
    track(1);
    prognos_op op = named("op");
    plugin p = loaded(RTLD_NOW);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    void *block = p.allocate(100);
    CHECK_EQ(stats_of(op).allocations, 0);
    free(block);
    CHECK_EQ(dlclose(p.handle), 0);
}

/* ---- mappings --------------------------------------------------------------------------------- */

static char *mapped(size_t pages) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *at = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    mine.allocated += pages * page;
    mine.allocations++;
    return at;
}

static void unmapped(char *at, size_t pages) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    CHECK_EQ(munmap(at, pages * page), 0);
    mine.freed += pages * page;
    mine.frees++;
}

static void mappings_count_in_whole_pages(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    char *whole = mapped(3), *head = mapped(4), *tail = mapped(4), *middle = mapped(5);
    void *odd = mmap(NULL, page + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mine.allocated += 2 * page, mine.allocations++;
    void *reserved = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    prognos_end(op);
    agrees(op, &mine, mine.allocated);
    prognos_begin(op);
    unmapped(whole, 3);
    unmapped(head, 1);
    unmapped(tail + 3 * page, 1);
    unmapped(middle + 2 * page, 1);
    munmap(odd, page + 1);
    mine.freed += 2 * page, mine.frees++;
    munmap(reserved, 1 << 20);
    prognos_end(op);
    agrees(op, &mine, mine.allocated - mine.freed);
    prognos_begin(op);
    unmapped(head + page, 3);
    unmapped(tail, 3);
    unmapped(middle, 2);
    unmapped(middle + 3 * page, 2);
    CHECK_EQ(munmap(middle, page), 0); /* nothing is there */
    prognos_end(op);
    agrees(op, &mine, 0);
}

static void mappings_are_replaced_and_moved(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    track(1);
    prognos_op op = named("op");
    prognos_begin(op);
    char *at = mapped(4);
    void *over = mmap(at + page, page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mine.freed += page, mine.frees++;
    mine.allocated += page, mine.allocations++;
    prognos_end(op);
    CHECK(over == at + page);
    agrees(op, &mine, 4 * page);
    prognos_begin(op);
    unmapped(at, 4);
    char *grows = mapped(2);
    grows = mremap(grows, 2 * page, 8 * page, MREMAP_MAYMOVE);
    mine.freed += 2 * page, mine.frees++;
    mine.allocated += 8 * page, mine.allocations++;
    prognos_end(op);
    NEED(grows != MAP_FAILED);
    agrees(op, &mine, 8 * page);
    prognos_begin(op);
    unmapped(grows, 8);
    prognos_end(op);
    agrees(op, &mine, 0);
}

static void mapping_calls_that_fail_change_nothing(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    track(1);
    prognos_op op = named("op"), other = named("other");
    prognos_begin(op);
    char *at = mapped(4);
    prognos_end(op);
    prognos_begin(other);
    int unaligned = munmap(at + 1, page);
    int empty = munmap(at, none);
    void *moved = mremap(at, 4 * page, huge & ~(page - 1), MREMAP_MAYMOVE);
    void *fixed = mmap(at, 4 * page, PROT_READ | PROT_WRITE,
                       MAP_FIXED | MAP_ANONYMOUS /* neither private nor shared */, -1, 0);
    void *no_file = mmap(at, 4 * page, PROT_READ, MAP_FIXED | MAP_PRIVATE, -1, 0);
    prognos_end(other);
    CHECK(unaligned == -1 && empty == -1);
    CHECK(moved == MAP_FAILED && fixed == MAP_FAILED && no_file == MAP_FAILED);
    at[0] = 1;
    agrees(op, &mine, 4 * page);
    books nothing = {0};
    agrees(other, &nothing, 0);
    prognos_begin(op);
    unmapped(at, 4);
    prognos_end(op);
    agrees(op, &mine, 0);
}

/* ---- estimates -------------------------------------------------------------------------------- */

static uint64_t random_state = 12345;

static uint64_t random_number(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* From 16 bytes to 4 MiB, as many of each order of magnitude. */
static size_t some_size(void) {
    unsigned doublings = (unsigned)(random_number() % 18);
    size_t least = (size_t)16 << doublings;
    return least + random_number() % least;
}

static void live_is_near(prognos_op op, uint64_t live) {
    uint64_t estimate = stats_of(op).live_bytes;
    CHECK_LE(estimate, live + live / 10);
    CHECK_LE(live - live / 10, estimate);
}

static void live_bytes_of_a_gibibyte_are_estimated(void) {
    enum { most = 100000 };
    static void *kept[most];
    static size_t count;
    track(64 << 10);
    prognos_op op = named("op");
    uint64_t live = 0;
    prognos_begin(op);
    while (mine.allocated < (uint64_t)1 << 30) {
        void *block = got(malloc(some_size()));
        NEED(block);
        if (mine.allocations % 4 == 0 && count < most) {
            kept[count++] = block;
            live += malloc_usable_size(block);
        } else {
            free(giving(block));
        }
    }
    prognos_end(op);
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.allocated_bytes, mine.allocated);
    CHECK_EQ(stats.freed_bytes, mine.freed);
    live_is_near(op, live);
    while (count > 0)
        free(kept[--count]);
    CHECK_EQ(stats_of(op).live_bytes, 0);
}

static void more_live_blocks_than_are_kept(void) {
    enum { most = 60000 };
    static void *blocks[most];
    track(64);
    prognos_op op = named("op");
    uint64_t live = 0;
    prognos_begin(op);
    for (int i = 0; i < most; i++) {
        blocks[i] = malloc(32 + random_number() % 1000);
        live += malloc_usable_size(blocks[i]);
    }
    prognos_end(op);
    live_is_near(op, live);
    for (int i = 0; i < most; i += 2) {
        live -= malloc_usable_size(blocks[i]);
        free(blocks[i]);
    }
    live_is_near(op, live);
    for (int i = 1; i < most; i += 2)
        free(blocks[i]);
    CHECK_EQ(stats_of(op).live_bytes, 0);
}

int main(int argc, char **argv) {
    static const check_case cases[] = {
        CASE(malloc_and_free_count_what_was_handed_out),
        CASE(every_function_of_the_allocator_counts),
        CASE(realloc_is_one_allocation_and_one_free),
        CASE(a_reallocation_that_fails_changes_nothing),
        CASE(what_the_c_library_allocates_for_the_host_counts),
        CASE(calls_through_pointers_in_data_count),
        CASE(nested_operations_share_totals_not_self),
        CASE(recursion_counts_once),
        CASE(outside_of_operations_nothing_counts_in_one),
        CASE(blocks_from_before_the_start_can_be_freed),
        CASE(blocks_outlive_the_stop),
        CASE(two_hundred_starts_while_threads_allocate),
        CASE(another_thread_frees),
        CASE(destructors_of_ending_threads_allocate),
        CASE(a_thread_first_allocates_in_pthread_getattr),
        CASE(a_forked_child_has_its_own_numbers),
        CASE(a_child_that_begins_in_dlsym),
        CASE(a_plugin_that_is_loaded_later_counts),
        CASE(a_plugin_outlives_the_stop),
        CASE(mappings_count_in_whole_pages),
        CASE(mappings_are_replaced_and_moved),
        CASE(mapping_calls_that_fail_change_nothing),
        CASE(live_bytes_of_a_gibibyte_are_estimated),
        CASE(more_live_blocks_than_are_kept),
    };
    if (check_skips_allocator()) return 0;
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
