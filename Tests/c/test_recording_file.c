/* SPDX-License-Identifier: Apache-2.0 */
/* The recording as a file: where it lies, whose it is, what it never does. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* docs/recording.md */
enum {
    at_mode = 0,
    at_magic = 16,
    at_version = 24,
    at_pid = 32,
    identity = 4096,
    at_start = identity + 16,
    at_state = identity + 48,
    at_mode_when_on = identity + 52,
    at_command = identity + 272,
    at_target = identity + 1536
};

static char place[128]; /* a directory of the test's own, in memory */
static char disk[128];  /* one that is on a disk, where there is one */

/* Cases run in children of this process, which end by _exit or die: what they leave is removed by it. */
static pid_t family;

static void leave_all(void) {
    char pattern[64];
    if (getpid() != family) return;
    for (int i = 0; i < 2; i++) {
        snprintf(pattern, sizeof pattern, "rm -rf /%s/prognos-test-%d-*", i ? "var/tmp" : "dev/shm",
                 (int)family);
        if (system(pattern) != 0) perror(pattern);
    }
}

__attribute__((constructor)) static void begin_family(void) {
    family = getpid();
    atexit(leave_all);
}

/* Lets live files be made in a directory of the test's own: default places are not to be touched. */
static void make_places(void) {
    snprintf(place, sizeof place, "/dev/shm/prognos-test-%d-%d", (int)family, (int)getpid());
    snprintf(disk, sizeof disk, "/var/tmp/prognos-test-%d-%d", (int)family, (int)getpid());
    NEED(mkdir(place, 0700) == 0);
    NEED(mkdir(disk, 0700) == 0);
}

static char *path_of(const char *directory, const char *name) {
    static char paths[8][300];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static prognos_status start_in(const char *path, prognos_options *options) {
    prognos_options own;
    if (!options) {
        prognos_options_default(&own, sizeof own);
        own.track = PROGNOS_TRACK_CPU;
        options = &own;
    }
    options->recording_path = path;
    return prognos_start(options, sizeof *options);
}

static prognos_options plain_options(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track = PROGNOS_TRACK_CPU;
    return options;
}

static uint64_t word_of(const char *path, size_t at, size_t bytes) {
    uint64_t value = 0;
    int fd = open(path, O_RDONLY);
    NEED(fd >= 0);
    CHECK_EQ(pread(fd, &value, bytes, (off_t)at), bytes);
    close(fd);
    return value;
}

static const char *text_of(const char *path, size_t at) {
    static char text[1024];
    int fd = open(path, O_RDONLY);
    NEED(fd >= 0);
    NEED(pread(fd, text, sizeof text - 1, (off_t)at) > 0);
    close(fd);
    return text;
}

static bool exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static int entries_of(const char *path) {
    int count = 0;
    DIR *directory = opendir(path);
    NEED(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* Runs in a forked child that has no recording yet; returns its wait status. */
static int in_a_process(void (*body)(const char *), const char *argument) {
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        alarm(60);
        check_failures = 0;
        body(argument);
        fflush(NULL);
        exit(check_failures != 0);
    }
    NEED(waitpid(child, &status, 0) == child);
    return status;
}

static void record_once(const char *path) {
    CHECK_STATUS(start_in(path, NULL), PROGNOS_OK);
    call(prognos_op_named("op"));
}

static void record_and_die(const char *path) {
    record_once(path);
    kill(getpid(), SIGKILL);
}

static void a_file_is_made_and_says_whose_it_is(void) {
    make_places();
    char *path = path_of(place, "a.prognos");
    umask(0777); /* must not matter */
    CHECK_STATUS(start_in(path, NULL), PROGNOS_OK);
    struct stat status;
    NEED(stat(path, &status) == 0);
    CHECK_EQ(status.st_mode & 07777, 0600);
    CHECK_TEXT(capabilities().recording_path, path);
    CHECK_EQ(memcmp(text_of(path, at_magic), "PROGNOS", 8), 0);
    CHECK_EQ(word_of(path, at_version, 4), 3);
    CHECK_EQ(word_of(path, at_pid, 4), getpid());
    CHECK_NE(word_of(path, at_start, 8), 0);
    CHECK_EQ(word_of(path, at_state, 4), 1);
    CHECK_TEXT(text_of(path, at_command), "test_recording_");
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK_EQ(word_of(path, at_state, 4), 2);
    CHECK(exists(path));
    CHECK_STATUS(start_in(path, NULL), PROGNOS_OK); /* its own, again */
    CHECK_EQ(word_of(path, at_state, 4), 1);
    CHECK(!exists(path_of(place, "a.prognos.1")));
}

static void a_process_that_ends_says_so(void) {
    make_places();
    char *path = path_of(place, "a.prognos");
    CHECK_EQ(in_a_process(record_once, path), 0);
    CHECK_EQ(word_of(path, at_state, 4), 3);
    char *other = path_of(place, "b.prognos");
    CHECK_EQ(WTERMSIG(in_a_process(record_and_die, other)), SIGKILL);
    CHECK_EQ(word_of(other, at_state, 4), 1);
}

static void nothing_but_older_recordings_is_replaced(void) {
    make_places();
    char *path = path_of(place, "a.prognos"), *link = path_of(place, "link");
    char *foreign = path_of(place, "notes.txt");
    FILE *file = fopen(foreign, "w");
    NEED(file && fputs("mine", file) >= 0 && fclose(file) == 0);
    CHECK_STATUS(start_in(foreign, NULL), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), foreign);
    CHECK_CONTAINS(prognos_last_error(), "is no recording");
    CHECK_TEXT(text_of(foreign, 0), "mine");
    NEED(symlink(foreign, link) == 0);
    CHECK_STATUS(start_in(link, NULL), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "no regular file");
    NEED(unlink(link) == 0 && symlink(path_of(place, "nowhere"), link) == 0);
    CHECK_STATUS(start_in(link, NULL), PROGNOS_IO_ERROR);
    CHECK(!exists(path_of(place, "nowhere")));
    CHECK_STATUS(start_in(path_of(place, "no/such/directory"), NULL), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "No such file or directory");
    CHECK(capabilities().recording_path == NULL);
    CHECK_CONTAINS(capabilities().recording_reason, "private memory");
    call(prognos_op_named("op")); /* goes on */
    CHECK_EQ(count_of(1), 1);
    CHECK_STATUS(prognos_stop(), PROGNOS_NOT_STARTED);
    /* What was recorded before moves along. */
    CHECK_STATUS(start_in(path, NULL), PROGNOS_OK);
    CHECK_TEXT(capabilities().recording_path, path);
    CHECK_EQ(count_of(1), 1);
}

static void expect_busy(const char *path) {
    CHECK_STATUS(start_in(path, NULL), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "alive");
}

static void a_recording_of_a_living_process_is_never_replaced(void) {
    make_places();
    char *path = path_of(place, "a.prognos");
    int ready[2];
    char byte;
    NEED(pipe(ready) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        alarm(60);
        record_once(path);
        NEED(write(ready[1], "x", 1) == 1);
        for (;;)
            pause();
    }
    NEED(read(ready[0], &byte, 1) == 1);
    CHECK_EQ(in_a_process(expect_busy, path), 0);
    CHECK_EQ(word_of(path, at_pid, 4), child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK_EQ(in_a_process(record_once, path), 0);
    CHECK_EQ(word_of(path_of(place, "a.prognos.1"), at_pid, 4), child);
    CHECK_NE(word_of(path, at_pid, 4), child);
}

static void keep_two(const char *path) {
    prognos_options options = plain_options();
    options.recording_keep = 2;
    CHECK_STATUS(start_in(path, &options), PROGNOS_OK);
}

static void keep_bytes(const char *path) {
    prognos_options options = plain_options();
    options.recording_keep_bytes = 1 << 20; /* less than one takes */
    CHECK_STATUS(start_in(path, &options), PROGNOS_OK);
}

static void older_recordings_are_numbered_and_the_oldest_go(void) {
    make_places();
    char *path = path_of(place, "a.prognos");
    for (int i = 0; i < 5; i++)
        CHECK_EQ(in_a_process(keep_two, path), 0);
    CHECK_EQ(entries_of(place), 3);
    CHECK(exists(path_of(place, "a.prognos.2")));
    CHECK(word_of(path_of(place, "a.prognos.2"), at_start, 8) <=
          word_of(path_of(place, "a.prognos.1"), at_start, 8));
    CHECK_EQ(in_a_process(keep_bytes, path), 0);
    CHECK_EQ(entries_of(place), 1);
}

static prognos_status start_ticking(const char *path) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.collect_interval_ms = 10;
    return start_in(path, &options);
}

static void record_yesterday(const char *path) {
    CHECK_STATUS(start_ticking(path), PROGNOS_OK);
    prognos_op yesterday = prognos_op_named("yesterday");
    for (uint64_t first = diagnostics().collector_ticks;
         diagnostics().collector_ticks < first + 3;) {
        call(yesterday);
        usleep(1000);
    }
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

static void a_restarted_program_goes_on_with_its_history(void) {
    make_places();
    char *path = path_of(place, "service.prognos");
    CHECK_EQ(in_a_process(record_yesterday, path), 0);
    CHECK_STATUS(start_ticking(path), PROGNOS_OK);
    CHECK_EQ(prognos_op_count(), 1); /* what the history knows has a name again */
    CHECK_TEXT(prognos_op_name(1), "yesterday");
    CHECK_EQ(stats_of(1).count, 0); /* numbers are this process's own */
    prognos_op_stats minute;
    CHECK_STATUS(prognos_op_read(1, PROGNOS_LAST_MINUTE, &minute, sizeof minute), PROGNOS_OK);
    CHECK_EQ(minute.count, 0);
    call(prognos_op_named("yesterday"));
    CHECK_EQ(prognos_op_count(), 1);
    CHECK_EQ(count_of(1), 1);
}

static void a_damaged_predecessor_is_left_alone(void) {
    make_places();
    char *path = path_of(place, "service.prognos");
    CHECK_EQ(in_a_process(record_yesterday, path), 0);
    NEED(truncate(path, 3 * 4096 + 17) == 0);
    CHECK_STATUS(start_ticking(path), PROGNOS_OK);
    call(prognos_op_named("today"));
    CHECK_EQ(count_of(prognos_op_named("today")), 1);
}

static void a_directory_and_a_number_in_the_path(void) {
    make_places();
    char name[64];
    snprintf(name, sizeof name, "test_recording_.%d.prognos", (int)getpid());
    CHECK_STATUS(start_in(place, NULL), PROGNOS_OK);
    CHECK_TEXT(capabilities().recording_path, path_of(place, name));
}

static void the_number_of_the_process(void) {
    make_places();
    char name[64];
    snprintf(name, sizeof name, "x-%d-y", (int)getpid());
    CHECK_STATUS(start_in(path_of(place, "x-%p-y"), NULL), PROGNOS_OK);
    CHECK_TEXT(capabilities().recording_path, path_of(place, name));
}

static bool is_in_memory(const char *path) {
    char command[512];
    snprintf(command, sizeof command, "stat -f -c %%T '%s' | grep -q -e tmpfs -e ramfs", path);
    return system(command) == 0;
}

static void a_path_on_a_disk_gets_its_copy_at_stop(void) {
    make_places();
    if (is_in_memory(disk)) {
        printf("skipped: %s is in memory, too\n", disk);
        return;
    }
    char *path = path_of(disk, "a.prognos");
    CHECK_STATUS(start_in(path, NULL), PROGNOS_OK);
    char live[300];
    snprintf(live, sizeof live, "%s", capabilities().recording_path);
    CHECK(strcmp(live, path) != 0);
    CHECK(is_in_memory(live));
    CHECK(!exists(path));
    CHECK_TEXT(text_of(live, at_target), path);
    call(prognos_op_named("op"));
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    struct stat status;
    NEED(stat(path, &status) == 0);
    CHECK_EQ(status.st_mode & 07777, 0600);
    CHECK_EQ(word_of(path, at_state, 4), 2);
    CHECK_EQ(word_of(path, at_pid, 4), getpid());
    CHECK((uint64_t)status.st_blocks * 512 < 4u << 20); /* with holes */
    CHECK_EQ(entries_of(disk), 1);
    unlink(live);
}

static char live_of_child[300];

static void record_and_tell(const char *path) {
    record_once(path);
    FILE *file = fopen(live_of_child, "w");
    NEED(file && fputs(capabilities().recording_path, file) >= 0 && fclose(file) == 0);
}

static void a_path_on_a_disk_gets_its_copy_at_exit_and_the_live_file_goes(void) {
    make_places();
    char *path = path_of(disk, "a.prognos");
    snprintf(live_of_child, sizeof live_of_child, "%s/live", place);
    CHECK_EQ(in_a_process(record_and_tell, path), 0);
    CHECK_EQ(word_of(path, at_state, 4), 3);
    if (!is_in_memory(disk)) CHECK(!exists(text_of(live_of_child, 0)));
}

static void the_path_itself_even_on_a_disk(void) {
    make_places();
    char *path = path_of(disk, "a.prognos");
    prognos_options options = plain_options();
    options.recording_flags = PROGNOS_RECORDING_DIRECT;
    CHECK_STATUS(start_in(path, &options), PROGNOS_OK);
    CHECK_TEXT(capabilities().recording_path, path);
    call(prognos_op_named("op"));
    CHECK_EQ(word_of(path, at_state, 4), 1);
}

static void a_directory_that_cannot_be_written(void) {
    make_places();
    NEED(chmod(place, 0500) == 0);
    NEED(geteuid() != 0 || seteuid(65534) == 0);
    prognos_status status = start_in(path_of(place, "a"), NULL);
    NEED(geteuid() != 65534 || seteuid(0) == 0);
    CHECK_STATUS(status, PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "Permission denied");
    call(prognos_op_named("op"));
    CHECK_EQ(count_of(1), 1);
    NEED(chmod(place, 0700) == 0);
}

static void a_limit_on_files_is_an_error_and_no_signal(void) {
    make_places();
    struct rlimit limit = {1 << 20, 1 << 20};
    NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK_STATUS(start_in(path_of(place, "a"), NULL), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "File too large");
    CHECK(!exists(path_of(place, "a")));
}

/* Paths of many lengths on two threads: the arena grows. */
static void *fill(void *unused) {
    char name[32];
    for (int i = 0; i < 4000; i++) {
        snprintf(name, sizeof name, "op-%d", i);
        prognos_op op = prognos_op_named(name);
        for (int k = 0; k < 6; k++)
            call(op);
    }
    return unused;
}

/* In a mount namespace of its own, where that is allowed; else says so. */
static bool mount_small(const char *path, const char *size) {
    char options[64];
    snprintf(options, sizeof options, "size=%s,mode=0777", size);
    if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("small", path, "tmpfs", 0, options) != 0) {
        printf("skipped: no file system of our own can be mounted: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static void a_full_file_system_is_a_full_recording(void) {
    make_places();
    if (!mount_small(place, "5m")) return;
    CHECK_STATUS(start_in(path_of(place, "a"), NULL), PROGNOS_OK);
    in_a_thread(fill, NULL);
    CHECK(diagnostics().untracked_paths > 0);
    CHECK_EQ(count_of(1), 6); /* counted all the same */
    CHECK_EQ(count_of(prognos_op_named("op-3999")), 6);
    umount2(place, MNT_DETACH);
}

static void a_file_system_without_room_for_the_tables_is_an_error(void) {
    make_places();
    if (!mount_small(place, "1m")) return;
    CHECK_STATUS(start_in(path_of(place, "a"), NULL), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "No space left on device");
    CHECK_EQ(entries_of(place), 0);
    call(prognos_op_named("op"));
    CHECK_EQ(count_of(1), 1);
    umount2(place, MNT_DETACH);
}

static void the_arena_grows_in_the_file(void) {
    make_places();
    char *path = path_of(place, "a");
    CHECK_STATUS(start_in(path, NULL), PROGNOS_OK);
    struct stat before, after;
    NEED(stat(path, &before) == 0);
    in_a_thread(fill, NULL);
    NEED(stat(path, &after) == 0);
    CHECK(after.st_blocks > before.st_blocks);
    CHECK_EQ(after.st_size, before.st_size);
    CHECK_EQ(diagnostics().untracked_paths, 0);
}

/* ---- forks ---- */

static prognos_op op;

static void fork_and_check(void (*in_child)(void), int expected) {
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        alarm(60);
        check_failures = 0;
        in_child();
        fflush(NULL);
        exit(check_failures != 0);
    }
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, expected);
}

static void record_beside(void) {
    char name[64];
    snprintf(name, sizeof name, "a.%d.prognos", (int)getpid());
    CHECK(capabilities().recording_path == NULL);
    CHECK_CONTAINS(capabilities().recording_reason, "not recorded yet");
    CHECK(!exists(path_of(place, name)));
    CHECK_EQ(count_of(op), 0);
    for (int i = 0; i < 3; i++)
        call(op);
    CHECK_TEXT(capabilities().recording_path, path_of(place, name));
    CHECK_EQ(word_of(path_of(place, name), at_pid, 4), getpid());
    CHECK_EQ(count_of(op), 3);
}

static void do_nothing(void) {
}

static void die_at_once(void) {
    kill(getpid(), SIGKILL);
}

static void a_child_makes_a_file_of_its_own_when_it_records(void) {
    make_places();
    char *path = path_of(place, "a.prognos");
    CHECK_STATUS(start_in(path, NULL), PROGNOS_OK);
    op = prognos_op_named("op");
    prognos_begin(op);
    fork_and_check(record_beside, 0);
    CHECK_EQ(entries_of(place), 2);
    fork_and_check(do_nothing, 0);
    fork_and_check(die_at_once, SIGKILL);
    CHECK_EQ(entries_of(place), 2);
    prognos_end(op);
    CHECK_EQ(count_of(op), 1);
    CHECK_EQ(word_of(path, at_pid, 4), getpid());
    CHECK_EQ(word_of(path, at_state, 4), 1);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

static void record_nothing(void) {
    CHECK(!prognos_is_enabled());
    call(op);
    CHECK_EQ(count_of(op), 0);
    CHECK(capabilities().recording_path == NULL);
    CHECK_EQ(entries_of(place), 1);
    prognos_set_enabled(true);
    call(op);
    CHECK_EQ(count_of(op), 1);
    CHECK(capabilities().recording_path != NULL);
}

static void a_quiet_child_records_nothing_until_it_is_told_to(void) {
    make_places();
    prognos_options options = plain_options();
    options.on_fork = PROGNOS_FORK_QUIET;
    CHECK_STATUS(start_in(path_of(place, "a.prognos"), &options), PROGNOS_OK);
    op = prognos_op_named("op");
    call(op);
    fork_and_check(record_nothing, 0);
    CHECK(prognos_is_enabled());
    CHECK_EQ(count_of(op), 1);
}

/* Other handlers of the fork record, too: they must not reach the parent's file from the child. */
static int in_handler_of_child;
static void record_in_handler(void) {
    in_handler_of_child++;
    for (int i = 0; i < 1000; i++)
        call(op);
}

static void check_handler(void) {
    CHECK_EQ(in_handler_of_child, 1);
}

static void handlers_of_the_fork_do_not_reach_the_parents_file(void) {
    make_places();
    NEED(pthread_atfork(NULL, NULL, record_in_handler) == 0); /* before ours */
    CHECK_STATUS(start_in(path_of(place, "a.prognos"), NULL), PROGNOS_OK);
    op = prognos_op_named("op");
    call(op);
    for (int i = 0; i < 20; i++)
        fork_and_check(check_handler, 0);
    CHECK_EQ(count_of(op), 1);
    CHECK_EQ(stats_of(op).active, 0);
}

static volatile int finished;
static void *record_all_the_time(void *counter) {
    uint64_t count = 0;
    while (!finished) {
        call(op);
        count++;
        if (count % 1000 == 0) {
            char name[32];
            snprintf(name, sizeof name, "new-%u", (unsigned)(count / 1000 % 3000));
            prognos_op_named(name);
        }
    }
    *(uint64_t *)counter = count;
    return NULL;
}

static void record_next_to_what_the_fork_met(void) {
    size_t before = prognos_op_count();
    for (size_t i = 1; i <= before; i++)
        CHECK_EQ(prognos_op_named(prognos_op_name((prognos_op)i)), i);
    CHECK_EQ(prognos_op_named("of the child"), before + 1);
    CHECK_EQ(count_of(op), 0);
    call(op);
    CHECK_EQ(count_of(op), 1);
}

static void a_fork_may_meet_threads_that_record_into_the_file(void) {
    make_places();
    CHECK_STATUS(start_in(path_of(place, "a.prognos"), NULL), PROGNOS_OK);
    op = prognos_op_named("op");
    pthread_t threads[2];
    uint64_t counts[2];
    for (int i = 0; i < 2; i++)
        threads[i] = started(record_all_the_time, &counts[i]);
    for (int i = 0; i < 50; i++)
        fork_and_check(record_next_to_what_the_fork_met, 0);
    finished = 1;
    for (int i = 0; i < 2; i++)
        joined(threads[i]);
    CHECK_EQ(count_of(op), counts[0] + counts[1]);
}

/* ---- exec, daemons, the switch ---- */

static void exec_leaves_the_recording_of_the_program_before(void) {
    make_places();
    char script[600], *path = path_of(place, "a.prognos");
    int status;
    /* The program itself, again: PROGNOS_RECORDING makes even the lazy recording a file. */
    snprintf(script, sizeof script, "%s", path);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        record_once(path);
        setenv("PROGNOS_RECORDING", path, 1);
        execl("/proc/self/exe", "test_recording_file", "exec_again", (char *)NULL);
        _exit(98);
    }
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    CHECK_EQ(word_of(path, at_pid, 4), child);
    CHECK_EQ(word_of(path_of(place, "a.prognos.1"), at_pid, 4), child);
    CHECK_EQ(word_of(path, at_state, 4), 3);
    CHECK_EQ(word_of(path_of(place, "a.prognos.1"), at_state, 4), 1);
}

/* Not a case of its own: what the case above executes. */
static void exec_again(void) {
    if (!getenv("PROGNOS_RECORDING")) return;
    call(prognos_op_named("op"));
    CHECK_TEXT(capabilities().recording_path, getenv("PROGNOS_RECORDING"));
}

static void a_daemon_closes_all_descriptors(void) {
    make_places();
    CHECK_STATUS(start_in(path_of(place, "a"), NULL), PROGNOS_OK);
    fflush(NULL);
    int kept = dup(2);
    for (int fd = 0; fd < 256; fd++)
        if (fd != kept) close(fd);
    in_a_thread(fill, NULL); /* grows */
    NEED(dup2(kept, 2) == 2 && dup2(kept, 1) == 1);
    CHECK_EQ(diagnostics().untracked_paths, 0);
    CHECK_EQ(count_of(1), 6);
}

static void closed_standard_streams_are_not_the_file(void) {
    make_places();
    fflush(NULL);
    int kept = dup(2);
    close(0);
    close(1);
    close(2);
    prognos_status status = start_in(path_of(place, "a"), NULL);
    NEED(dup2(kept, 2) == 2 && dup2(kept, 1) == 1);
    CHECK_STATUS(status, PROGNOS_OK);
    CHECK_EQ(memcmp(text_of(path_of(place, "a"), at_magic), "PROGNOS", 8), 0);
}

static void recording_is_switched_from_outside(void) {
    make_places();
    char *path = path_of(place, "a");
    CHECK_STATUS(start_in(path, NULL), PROGNOS_OK);
    op = prognos_op_named("op");
    int fd = open(path, O_RDWR);
    NEED(fd >= 0);
    uint32_t *mode = (uint32_t *)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    NEED(mode != MAP_FAILED);
    uint32_t on = mode[at_mode_when_on / 4];
    CHECK_EQ(mode[0], on);
    mode[0] = 0;
    CHECK(!prognos_is_enabled());
    CHECK_EQ(*prognos_recording_flag, 0);
    call(op);
    CHECK_EQ(count_of(op), 0);
    mode[0] = on;
    CHECK(prognos_is_enabled());
    CHECK_NE(*prognos_recording_flag, 0);
    call(op);
    CHECK_EQ(count_of(op), 1);
    mode[0] = 0;
    prognos_set_enabled(true);
    CHECK_EQ(mode[0], on);
    call(op);
    prognos_set_enabled(false);
    CHECK_EQ(mode[0], 0);
    mode[0] = on;
    call(op);
    CHECK_EQ(count_of(op), 3);
}

static void *stay(void *gate) {
    call(op);
    while (!*(volatile int *)gate)
        sched_yield();
    call(op);
    return NULL;
}

static void a_recording_that_other_threads_write_stays_where_it_is(void) {
    make_places();
    static volatile int gate;
    op = prognos_op_named("op");
    pthread_t thread = started(stay, (void *)&gate);
    while (count_of(op) == 0)
        sched_yield();
    CHECK_STATUS(start_in(path_of(place, "a"), NULL), PROGNOS_LIMIT_REACHED);
    CHECK_CONTAINS(prognos_last_error(), "began before");
    CHECK(capabilities().recording_path == NULL);
    gate = 1;
    joined(thread);
    CHECK_EQ(count_of(op), 2);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK_STATUS(start_in(path_of(place, "a"), NULL), PROGNOS_OK);
    CHECK_TEXT(capabilities().recording_path, path_of(place, "a"));
    CHECK_EQ(count_of(op), 2);
    CHECK_STATUS(start_in(path_of(place, "a"), NULL), PROGNOS_ALREADY_STARTED);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK_STATUS(start_in(path_of(place, "b"), NULL), PROGNOS_LIMIT_REACHED);
}

static void a_path_of_the_environment_that_cannot_be_had_is_no_error(void) {
    setenv("PROGNOS_RECORDING", "/no/such/place", 1);
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    CHECK(capabilities().recording_path == NULL);
    CHECK_CONTAINS(capabilities().recording_reason, "/no/such/place: No such file");
    op = prognos_op_named("op");
    call(op);
    CHECK_EQ(count_of(op), 1);
}

CHECK_MAIN(CASE(a_file_is_made_and_says_whose_it_is), CASE(a_process_that_ends_says_so),
           CASE(nothing_but_older_recordings_is_replaced),
           CASE(a_recording_of_a_living_process_is_never_replaced),
           CASE(older_recordings_are_numbered_and_the_oldest_go),
           CASE(a_restarted_program_goes_on_with_its_history),
           CASE(a_damaged_predecessor_is_left_alone), CASE(a_directory_and_a_number_in_the_path),
           CASE(the_number_of_the_process), CASE(a_path_on_a_disk_gets_its_copy_at_stop),
           CASE(a_path_on_a_disk_gets_its_copy_at_exit_and_the_live_file_goes),
           CASE(the_path_itself_even_on_a_disk), CASE(a_directory_that_cannot_be_written),
           CASE(a_limit_on_files_is_an_error_and_no_signal),
           CASE(a_full_file_system_is_a_full_recording),
           CASE(a_file_system_without_room_for_the_tables_is_an_error),
           CASE(the_arena_grows_in_the_file), CASE(a_child_makes_a_file_of_its_own_when_it_records),
           CASE(a_quiet_child_records_nothing_until_it_is_told_to),
           CASE(handlers_of_the_fork_do_not_reach_the_parents_file),
           CASE(a_fork_may_meet_threads_that_record_into_the_file),
           CASE(exec_leaves_the_recording_of_the_program_before), CASE(exec_again),
           CASE(a_daemon_closes_all_descriptors), CASE(closed_standard_streams_are_not_the_file),
           CASE(recording_is_switched_from_outside),
           CASE(a_recording_that_other_threads_write_stays_where_it_is),
           CASE(a_path_of_the_environment_that_cannot_be_had_is_no_error))
