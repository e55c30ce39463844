/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's thread, and the windows that it makes possible. */
#include "host.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>

static void start(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.collect_interval_ms = 10;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
}

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void wait_for_ticks(uint64_t more) {
    uint64_t wanted = diagnostics().collector_ticks + more;
    while (diagnostics().collector_ticks < wanted)
        pause_ms(5);
}

/* Reads a file of the thread named "prognos"; false when there is no such thread. */
static int read_of_collector(const char *file, char *text, size_t size) {
    DIR *tasks = opendir("/proc/self/task");
    int found = 0;
    NEED(tasks != NULL);
    for (struct dirent *entry; !found && (entry = readdir(tasks));) {
        char path[300], name[32] = "";
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *comm = fopen(path, "r");
        if (comm) {
            found = fgets(name, sizeof name, comm) && strcmp(name, "prognos\n") == 0;
            fclose(comm);
        }
        if (!found) continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/%s", entry->d_name, file);
        FILE *wanted = fopen(path, "r");
        if (!wanted) continue;
        text[fread(text, 1, size - 1, wanted)] = 0;
        fclose(wanted);
    }
    closedir(tasks);
    return found;
}

static void a_window_has_the_newest_calls(void) {
    prognos_op op = prognos_op_named("op"), idle = prognos_op_named("idle");
    prognos_op_stats stats;
    uint64_t wall = 0;
    call(op);
    start();
    for (int round = 1; round <= 3; round++) {
        for (prognos_window window = PROGNOS_LAST_MINUTE; window <= PROGNOS_LAST_HOUR;
             window = (prognos_window)(window + 1)) {
            CHECK_STATUS(prognos_op_read(op, window, &stats, sizeof stats), PROGNOS_OK);
            CHECK_EQ(stats.count, round);
            CHECK_LT(0, stats.wall_p50_ns);
            CHECK_LE(stats.wall_min_ns, stats.wall_max_ns);
            CHECK_LE(stats.window_ns, stats_of(op).window_ns);
            CHECK(stats.rate_per_s > 0);
            CHECK_STATUS(prognos_op_quantile(op, window, 0.5, &wall), PROGNOS_OK);
            CHECK_LT(0, wall);
            CHECK_STATUS(prognos_op_quantile(idle, window, 0.5, &wall), PROGNOS_NOT_ENOUGH_DATA);
            CHECK_CONTAINS(prognos_last_error(), "in the window");
        }
        if (round == 2) pause_ms(1300); /* into a record */
        call(op);
    }
}

static void the_process_has_windows_too(void) {
    prognos_op op = prognos_op_named("op");
    prognos_process_stats total, minute;
    memset(&minute, 0xA5, sizeof minute);
    start();
    for (int i = 0; i < 1000; i++)
        call(op);
    pause_ms(1200);
    CHECK_STATUS(prognos_process_read(PROGNOS_TOTAL, &total, sizeof total), PROGNOS_OK);
    CHECK_STATUS(prognos_process_read(PROGNOS_LAST_MINUTE, &minute, sizeof minute), PROGNOS_OK);
    CHECK(minute.operations_per_s > 0);
    CHECK_LT(0, minute.wall_p50_ns);
    CHECK_LT(0, minute.window_ns);
    CHECK_LE(minute.cpu_ns, total.cpu_ns + 1000000000);
    CHECK_LE(minute.minor_faults, total.minor_faults + 1000000);
    CHECK(minute.pressure_cpu >= 0 && minute.pressure_cpu <= 1);
    CHECK_LT(0, total.cpu_ns);
    CHECK_LT(0, total.minor_faults);
    CHECK_LT(0, total.voluntary_switches);
    CHECK_LT(0, total.disk_total_bytes);
    CHECK_LE(total.disk_free_bytes, total.disk_total_bytes);
    CHECK_LE(total.open_fds, total.fd_limit ? total.fd_limit : total.open_fds);
    CHECK_LE(total.memory_limit_bytes,
             total.cgroup_memory_limit_bytes ? total.cgroup_memory_limit_bytes : UINT64_MAX);
}

static void one_quiet_thread_runs_from_start_to_stop(void) {
    char status[4096];
    call(prognos_op_named("op"));
    CHECK(!read_of_collector("status", status, sizeof status));
    for (int round = 0; round < 3; round++) {
        start();
        wait_for_ticks(2);
        NEED(read_of_collector("status", status, sizeof status));
        const char *blocked = strstr(status, "SigBlk:");
        NEED(blocked != NULL);
        /* All but SIGKILL, SIGSTOP and the two of the C library. */
        CHECK_EQ(strtoull(blocked + 7, NULL, 16) | 0x180000000 | 1 << 8 | 1 << 18, UINT64_MAX);
        CHECK_EQ(diagnostics().threads_now, 1); /* it records nothing itself */
        CHECK_LT(0, diagnostics().collector_cpu_ns);
        CHECK_STATUS(prognos_stop(), PROGNOS_OK);
        CHECK(!read_of_collector("status", status, sizeof status));
    }
    prognos_op_stats stats;
    prognos_op op = prognos_op_named("op");
    CHECK_STATUS(prognos_op_read(op, PROGNOS_LAST_HOUR, &stats, sizeof stats), PROGNOS_OK);
    CHECK_EQ(stats.count, 1); /* what was recorded stays readable */
}

static void a_forked_child_gets_its_own_when_it_records(void) {
    prognos_op op = prognos_op_named("op");
    char status[4096];
    int result = -1;
    start();
    call(op);
    wait_for_ticks(1);
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        check_failures = 0;
        CHECK(!read_of_collector("status", status, sizeof status));
        call(op);
        wait_for_ticks(2);
        CHECK(read_of_collector("status", status, sizeof status));
        prognos_op_stats stats;
        CHECK_STATUS(prognos_op_read(op, PROGNOS_LAST_MINUTE, &stats, sizeof stats), PROGNOS_OK);
        CHECK_EQ(stats.count, 1);
        CHECK_STATUS(prognos_stop(), PROGNOS_OK);
        CHECK(!read_of_collector("status", status, sizeof status));
        fflush(NULL);
        _exit(check_failures != 0);
    }
    NEED(waitpid(child, &result, 0) == child);
    CHECK_EQ(result, 0);
    CHECK(read_of_collector("status", status, sizeof status)); /* the parent has its own still */
}

static void a_child_that_only_executes_or_stops_starts_nothing(void) {
    char status[4096];
    int result = -1;
    start();
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        check_failures = 0;
        free(malloc(100));
        CHECK(!read_of_collector("status", status, sizeof status));
        CHECK_STATUS(prognos_stop(), PROGNOS_OK);
        CHECK(!read_of_collector("status", status, sizeof status));
        _exit(check_failures != 0);
    }
    NEED(waitpid(child, &result, 0) == child);
    CHECK_EQ(result, 0);
}

static void closed_standard_streams_stay_the_hosts(void) {
    start();
    int before = dup(0);
    close(0);
    for (int i = 0; i < 200; i++) {
        // No call opens a file above a given number: a file of /proc may have 0 for the microseconds until it is
        // moved. What must not be is that it stays there.
        int opened = open("/dev/null", O_RDONLY);
        for (int again = 0; opened != 0 && again < 20; again++) {
            close(opened);
            pause_ms(1);
            opened = open("/dev/null", O_RDONLY);
        }
        CHECK_EQ(opened, 0);
        close(opened);
        pause_ms(i % 10 == 0 ? 12 : 0);
    }
    dup2(before, 0);
    close(before);
}

static void json_has_windows_once_started(void) {
    call(prognos_op_named("op"));
    char *text = rendered(PROGNOS_JSON);
    CHECK(strstr(text, "\"last_minute\"") == NULL);
    free(text);
    start();
    text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"windows\": {");
    CHECK_CONTAINS(text, "\"last_minute\": {");
    CHECK_CONTAINS(text, "\"last_hour\": {");
    free(text);
}

CHECK_MAIN(CASE(a_window_has_the_newest_calls), CASE(the_process_has_windows_too),
           CASE(one_quiet_thread_runs_from_start_to_stop),
           CASE(a_forked_child_gets_its_own_when_it_records),
           CASE(a_child_that_only_executes_or_stops_starts_nothing),
           CASE(closed_standard_streams_stay_the_hosts), CASE(json_has_windows_once_started))
