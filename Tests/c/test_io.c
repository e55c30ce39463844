/* SPDX-License-Identifier: Apache-2.0 */
/* Input, output and waits of each operation, to the byte and the call. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

static char buffer[65536];

static void start_tracking(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track |= PROGNOS_TRACK_IO;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
}

/* A new file without a name. */
static int new_file(size_t bytes) {
    char path[] = "/tmp/prognos-io-XXXXXX";
    int fd = mkstemp(path);
    NEED(fd >= 0 && unlink(path) == 0);
    NEED(ftruncate(fd, (off_t)bytes) == 0);
    return fd;
}

/* Checks what an operation did: calls that transferred, bytes read, bytes written. */
static void check_io(prognos_op op, uint64_t calls, uint64_t read_bytes, uint64_t written_bytes) {
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.io_calls, calls);
    CHECK_EQ(stats.read_bytes, read_bytes);
    CHECK_EQ(stats.written_bytes, written_bytes);
}

/* A number of the JSON profile: the first after `name` after `after`. */
static uint64_t number_after(const char *text, const char *after, const char *name) {
    const char *at = strstr(text, after);
    if (at) at = strstr(at, name);
    if (at) at = strchr(at, ':');
    return at ? strtoull(at + 1, NULL, 10) : UINT64_MAX;
}

static uint64_t io_number(const char *part, const char *name) {
    char *json = rendered(PROGNOS_JSON);
    const char *io = strstr(json, "\"io\"");
    uint64_t number = io ? number_after(io, part, name) : UINT64_MAX;
    free(json);
    return number;
}

static void reads_and_writes_count_in_their_operation(void) {
    start_tracking();
    int fd = new_file(10000);
    prognos_op writing = prognos_op_named("writing"), reading = prognos_op_named("reading");
    struct iovec two[2] = {{buffer, 100}, {buffer + 100, 50}};

    prognos_begin(writing);
    CHECK_EQ(write(fd, buffer, 1000), 1000);
    CHECK_EQ(pwrite(fd, buffer, 10, 5000), 10);
    CHECK_EQ(writev(fd, two, 2), 150);
    CHECK_EQ(pwritev(fd, two, 2, 7000), 150);
    prognos_end(writing);

    NEED(lseek(fd, 0, SEEK_SET) == 0);
    prognos_begin(reading);
    CHECK_EQ(read(fd, buffer, 4000), 4000);
    CHECK_EQ(pread(fd, buffer, 20, 6000), 20);
    CHECK_EQ(readv(fd, two, 2), 150);
    CHECK_EQ(preadv(fd, two, 2, 0), 150);
    CHECK_EQ(pread(fd, buffer, 20, 10000), 0); /* the end */
    prognos_end(reading);

    check_io(writing, 4, 0, 1310);
    check_io(reading, 5, 4320, 0);
    CHECK_LT(0, stats_of(reading).io_wait_ns);
    CHECK_LE(stats_of(reading).io_wait_ns, stats_of(reading).wall_ns);
    CHECK(strstr(capabilities().io_reason, "streams") != NULL &&
          (capabilities().track & PROGNOS_TRACK_IO));
    CHECK(capabilities().track & PROGNOS_TRACK_IO);
}

static void a_caller_counts_what_its_callees_do(void) {
    start_tracking();
    int fd = new_file(10000);
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    prognos_begin(outer);
    CHECK_EQ(read(fd, buffer, 1), 1);
    prognos_begin(inner);
    CHECK_EQ(read(fd, buffer, 10), 10);
    prognos_begin(inner); /* calls itself */
    CHECK_EQ(read(fd, buffer, 100), 100);
    prognos_end(inner);
    prognos_end(inner);
    CHECK_EQ(read(fd, buffer, 1000), 1000);
    prognos_end(outer);
    CHECK_EQ(read(fd, buffer, 5), 5); /* in no operation */
    check_io(outer, 4, 1111, 0);
    check_io(inner, 2, 110, 0);
    char *json = rendered(PROGNOS_JSON);
    CHECK_EQ(number_after(json, "\"outside_io\"", "\"read_bytes\""), 5);
    free(json);
}

static void kinds_are_told_apart(void) {
    start_tracking();
    int file = new_file(100), pipes[2], sockets[2], null = open("/dev/null", O_RDWR);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    NEED(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 && null >= 0);
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    CHECK_EQ(read(file, buffer, 7), 7);
    CHECK_EQ(write(pipes[1], buffer, 20), 20);
    CHECK_EQ(read(pipes[0], buffer, 100), 20);
    CHECK_EQ(send(sockets[0], buffer, 30, 0), 30);
    CHECK_EQ(recv(sockets[1], buffer, 100, 0), 30);
    struct iovec part = {buffer, 40};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    CHECK_EQ(sendmsg(sockets[0], &message.msg_hdr, 0), 40);
    CHECK_EQ(recvmsg(sockets[1], &message.msg_hdr, 0), 40);
    CHECK_EQ(sendmmsg(sockets[0], &message, 1, 0), 1);
    CHECK_EQ(recvmmsg(sockets[1], &message, 1, 0, NULL), 1);
    CHECK_EQ(write(sockets[0], buffer, 5), 5);
    CHECK_EQ(recvfrom(sockets[1], buffer, 5, 0, NULL, NULL), 5);
    CHECK_EQ(write(null, buffer, 60), 60);
    if (terminal >= 0) CHECK_EQ(write(terminal, "x", 1), 1);
    prognos_end(op);
    CHECK_EQ(io_number("\"file\"", "\"read_bytes\""), 7);
    CHECK_EQ(io_number("\"pipe\"", "\"written_bytes\""), 20);
    CHECK_EQ(io_number("\"pipe\"", "\"read_bytes\""), 20);
    CHECK_EQ(io_number("\"socket\"", "\"written_bytes\""), 115);
    CHECK_EQ(io_number("\"socket\"", "\"read_bytes\""), 115);
    CHECK_EQ(io_number("\"socket\"", "\"reads\""), 4);
    CHECK_EQ(io_number("\"other\"", "\"written_bytes\""), 60);
    if (terminal >= 0) CHECK_EQ(io_number("\"terminal\"", "\"writes\""), 1);
}

static void a_copy_is_a_read_and_a_write(void) {
    start_tracking();
    int from = new_file(5000), to = new_file(0), pipes[2];
    NEED(pipe(pipes) == 0);
    prognos_op op = prognos_op_named("op");
    off_t offset = 1000;
    prognos_begin(op);
    CHECK_EQ(sendfile(to, from, &offset, 2000), 2000);
    ssize_t copied = copy_file_range(from, NULL, to, NULL, 300, 0);
    CHECK(copied == 300 || errno == EXDEV || errno == ENOSYS || errno == EINVAL);
    CHECK_EQ(splice(from, NULL, pipes[1], NULL, 40, 0), 40);
    prognos_end(op);
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.read_bytes, stats.written_bytes);
    CHECK_EQ(stats.written_bytes, copied > 0 ? 2340 : 2040);
    CHECK_EQ(io_number("\"pipe\"", "\"written_bytes\""), 40);
}

static void streams_count_when_they_reach_the_kernel(void) {
    start_tracking();
    char path[] = "/tmp/prognos-io-XXXXXX", word[100];
    close(mkstemp(path));
    prognos_op writing = prognos_op_named("writing"), reading = prognos_op_named("reading");
    prognos_begin(writing);
    FILE *stream = fopen(path, "w");
    NEED(stream);
    static char own[4096];
    setvbuf(stream, own, _IOFBF, sizeof own);
    for (int i = 0; i < 100; i++)
        fprintf(stream, "line %04d\n", i); /* 1000 bytes: in the buffer */
    CHECK_EQ(stats_of(writing).io_calls, 0);
    CHECK_EQ(fflush(stream), 0);
    check_io(writing, 1, 0, 1000);
    CHECK_EQ(fwrite(buffer, 1, 8192, stream), 8192); /* whole blocks go past the buffer */
    CHECK_EQ(fwrite(buffer, 1, 10, stream), 10);
    CHECK_EQ(fclose(stream), 0);
    prognos_end(writing);
    CHECK_EQ(stats_of(writing).written_bytes, 9202);

    prognos_begin(reading);
    stream = fopen(path, "r");
    NEED(stream);
    setvbuf(stream, own, _IOFBF, sizeof own);
    CHECK(fgets(word, sizeof word, stream) == word);
    check_io(reading, 1, 4096, 0);
    CHECK_EQ(fread(buffer, 1, 90, stream), 90);
    check_io(reading, 1, 4096, 0);
    CHECK_EQ(fseek(stream, 8192, SEEK_SET), 0);
    CHECK_EQ(fgetc(stream), 0);
    CHECK_EQ(fclose(stream), 0);
    prognos_end(reading);
    check_io(reading, 2, 4096 + 1010, 0);
    char *json = rendered(PROGNOS_JSON);
    const char *io = strstr(json, "\"io\"");
    CHECK_EQ(number_after(io, "\"opens\"", "\"calls\""), 1);
    CHECK_EQ(number_after(io, "\"closes\"", "\"calls\""), 1);
    free(json);
    unlink(path);
}

static double ratio_of(prognos_op op) {
    return stats_of(op).sequential_ratio;
}

static void sequential_requests_are_told_from_random_ones(void) {
    start_tracking();
    int fd = new_file(1 << 20);
    prognos_op ordered = prognos_op_named("ordered"), random = prognos_op_named("random"),
               sought = prognos_op_named("sought"), rewound = prognos_op_named("rewound");
    prognos_begin(ordered);
    for (off_t at = 0; at < 50 * 4096; at += 4096)
        CHECK_EQ(pread(fd, buffer, 4096, at), 4096);
    prognos_end(ordered);
    CHECK(ratio_of(ordered) == 1);
    prognos_begin(random);
    for (off_t i = 1; i <= 50; i++)
        CHECK_EQ(pread(fd, buffer, 512, i * 7919 % 256 * 4096), 512);
    prognos_end(random);
    CHECK(ratio_of(random) == 0);
    prognos_begin(sought);
    for (off_t i = 0; i < 50; i++) {
        CHECK_EQ(lseek(fd, (50 - i) * 8192, SEEK_SET), (50 - i) * 8192);
        CHECK_EQ(read(fd, buffer, 512), 512);
    }
    prognos_end(sought);
    CHECK(ratio_of(sought) == 0);
    int copy = dup(new_file(1 << 20)); /* a descriptor that begins in the midst */
    NEED(lseek(copy, 5000, SEEK_SET) == 5000);
    prognos_begin(rewound);
    for (int i = 0; i < 50; i++)
        CHECK_EQ(read(copy, buffer, 100), 100);
    lseek(copy, 0, SEEK_SET);
    for (int i = 0; i < 50; i++)
        CHECK_EQ(read(copy, buffer, 100), 100);
    prognos_end(rewound);
    CHECK(ratio_of(rewound) == 0.99);
}

static void a_number_that_is_used_again_is_a_new_descriptor(void) {
    start_tracking();
    prognos_op op = prognos_op_named("op");
    int fd = new_file(100), sockets[2];
    prognos_begin(op);
    CHECK_EQ(read(fd, buffer, 10), 10);
    close(fd);
    int pipes[2];
    NEED(pipe(pipes) == 0);
    CHECK_EQ(pipes[0], fd);
    CHECK_EQ(write(pipes[1], buffer, 10), 10);
    CHECK_EQ(read(pipes[0], buffer, 10), 10);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    CHECK_EQ(dup2(sockets[0], pipes[0]), pipes[0]);
    CHECK_EQ(write(pipes[0], buffer, 10), 10);
    prognos_end(op);
    CHECK_EQ(io_number("\"file\"", "\"reads\""), 1);
    CHECK_EQ(io_number("\"pipe\"", "\"reads\""), 1);
    CHECK_EQ(io_number("\"socket\"", "\"writes\""), 1);
}

static void syncs_failures_and_waits_are_counted(void) {
    start_tracking();
    prognos_op op = prognos_op_named("op");
    int fd = new_file(100), pipes[2];
    NEED(pipe2(pipes, O_NONBLOCK) == 0);
    struct pollfd one = {.fd = pipes[0], .events = POLLIN};
    struct timespec brief = {0, 1000};
    sem_t semaphore;
    sem_init(&semaphore, 0, 1);
    prognos_begin(op);
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(fdatasync(fd), 0);
    errno = 0;
    CHECK_EQ(read(pipes[0], buffer, 1), -1); /* to be tried again: no failure */
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(read(-1, buffer, 1), -1);
    CHECK_EQ(errno, EBADF);
    CHECK_EQ(poll(&one, 1, 0), 0);
    CHECK_EQ(nanosleep(&brief, NULL), 0);
    CHECK_EQ(usleep(1), 0);
    CHECK_EQ(sem_wait(&semaphore), 0);
    CHECK_EQ(open("/nowhere/at/all", O_RDONLY), -1);
    CHECK_EQ(errno, ENOENT);
    prognos_end(op);
    CHECK_EQ(stats_of(op).io_calls, 2);
    CHECK_EQ(io_number("\"syncs\"", "\"calls\""), 2);
    CHECK_EQ(io_number("\"polls\"", "\"calls\""), 1);
    CHECK_EQ(io_number("\"pauses\"", "\"calls\""), 2);
    CHECK_EQ(io_number("\"signals\"", "\"calls\""), 1);
    CHECK_EQ(io_number("\"opens\"", "\"calls\""), 1);
    CHECK_EQ(io_number("\"opens\"", "\"failed\""), 2);
}

static void writes_that_wait_for_the_disk_are_counted(void) {
    start_tracking();
    char path[] = "/tmp/prognos-io-XXXXXX";
    close(mkstemp(path));
    int fd = open(path, O_WRONLY | O_DSYNC | O_APPEND);
    NEED(fd >= 0);
    unlink(path);
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(write(fd, buffer, 10), 10);
    prognos_end(op);
    CHECK_EQ(io_number("\"io\"", "\"durable_writes\""), 3);
    CHECK(ratio_of(op) == 1);
}

static int pipe_of_handler[2];

static void write_in_handler(int signal) {
    (void)signal;
    int saved = errno;
    NEED(write(pipe_of_handler[1], "x", 1) == 1);
    errno = saved;
}

static void every_write_of_a_handler_is_counted_somewhere(void) {
    start_tracking();
    NEED(pipe(pipe_of_handler) == 0);
    int null = open("/dev/null", O_WRONLY);
    signal(SIGUSR1, write_in_handler);
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    uint64_t writes = 0;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (int i = 0; i < 3000; i++)
            kill(parent, SIGUSR1);
        _exit(0);
    }
    for (int status; waitpid(child, &status, WNOHANG) == 0; writes++) {
        CHECK_EQ(write(null, buffer, 1), 1);
        call(op);
    }
    prognos_end(op);
    close(pipe_of_handler[1]);
    uint64_t handled = 0;
    for (ssize_t got; (got = read(pipe_of_handler[0], buffer, sizeof buffer)) > 0;)
        handled += (uint64_t)got;
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.written_bytes + diagnostics().unattributed_io, writes + handled);
}

static void a_forked_child_counts_its_own(void) {
    start_tracking();
    int fd = new_file(1000);
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    CHECK_EQ(read(fd, buffer, 100), 100);
    prognos_end(op);
    pid_t child = fork();
    if (child == 0) {
        prognos_begin(op);
        CHECK_EQ(pread(fd, buffer, 10, 0), 10);
        CHECK_EQ(pread(fd, buffer, 10, 10), 10);
        prognos_end(op);
        check_io(op, 2, 20, 0);
        CHECK(ratio_of(op) == 1);
        CHECK_EQ(io_number("\"file\"", "\"reads\""), 2);
        _exit(check_failures != 0);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    check_io(op, 1, 100, 0);
}

static int stopping;

static void *read_and_write(void *unused) {
    int fd = new_file(4096), null = open("/dev/null", O_WRONLY);
    (void)unused;
    prognos_op op = prognos_op_named("op");
    while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
        prognos_begin(op);
        CHECK_EQ(pread(fd, buffer, 0, 0), 0);
        CHECK_EQ(write(null, "12345", 5), 5);
        FILE *stream = fopen("/proc/self/stat", "r");
        NEED(stream);
        CHECK_EQ(fgetc(stream) >= '0', 1);
        fclose(stream);
        prognos_end(op);
    }
    close(fd);
    close(null);
    return NULL;
}

static void hooks_come_and_go_while_threads_are_at_work(void) {
    pthread_t threads[4];
    start_tracking();
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    for (int i = 0; i < 4; i++)
        threads[i] = started(read_and_write, NULL);
    for (int i = 0; i < 1000; i++) {
        start_tracking();
        CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    }
    __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++)
        joined(threads[i]);
    CHECK(!(capabilities().track & PROGNOS_TRACK_IO));
    prognos_set_enabled(true);
    prognos_op op = prognos_op_named("after");
    int fd = new_file(100);
    prognos_begin(op);
    CHECK_EQ(read(fd, buffer, 10), 10);
    FILE *stream = fopen("/proc/self/stat", "r");
    CHECK_EQ(fgetc(stream) >= '0', 1);
    fclose(stream);
    prognos_end(op);
    check_io(op, 0, 0, 0);
}

static void *wait_for_ever(void *fd) {
    prognos_op op = prognos_op_named("cancelled");
    prognos_begin(op);
    NEED(read(*(int *)fd, buffer, 1) == 1);
    return NULL;
}

static void a_thread_may_be_cancelled_in_a_hooked_call(void) {
    start_tracking();
    int pipes[2];
    NEED(pipe(pipes) == 0);
    pthread_t thread = started(wait_for_ever, &pipes[0]);
    prognos_op op = prognos_op_named("cancelled");
    while (stats_of(op).active == 0)
        usleep(1000);
    pthread_cancel(thread);
    joined(thread);
    CHECK_EQ(stats_of(op).abandoned, 1);
    check_io(op, 0, 0, 0);
    CHECK_EQ(diagnostics().reentered, 0);
}

static void a_host_tells_of_what_goes_past_the_c_library(void) {
    prognos_op op = prognos_op_named("op");
    call(op);
    (void)stats_of(op); /* measures the counter */
    prognos_begin(op);
    for (int kind = PROGNOS_FILE_READ; kind <= PROGNOS_WAIT; kind++)
        prognos_io_done((prognos_io_kind)kind, 1u << kind, 1000000);
    prognos_io_done((prognos_io_kind)12, 1, 1);
    prognos_io_done((prognos_io_kind)-1, 1, 1);
    prognos_end(op);
    check_io(op, 10, 1 + 8 + 32 + 128 + 512, 2 + 16 + 64 + 256 + 1024);
    CHECK_EQ(diagnostics().bad_arguments, 2);
    uint64_t waited = stats_of(op).io_wait_ns; /* all but the wait for another thread */
    CHECK(waited > 10900000 && waited < 11100000);
    CHECK_EQ(io_number("\"socket\"", "\"read_bytes\""), 8);
    CHECK_EQ(io_number("\"pauses\"", "\"calls\""), 1);
    CHECK_EQ(io_number("\"syncs\"", "\"calls\""), 1);
}

static void advice_names_the_operation_and_the_remedy(void) {
    start_tracking();
    int fd = new_file(1 << 20);
    prognos_op op = prognos_op_named("read_file");
    prognos_begin(op);
    /* Enough of them to be worth a word. */
    for (int i = 0; i < 40000; i++) {
        if (i % 2000 == 0) lseek(fd, 0, SEEK_SET);
        CHECK_EQ(read(fd, buffer, 512), 512);
    }
    prognos_end(op);
    char *text = rendered(PROGNOS_TEXT);
    CHECK_CONTAINS(text, "BY I/O");
    CHECK_CONTAINS(text, "read_file: 40000 reads of files of 512 B, sequential, took ");
    CHECK_CONTAINS(text, ": use a bigger buffer (saves ");
    free(text);
}

/* Calls that no table of the C library shows. */
static void the_kernel_counts_what_goes_past_the_c_library(void) {
    prognos_op before = prognos_op_named("before");
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    char buffer[1000];
    int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
    NEED(zero >= 0 && null >= 0);
    prognos_begin(before); /* already open at the start */
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track = PROGNOS_TRACK_DEFAULT | PROGNOS_TRACK_KERNEL_IO;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    CHECK(capabilities().track & PROGNOS_TRACK_KERNEL_IO);
    prognos_begin(outer);
    CHECK_EQ(syscall(SYS_read, zero, buffer, 100), 100);
    prognos_begin(inner);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(syscall(SYS_write, null, buffer, 1000), 1000);
    CHECK_EQ(syscall(SYS_read, zero, buffer, 10), 10);
    prognos_end(inner);
    CHECK_EQ(read(zero, buffer, 1), 1);
    prognos_end(outer);
    prognos_end(before);
    check_io(inner, 11, 10, 10000);
    check_io(outer, 13, 111, 10000);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    close(zero);
    close(null);
}

CHECK_MAIN(CASE(reads_and_writes_count_in_their_operation),
           CASE(a_caller_counts_what_its_callees_do), CASE(kinds_are_told_apart),
           CASE(a_copy_is_a_read_and_a_write), CASE(streams_count_when_they_reach_the_kernel),
           CASE(sequential_requests_are_told_from_random_ones),
           CASE(a_number_that_is_used_again_is_a_new_descriptor),
           CASE(syncs_failures_and_waits_are_counted),
           CASE(writes_that_wait_for_the_disk_are_counted),
           CASE(every_write_of_a_handler_is_counted_somewhere), CASE(a_forked_child_counts_its_own),
           CASE(hooks_come_and_go_while_threads_are_at_work),
           CASE(a_thread_may_be_cancelled_in_a_hooked_call),
           CASE(a_host_tells_of_what_goes_past_the_c_library),
           CASE(the_kernel_counts_what_goes_past_the_c_library),
           CASE(advice_names_the_operation_and_the_remedy))
