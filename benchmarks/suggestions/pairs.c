/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service with one fault, or without: pairs KIND before|after SEED FOLDER. Sizes are drawn by seed. On standard
 * output: "T nanoseconds" a call of the guilty operation took on average, and for each suggestion
 * "S op kind gain low high". `after` does the same work the way the suggestion asks for.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <prognos.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t seed_state;
static bool is_fixed;
static const char *folder;
static prognos_op guilty, other;
static volatile uint64_t sink;

static uint64_t random_bits(void) { /* splitmix64 */
    uint64_t z = seed_state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint64_t drawn(uint64_t low, uint64_t high) {
    return low + random_bits() % (high - low + 1);
}

static void need(bool holds, const char *what) {
    if (holds) return;
    perror(what);
    exit(2);
}

/* CPU work of so many nanoseconds, more or less. */
static uint64_t compute(uint64_t nanoseconds) {
    uint64_t x = nanoseconds | 1;
    for (uint64_t i = 0; i < nanoseconds / 2; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    sink += x;
    return x;
}

static uint64_t sum_of(const unsigned char *bytes, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i += 8)
        sum += bytes[i];
    sink += sum;
    return sum;
}

static char path[512];

static int file_of(size_t bytes, const char *name) {
    snprintf(path, sizeof path, "%s/%s-%d", folder, name, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    need(fd >= 0, "open");
    char *data = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (char)random_bits();
    need(write(fd, data, bytes) == (ssize_t)bytes, "write");
    free(data);
    return fd;
}

/* Each scenario: `calls` calls of the guilty operation, and the usual work of another one beside. */
static void beside(void) {
    prognos_begin(other);
    compute(drawn(20000, 60000));
    prognos_end(other);
}

static void small_reads(void) {
    size_t size = 1 << 20, request = drawn(64, 1500);
    int fd = file_of(size, "reads");
    static unsigned char buffer[1 << 16];
    unsigned char part[2048];
    for (int call = 0; call < 60; call++, beside()) {
        prognos_begin(guilty);
        lseek(fd, 0, SEEK_SET);
        size_t have = 0, at = 0;
        for (size_t done = 0; done + request <= size; done += request) {
            if (!is_fixed) {
                need(read(fd, part, request) == (ssize_t)request, "read");
                sum_of(part, request);
                continue;
            }
            for (size_t got = 0; got < request;) {
                if (at == have) have = (size_t)read(fd, buffer, sizeof buffer), at = 0;
                size_t step = request - got < have - at ? request - got : have - at;
                memcpy(part + got, buffer + at, step);
                got += step;
                at += step;
            }
            sum_of(part, request);
        }
        compute(drawn(20000, 60000));
        prognos_end(guilty);
    }
}

static void random_reads(void) {
    size_t size = 8 << 20, request = drawn(32, 400);
    int fd = file_of(size, "random");
    const unsigned char *map = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    unsigned char part[512];
    for (int call = 0; call < 100; call++, beside()) {
        prognos_begin(guilty);
        for (int i = 0; i < 1500; i++) {
            size_t at = random_bits() % (size - request);
            if (is_fixed)
                memcpy(part, map + at, request);
            else
                need(pread(fd, part, request, (off_t)at) == (ssize_t)request, "pread");
            sum_of(part, request);
        }
        compute(drawn(20000, 60000));
        prognos_end(guilty);
    }
}

static void small_writes(void) {
    size_t request = drawn(20, 300);
    int fd = file_of(0, "writes");
    static char buffer[1 << 16];
    char line[512];
    memset(line, 'x', sizeof line);
    for (int call = 0; call < 80; call++, beside()) {
        prognos_begin(guilty);
        lseek(fd, 0, SEEK_SET);
        size_t used = 0;
        for (int i = 0; i < 2000; i++) {
            line[i % 20] = (char)i;
            if (!is_fixed) {
                need(write(fd, line, request) == (ssize_t)request, "write");
                continue;
            }
            if (used + request > sizeof buffer)
                need(write(fd, buffer, used) > 0, "write"), used = 0;
            memcpy(buffer + used, line, request);
            used += request;
        }
        if (used > 0) need(write(fd, buffer, used) > 0, "write");
        compute(drawn(20000, 60000));
        prognos_end(guilty);
    }
}

static void syncs(void) {
    int fd = file_of(0, "syncs"), records = (int)drawn(4, 20);
    char record[256] = {1};
    for (int call = 0; call < 25; call++, beside()) {
        prognos_begin(guilty);
        for (int i = 0; i < records; i++) {
            need(write(fd, record, sizeof record) > 0, "write");
            if (!is_fixed || i == records - 1) need(fsync(fd) == 0, "fsync");
        }
        prognos_end(guilty);
    }
}

static void opens(void) {
    char names[4][600];
    int kept[4], files = (int)drawn(2, 4);
    for (int i = 0; i < files; i++) {
        char name[16];
        snprintf(name, sizeof name, "open%d", i);
        kept[i] = file_of(4096, name);
        snprintf(names[i], sizeof names[i], "%s", path);
    }
    unsigned char part[512];
    for (int call = 0; call < 8000; call++) {
        prognos_begin(guilty);
        for (int i = 0; i < files; i++) {
            int fd = is_fixed ? kept[i] : open(names[i], O_RDONLY);
            need(pread(fd, part, sizeof part, 0) == sizeof part, "pread");
            sum_of(part, sizeof part);
            if (!is_fixed) close(fd);
        }
        compute(2000);
        prognos_end(guilty);
        if (call % 100 == 0) beside();
    }
}

static void *drain(void *fd) {
    static char room[1 << 16];
    while (read(*(int *)fd, room, sizeof room) > 0) {
    }
    return NULL;
}

static void pipe_writes(void) {
    int ends[2];
    need(pipe(ends) == 0, "pipe");
    pthread_t reader;
    pthread_create(&reader, NULL, drain, &ends[0]);
    size_t request = drawn(16, 120), used = 0;
    char buffer[4096], line[128] = {0};
    for (int call = 0; call < 100; call++, beside()) {
        prognos_begin(guilty);
        for (int i = 0; i < 1000; i++) {
            if (!is_fixed) {
                need(write(ends[1], line, request) > 0, "write");
                continue;
            }
            if (used + request > sizeof buffer)
                need(write(ends[1], buffer, used) > 0, "write"), used = 0;
            memcpy(buffer + used, line, request);
            used += request;
        }
        compute(drawn(20000, 60000));
        prognos_end(guilty);
    }
    close(ends[1]);
    pthread_join(reader, NULL);
}

static void allocations(void) {
    size_t size = drawn(24, 400);
    int blocks = (int)drawn(200, 1000);
    char **held = malloc((size_t)blocks * sizeof *held);
    char *pool = malloc((size_t)blocks * (size + 16));
    for (int call = 0; call < 2000; call++) {
        prognos_begin(guilty);
        for (int i = 0; i < blocks; i++) {
            held[i] = is_fixed ? pool + (size_t)i * (size + 16) : malloc(size);
            held[i][0] = (char)i;
            held[i][size / 2] = (char)i;
        }
        for (int i = 0; i < blocks; i++) {
            sink += (uint64_t)held[i][size / 2];
            if (!is_fixed) free(held[i]);
        }
        compute(drawn(5000, 15000));
        prognos_end(guilty);
        if (call % 50 == 0) beside();
    }
}

static void mapped_blocks(void) {
    size_t size = (size_t)drawn(36, 60) << 20;
    char *kept = malloc(size);
    memset(kept, 1, size);
    for (int call = 0; call < 120; call++, beside()) {
        prognos_begin(guilty);
        char *block = is_fixed ? kept : malloc(size);
        for (size_t at = 0; at < size; at += 1024)
            block[at] = (char)call;
        sink += (uint64_t)block[size / 2];
        if (!is_fixed) free(block);
        prognos_end(guilty);
    }
}

enum { thread_count = 4 };
static pthread_mutex_t locks[thread_count] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                              PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static uint64_t inside_ns, outside_ns;

static void *lock_thread(void *number) {
    size_t own = (size_t)number;
    for (int call = 0; call < 600; call++) {
        prognos_begin(guilty);
        pthread_mutex_t *lock = &locks[is_fixed ? own : 0];
        pthread_mutex_lock(lock);
        struct timespec pause = {0, (long)inside_ns};
        nanosleep(&pause, NULL);
        pthread_mutex_unlock(lock);
        compute(outside_ns);
        prognos_end(guilty);
    }
    return NULL;
}

static void *compute_in_lock(void *number) {
    size_t own = (size_t)number;
    for (int call = 0; call < 3000; call++) {
        prognos_begin(guilty);
        pthread_mutex_t *lock = &locks[is_fixed ? own : 0];
        pthread_mutex_lock(lock);
        compute(inside_ns);
        pthread_mutex_unlock(lock);
        compute(outside_ns);
        prognos_end(guilty);
    }
    return NULL;
}

static void *io_in_lock(void *number) {
    char name[32], data[4096] = {0};
    snprintf(name, sizeof name, "locked%zu", (size_t)number);
    static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&making);
    int fd = file_of(0, name);
    pthread_mutex_unlock(&making);
    for (int call = 0; call < 150; call++) {
        prognos_begin(guilty);
        if (!is_fixed) pthread_mutex_lock(&locks[0]);
        need(pwrite(fd, data, sizeof data, 0) > 0, "pwrite");
        fdatasync(fd);
        if (is_fixed) pthread_mutex_lock(&locks[0]);
        compute(2000);
        pthread_mutex_unlock(&locks[0]);
        prognos_end(guilty);
    }
    return NULL;
}

static void threads(void *(*run)(void *), size_t count) {
    pthread_t all[thread_count];
    inside_ns = drawn(100000, 300000);
    outside_ns = drawn(5000, 40000);
    for (size_t i = 0; i < count; i++)
        pthread_create(&all[i], NULL, run, (void *)i);
    for (size_t i = 0; i < count; i++)
        pthread_join(all[i], NULL);
}

static void lock_sleeping(void) {
    threads(lock_thread, 4);
}

static void lock_computing(void) {
    threads(compute_in_lock, 2);
}

static void lock_io(void) {
    threads(io_in_lock, 4);
}

static void retries(void) {
    int tries = (int)drawn(2, 6);
    prognos_op request = prognos_op_named("request");
    for (int call = 0; call < 2000; call++) {
        prognos_begin(request);
        for (int i = 0; i < (is_fixed ? 1 : tries); i++) {
            prognos_begin(guilty);
            compute(drawn(20000, 60000));
            prognos_fail("not found");
            prognos_end(guilty);
        }
        prognos_end(request);
        if (call % 20 == 0) beside();
    }
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void all_pairs(void) {
    uint32_t most = (uint32_t)drawn(1500, 4000);
    uint32_t *keys = malloc(most * sizeof *keys);
    for (int call = 0; call < 400; call++, beside()) {
        uint32_t count = (uint32_t)drawn(50, most);
        for (uint32_t i = 0; i < count; i++)
            keys[i] = (uint32_t)random_bits();
        prognos_begin(guilty);
        prognos_work(count);
        uint64_t same = 0;
        if (is_fixed) {
            qsort(keys, count, sizeof *keys, by_value);
            for (uint32_t i = 1; i < count; i++)
                same += keys[i] == keys[i - 1];
        } else {
            for (uint32_t i = 0; i < count; i++)
                for (uint32_t j = 0; j < i; j++)
                    same += keys[i] % 1000003 == keys[j] % 1000003;
        }
        sink += same;
        prognos_end(guilty);
    }
}

static void repeated(void) {
    enum { most = 8 };
    uint32_t sizes[most], inputs = (uint32_t)drawn(3, most);
    uint64_t known[most] = {0};
    for (uint32_t i = 0; i < inputs; i++)
        sizes[i] = (uint32_t)drawn(5000, 60000) * 2 + 1;
    for (int call = 0; call < 6000; call++) {
        uint32_t input = (uint32_t)drawn(0, inputs - 1);
        prognos_begin(guilty);
        prognos_work(sizes[input]);
        if (!is_fixed || known[input] == 0) known[input] = compute(sizes[input]) | 1;
        sink += known[input];
        prognos_end(guilty);
        if (call % 50 == 0) beside();
    }
}

/* Nothing to be said: `after` is the same again. */
static void healthy_mixed(void) {
    int fd = file_of(1 << 20, "mixed");
    static unsigned char buffer[1 << 16];
    for (int call = 0; call < 300; call++, beside()) {
        uint64_t rows = drawn(100, 5000);
        prognos_begin(guilty);
        prognos_work(rows);
        need(pread(fd, buffer, sizeof buffer, 0) > 0, "pread");
        for (int i = 0; i < 20; i++)
            free(malloc(drawn(16, 4000)));
        compute(rows * 100);
        if (call % 100 == 0) prognos_fail("timeout");
        prognos_end(guilty);
    }
}

static void healthy_constant(void) {
    for (int call = 0; call < 20000; call++) {
        prognos_begin(guilty);
        prognos_work(1 + (uint64_t)call % 3);
        compute(20000);
        prognos_end(guilty);
        if (call % 50 == 0) beside();
    }
}

static void *healthy_thread(void *number) {
    size_t own = (size_t)number;
    for (int call = 0; call < 2000; call++) {
        prognos_begin(guilty);
        compute(60000);
        pthread_mutex_lock(&locks[0]);
        compute(500);
        pthread_mutex_unlock(&locks[0]);
        prognos_end(guilty);
        sink += own;
    }
    return NULL;
}

static void healthy_threads(void) {
    threads(healthy_thread, 4);
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {{"small-reads", small_reads},
             {"random-reads", random_reads},
             {"small-writes", small_writes},
             {"syncs", syncs},
             {"opens", opens},
             {"pipe-writes", pipe_writes},
             {"allocations", allocations},
             {"mapped-blocks", mapped_blocks},
             {"lock-sleeping", lock_sleeping},
             {"lock-computing", lock_computing},
             {"lock-io", lock_io},
             {"retries", retries},
             {"all-pairs", all_pairs},
             {"repeated", repeated},
             {"healthy-mixed", healthy_mixed},
             {"healthy-constant", healthy_constant},
             {"healthy-threads", healthy_threads}};

int main(int argc, char **argv) {
    if (argc < 5) return 64;
    is_fixed = strcmp(argv[2], "after") == 0;
    seed_state = strtoull(argv[3], NULL, 10) * 7919;
    folder = argv[4];
    need(prognos_start(NULL, 0) == PROGNOS_OK, "prognos_start");
    guilty = prognos_op_named("guilty");
    other = prognos_op_named("other");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, argv[1]) == 0) kinds[i].run();
    prognos_op_stats stats;
    need(prognos_op_read(guilty, PROGNOS_TOTAL, &stats, sizeof stats) == PROGNOS_OK, "read");
    prognos_op request = prognos_op_named("request");
    prognos_op_stats requests = {0};
    if (strcmp(argv[1], "retries") == 0)
        prognos_op_read(request, PROGNOS_TOTAL, &requests, sizeof requests);
    uint64_t calls = requests.count ? requests.count : stats.count;
    printf("T %.1f\n", (double)stats.wall_ns / (double)(calls ? calls : 1));
    prognos_suggestion found[8];
    size_t count = 0;
    need(prognos_suggestions_read(found, sizeof *found, 8, &count) == PROGNOS_OK, "suggestions");
    for (size_t i = 0; i < count && i < 8; i++)
        printf("S %s %u %.4f %.4f %.4f %s: %s\n", found[i].op ? prognos_op_name(found[i].op) : "-",
               found[i].kind, found[i].gain_ratio, found[i].gain_low, found[i].gain_high,
               found[i].reason, found[i].text);
    return 0;
}
