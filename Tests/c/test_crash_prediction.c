/* SPDX-License-Identifier: Apache-2.0 */
/* Resources, their limits, and what is said of a crash, through the ABI. */
#include "host.h"

#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void start(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.collect_interval_ms = 10;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
}

static void limit(int which, rlim_t value) {
    struct rlimit l;
    NEED(getrlimit((__rlimit_resource_t)which, &l) == 0);
    l.rlim_cur = value;
    NEED(setrlimit((__rlimit_resource_t)which, &l) == 0);
}

/* A resource as it is after another assessment; all zeros when it is not told of. */
static prognos_resource resource(const char *name) {
    static prognos_resource all[32];
    prognos_resource none = {0};
    size_t count = 0;
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_resources_read(all, sizeof *all, 32, &count), PROGNOS_OK);
    for (size_t i = 0; i < count && i < 32; i++)
        if (strcmp(all[i].resource, name) == 0) return all[i];
    return none;
}

static void nothing_is_known_before_the_start(void) {
    prognos_crash crash;
    size_t count;
    CHECK_STATUS(prognos_crash_read(&crash, sizeof crash), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_STATUS(prognos_resources_read(NULL, sizeof(prognos_resource), 0, &count),
                 PROGNOS_NOT_ENOUGH_DATA);
}

static void bad_input_is_refused(void) {
    prognos_resource one;
    size_t count = 0;
    start();
    for (int i = 0; i < 20; i++)
        CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_crash_read(NULL, sizeof(prognos_crash)), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_resources_read(&one, sizeof one, 1, NULL), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_resources_read(NULL, sizeof one, 1, &count), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_resources_read(&one, 0, 1, &count), PROGNOS_INVALID_ARGUMENT);
    /* One of many, and how many there are. */
    CHECK_STATUS(prognos_resources_read(&one, sizeof one, 1, &count), PROGNOS_OK);
    CHECK_LT(5, count);
    CHECK(one.limit > 0);
}

static void a_calm_process_has_nothing_to_fear(void) {
    prognos_crash crash;
    start();
    for (int i = 0; i < 20; i++)
        CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_crash_read(&crash, sizeof crash), PROGNOS_OK);
    CHECK(crash.probability < 0.1);
    CHECK(isinf(crash.minutes_to_failure));
    CHECK(crash.horizon_minutes >= 0.2);
    CHECK_EQ(crash.op, 0);
    CHECK_CONTAINS(crash.reason, "nothing points to a crash");
}

static void limits_and_what_is_used_are_told(void) {
    int sockets[2], file;
    char name[] = "/tmp/prognos-crash-XXXXXX";
    limit(RLIMIT_NOFILE, 200);
    limit(RLIMIT_FSIZE, 1 << 20);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    NEED((file = mkstemp(name)) >= 0);
    unlink(name);
    NEED(ftruncate(file, 300000) == 0);
    start();
    prognos_resource found = resource("file descriptors");
    CHECK_EQ(found.limit, 200);
    CHECK_LE(6, found.used);
    CHECK_TEXT(found.limited_by, "RLIMIT_NOFILE");
    found = resource("file size");
    CHECK_EQ(found.limit, 1 << 20);
    CHECK_EQ(found.used, 300000);
    CHECK(fabs(found.used_ratio - 300000.0 / (1 << 20)) < 1e-9);
    CHECK_LE(2, resource("sockets").used);
    CHECK_LT(0, resource("host memory").limit);
    double before = resource("memory maps").used;
    for (int i = 0; i < 100; i++)
        NEED(mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
             MAP_FAILED);
    /* Counted now and then only. */
    for (int i = 0; i < 100 && resource("memory maps").used < before + 90; i++)
        usleep(20000);
    CHECK_LE(before + 90, resource("memory maps").used);
}

static void it_works_without_a_descriptor_left(void) {
    limit(RLIMIT_NOFILE, 64);
    start();
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    prognos_resource found = resource("file descriptors");
    CHECK_EQ(found.used, 64);
    CHECK_EQ(found.limit, 64);
    CHECK_LT(0, resource("host memory").limit);
}

static void it_works_without_memory_left(void) {
    start();
    double used = resource("address space").used;
    CHECK_LT(0, used);
    limit(RLIMIT_AS, (rlim_t)used);
    void *volatile block;
    for (size_t size = 1 << 24; size >= 16; size /= 2)
        while ((block = malloc(size))) {
        }
    prognos_resource found = resource("address space");
    CHECK(found.used_ratio > 0.9);
    limit(RLIMIT_AS, RLIM_INFINITY);
    CHECK_EQ(resource("address space").limit, 0);
}

CHECK_MAIN(CASE(nothing_is_known_before_the_start), CASE(bad_input_is_refused),
           CASE(a_calm_process_has_nothing_to_fear), CASE(limits_and_what_is_used_are_told),
           CASE(it_works_without_a_descriptor_left), CASE(it_works_without_memory_left))
