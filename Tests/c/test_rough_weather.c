/* SPDX-License-Identifier: Apache-2.0 */
/* What befalls a process in real life: other programs in its place, daemons, sandboxes, clocks that are
 * set, machines that sleep, a thousand threads. The host goes on, and its numbers stay right. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The library asks the C library for the time, and finds this program's own clock first. */
static atomic_llong unix_step_ns, monotonic_step_ns, boot_step_ns;

int clock_gettime(clockid_t clock, struct timespec *out) {
    int failed = (int)syscall(SYS_clock_gettime, clock, out);
    long long step = clock == CLOCK_REALTIME    ? unix_step_ns
                     : clock == CLOCK_MONOTONIC ? monotonic_step_ns
                     : clock == CLOCK_BOOTTIME  ? boot_step_ns + monotonic_step_ns
                                                : 0;
    if (failed || step == 0) return failed;
    long long ns = (long long)out->tv_sec * 1000000000 + out->tv_nsec + step;
    out->tv_sec = ns / 1000000000;
    out->tv_nsec = ns % 1000000000;
    return 0;
}

static const long long hour_ns = 3600000000000;

static prognos_op started_with_everything(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.heap_sample_bytes = 1;
    options.sample_hz = 1000;
    options.collect_interval_ms = 10;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    prognos_op op = prognos_op_named("op");
    NEED(op != 0);
    return op;
}

/* An operation that allocates, reads and works. */
static void work_in(prognos_op op) {
    prognos_begin(op);
    void *volatile block = malloc(1000);
    char byte;
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (zero >= 0) {
        CHECK_EQ(read(zero, &byte, 1), 1);
        close(zero);
    }
    free(block);
    prognos_end(op);
}

static void check_records(prognos_op op) {
    uint64_t before = count_of(op);
    for (int i = 0; i < 10; i++)
        work_in(op);
    CHECK_EQ(count_of(op), before + 10);
    CHECK_EQ(stats_of(op).active, 0);
}

static int status_of(pid_t child) {
    int status = -1;
    NEED(waitpid(child, &status, 0) == child);
    return status;
}

/* ---- clocks ----------------------------------------------------------------------------------- */

static void steps_of_the_wall_clock_change_no_duration(void) {
    prognos_op op = started_with_everything();
    prognos_begin(op);
    unix_step_ns = 24 * hour_ns;
    prognos_end(op);
    prognos_begin(op);
    unix_step_ns = -24 * hour_ns;
    prognos_end(op);
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.count, 2);
    CHECK_LT(stats.wall_max_ns, (uint64_t)hour_ns);
    CHECK(stats.rate_per_s > 2.0 / 3600);
    free(rendered(PROGNOS_JSON));
    check_records(op);
}

static void a_machine_that_slept_does_no_harm(void) {
    setenv("PROGNOS_TIME_SOURCE", "clock_gettime", 1);
    prognos_op op = started_with_everything();
    prognos_begin(op);
    boot_step_ns = 8 * hour_ns; /* asleep: the monotonic clock stood still */
    prognos_end(op);
    CHECK_LT(stats_of(op).wall_max_ns, (uint64_t)hour_ns);
    prognos_begin(op);
    monotonic_step_ns = hour_ns; /* halted with its host: it did not */
    usleep(1000);                /* as all threads were, it was taken from its CPU */
    prognos_end(op);
    prognos_op_stats stats = stats_of(op);
    CHECK_LE(hour_ns, stats.wall_max_ns);
    CHECK_LT(stats.cpu_ns, (uint64_t)hour_ns); /* which nobody worked through */
    check_records(op);
    free(rendered(PROGNOS_TEXT));
}

static void a_clock_that_goes_back_gives_no_absurd_duration(void) {
    setenv("PROGNOS_TIME_SOURCE", "clock_gettime", 1);
    prognos_op op = started_with_everything();
    monotonic_step_ns = hour_ns;
    prognos_begin(op);
    monotonic_step_ns = 0;
    prognos_end(op);
    CHECK_EQ(stats_of(op).count, 1);
    CHECK_LT(stats_of(op).wall_ns, (uint64_t)hour_ns);
    check_records(op);
    free(rendered(PROGNOS_JSON));
}

/* ---- other programs, daemons ------------------------------------------------------------------ */

static void another_program_in_its_place_starts_afresh(void) {
    prognos_op op = started_with_everything();
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        prognos_begin(op);
        if (!getenv("PROGNOS_TEST_AGAIN")) {
            setenv("PROGNOS_TEST_AGAIN", "1", 1);
            execl("/proc/self/exe", "again", "another_program_in_its_place_starts_afresh", NULL);
        }
        _exit(3);
    }
    if (getenv("PROGNOS_TEST_AGAIN")) return; /* the new program came as far as this */
    CHECK_EQ(status_of(child), 0);
    check_records(op);
}

static void a_child_of_vfork_leaves_open_operations_alone(void) {
    prognos_op op = started_with_everything();
    prognos_begin(op);
    for (int i = 0; i < 20; i++) {
        pid_t child = vfork();
        NEED(child >= 0);
        if (child == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(3);
        }
        CHECK_EQ(status_of(child), 0);
    }
    CHECK_EQ(stats_of(op).active, 1);
    prognos_end(op);
    CHECK_EQ(count_of(op), 1);
    check_records(op);
}

/* As daemon(7) has it: twice forked, a session of its own, no descriptor left, / to work in. */
static void a_daemon_records(void) {
    prognos_op op = started_with_everything();
    call(op);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        NEED(setsid() >= 0);
        pid_t daemon = fork();
        if (daemon > 0) _exit(status_of(daemon) != 0);
        int outcome = dup(STDERR_FILENO); /* for the messages of checks alone */
        NEED(chdir("/") == 0);
        for (int fd = 0; fd < 1024; fd++)
            if (fd != outcome) close(fd);
        NEED(dup2(outcome, STDERR_FILENO) == STDERR_FILENO);
        close(outcome);
        check_records(op);
        free(rendered(PROGNOS_JSON));
        CHECK_STATUS(prognos_stop(), PROGNOS_OK);
        /* The numbers of the standard streams are still free for the daemon. */
        CHECK_EQ(open("/dev/null", O_RDWR), STDIN_FILENO);
        _exit(check_failures != 0);
    }
    CHECK_EQ(status_of(child), 0);
    CHECK_EQ(count_of(op), 1);
}

/* ---- threads ---------------------------------------------------------------------------------- */

enum { many = 1024 };
static prognos_op shared_op;
static pthread_barrier_t all_here;

static void *records_among_many(void *unused) {
    prognos_begin(shared_op);
    pthread_barrier_wait(&all_here); /* all of them have it open at once */
    prognos_end(shared_op);
    return unused;
}

static void a_thousand_threads_at_once_all_count(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.max_threads = many + 8;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    shared_op = prognos_op_named("one of many");
    pthread_t threads[many];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 << 10);
    NEED(pthread_barrier_init(&all_here, NULL, many + 1) == 0);
    for (int i = 0; i < many; i++)
        NEED(pthread_create(&threads[i], &attributes, records_among_many, NULL) == 0);
    while (stats_of(shared_op).active < many)
        sched_yield();
    CHECK_EQ(diagnostics().threads_now >= many, 1);
    free(rendered(PROGNOS_TEXT));
    pthread_barrier_wait(&all_here);
    for (int i = 0; i < many; i++)
        joined(threads[i]);
    CHECK_EQ(count_of(shared_op), many);
    CHECK_EQ(diagnostics().untracked_calls, 0);
    CHECK_LE(diagnostics().recording_bytes, options.memory_limit_bytes);
}

static void *dies_without_a_word(void *op) {
    work_in(*(prognos_op *)op);
    prognos_begin(*(prognos_op *)op);
    syscall(SYS_exit, 0); /* no destructor runs */
    return NULL;
}

static void threads_that_vanish_lose_nothing(void) {
    prognos_op op = started_with_everything();
    for (int i = 0; i < 16; i++) {
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, dies_without_a_word, &op) == 0);
        NEED(pthread_detach(thread) == 0);
    }
    for (int waited = 0; count_of(op) < 16 && waited < 10000; waited++)
        usleep(1000);
    CHECK_LE(16, count_of(op));
    /* The collector finds that they are gone, and what they had open is abandoned. */
    for (int waited = 0; stats_of(op).active > 0 && waited < 10000; waited++)
        usleep(1000);
    CHECK_EQ(stats_of(op).abandoned, 16);
    CHECK_EQ(count_of(op), 32);
    check_records(op);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

/* ---- containers ------------------------------------------------------------------------------- */

/* Refuses these system calls, as the filter of a container does. */
static int refuse(const int *calls, size_t count) {
    struct sock_filter filter[64];
    size_t used = 0;
    filter[used++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++) {
        filter[used++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
        filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    }
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)used, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void a_strict_sandbox_takes_features_and_no_more(void) {
    static const int calls[] = {
        SYS_perf_event_open, SYS_timer_create,     SYS_timer_settime, SYS_timer_delete,
        SYS_getrusage,       SYS_process_vm_readv, SYS_madvise,       SYS_sched_getaffinity,
        SYS_fallocate,       SYS_statfs,           SYS_fstatfs,       SYS_getrandom,
        SYS_membarrier,      SYS_memfd_create,     SYS_rename,        SYS_socket,
        SYS_sigaltstack,     SYS_tgkill,
    };
    if (!refuse(calls, sizeof calls / sizeof *calls)) {
        printf("skipped: this system has no seccomp filters\n");
        return;
    }
    prognos_op op = started_with_everything();
    check_records(op);
    CHECK_EQ(stats_of(op).allocations, 10);
    prognos_capabilities live = capabilities();
    CHECK(strlen(live.samples_reason) > 0);
    free(rendered(PROGNOS_JSON));
    free(rendered(PROGNOS_TEXT));
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

/* Into an empty directory that cannot be written to: no /proc, /sys, /dev, /tmp. */
static int enter_nothing(void) {
    uid_t user = getuid();
    if (user != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 0;
    if (user == 0 && unshare(CLONE_NEWNS) != 0) return 0;
    char place[] = "/tmp/prognos-nothing-XXXXXX";
    if (!mkdtemp(place)) return 0;
    int there = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                mount("nothing", place, "tmpfs", MS_RDONLY, "") == 0 && chroot(place) == 0 &&
                chdir("/") == 0;
    return there;
}

static void a_read_only_system_without_proc_is_enough(void) {
    if (!enter_nothing()) {
        printf("skipped: this system lets nobody make a file system of its own\n");
        return;
    }
    prognos_op op = started_with_everything();
    for (int i = 0; i < 10; i++)
        work_in(op);
    CHECK_EQ(count_of(op), 10);
    free(rendered(PROGNOS_TEXT));
    free(rendered(PROGNOS_JSON));
    prognos_process_stats process;
    CHECK_STATUS(prognos_process_read(PROGNOS_TOTAL, &process, sizeof process), PROGNOS_OK);
    CHECK_STATUS(prognos_dump("/profile.json", PROGNOS_JSON), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "Read-only file system");
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

static void a_process_out_of_descriptors_records(void) {
    prognos_op op = started_with_everything();
    struct rlimit none = {0, 0};
    NEED(setrlimit(RLIMIT_NOFILE, &none) == 0);
    for (int i = 0; i < 10; i++)
        work_in(op);
    CHECK_EQ(count_of(op), 10);
    free(rendered(PROGNOS_JSON));
    CHECK_STATUS(prognos_dump("/tmp/prognos-no-descriptors.json", PROGNOS_JSON), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "Too many open files");
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

CHECK_MAIN(CASE(steps_of_the_wall_clock_change_no_duration),
           CASE(a_machine_that_slept_does_no_harm),
           CASE(a_clock_that_goes_back_gives_no_absurd_duration),
           CASE(another_program_in_its_place_starts_afresh),
           CASE(a_child_of_vfork_leaves_open_operations_alone), CASE(a_daemon_records),
           CASE(a_thousand_threads_at_once_all_count), CASE(threads_that_vanish_lose_nothing),
           CASE(a_strict_sandbox_takes_features_and_no_more),
           CASE(a_read_only_system_without_proc_is_enough),
           CASE(a_process_out_of_descriptors_records))
