/* SPDX-License-Identifier: Apache-2.0 */
/* A profile as text in a buffer and as a file. */
#include "host.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const prognos_format written[] = {PROGNOS_JSON, PROGNOS_TEXT, PROGNOS_FOLDED,
                                         PROGNOS_TEXT_ASCII};
static char directory[64], path[128];

static void record(void) {
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    for (int i = 0; i < 10; i++) {
        prognos_begin(outer);
        call(inner);
        prognos_end(outer);
    }
    strcpy(directory, "/tmp/prognos-test-XXXXXX");
    NEED(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/profile", directory);
}

static int files_in_directory(void) {
    int count = 0;
    DIR *listing = opendir(directory);
    NEED(listing != NULL);
    while (readdir(listing))
        count++;
    closedir(listing);
    return count - 2; /* . and .. */
}

static void clean_up(void) {
    unlink(path);
    CHECK_EQ(files_in_directory(), 0); /* nothing else is left behind */
    rmdir(directory);
}

static void write_old(void) {
    FILE *file = fopen(path, "w");
    NEED(file && fputs("old", file) >= 0 && fclose(file) == 0);
}

/* The file's length, with its first bytes in `start`. */
static long length_of(const char *name, char *start, size_t capacity) {
    FILE *file = fopen(name, "r");
    if (!CHECK(file != NULL)) return -1;
    size_t got = fread(start, 1, capacity - 1, file);
    start[got] = 0;
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    fclose(file);
    return length;
}

static void rendering_keeps_snprintfs_contract(void) {
    record();
    for (int i = 0; i < 4; i++) {
        size_t needed = 0, again = 0;
        CHECK_STATUS(prognos_render(written[i], NULL, 0, &needed), PROGNOS_OK);
        CHECK_LT(20, needed);
        char *text = (char *)malloc(needed + 4096);
        NEED(text != NULL);
        memset(text, '#', needed + 4096);
        CHECK_STATUS(prognos_render(written[i], text, 0, &again), PROGNOS_OK);
        CHECK_EQ(text[0], '#');
        CHECK_STATUS(prognos_render(written[i], text, 1, NULL), PROGNOS_OK);
        CHECK_EQ(text[0], 0);
        CHECK_EQ(text[1], '#');
        CHECK_STATUS(prognos_render(written[i], text, 10, &again), PROGNOS_OK);
        CHECK_EQ(strlen(text), 9);
        CHECK_EQ(text[10], '#');
        CHECK_LT(9, again);
        memset(text, '#', needed + 4096);
        CHECK_STATUS(prognos_render(written[i], text, needed + 4096, &again), PROGNOS_OK);
        CHECK_EQ(strlen(text), again);
        CHECK_EQ(text[again + 1], '#');
        free(text);
    }
    clean_up();
}

static void a_buffer_of_the_exact_size_holds_the_whole(void) {
    record();
    /* Folded text has times of finished calls alone; their factor gets better with time. */
    for (int i = 0; i < 100; i++) {
        size_t needed = 0, again = 0;
        char text[4096];
        prognos_render(PROGNOS_FOLDED, NULL, 0, &needed);
        NEED(needed + 1 < sizeof text);
        memset(text, '#', sizeof text);
        CHECK_STATUS(prognos_render(PROGNOS_FOLDED, text, needed + 1, &again), PROGNOS_OK);
        CHECK_EQ(text[needed + 1], '#');
        if (again != needed) continue;
        CHECK_EQ(strlen(text), needed);
        CHECK_EQ(text[needed - 1], '\n');
        clean_up();
        return;
    }
    CHECK(!"the length of the folded text settled");
}

static void no_buffer_with_a_capacity_is_refused(void) {
    size_t needed = 42;
    CHECK_STATUS(prognos_render(PROGNOS_JSON, NULL, 100, &needed), PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "100");
    CHECK_EQ(needed, 42);
    CHECK_STATUS(prognos_render(PROGNOS_JSON, NULL, 0, NULL), PROGNOS_OK);
}

static void an_unwritten_format_is_unsupported_and_an_unknown_one_invalid(void) {
    char text[64];
    size_t needed = 42;
    record();
    for (int i = PROGNOS_PPROF; i <= 11; i++) {
        prognos_format format = (prognos_format)(i == 11 ? -1 : i);
        if (format == PROGNOS_TEXT_ASCII || format == PROGNOS_CHROME_TRACE) continue;
        prognos_status expected =
            i <= PROGNOS_HTML ? PROGNOS_UNSUPPORTED : PROGNOS_INVALID_ARGUMENT;
        strcpy(text, "untouched");
        CHECK_STATUS(prognos_render(format, text, sizeof text, &needed), expected);
        CHECK_CONTAINS(prognos_last_error(), "PROGNOS_JSON");
        CHECK_TEXT(text, "untouched");
        CHECK_EQ(needed, 42);
        CHECK_STATUS(prognos_dump(path, format), expected);
        CHECK_EQ(files_in_directory(), 0);
    }
    clean_up();
}

static void a_dump_is_what_would_be_rendered(void) {
    record();
    static const char *const starts[] = {"{\n", "prognos ", "outer", "prognos "};
    for (int i = 0; i < 4; i++) {
        char start[16];
        CHECK_STATUS(prognos_dump(path, written[i]), PROGNOS_OK);
        CHECK_LT(20, length_of(path, start, sizeof start));
        CHECK(strncmp(start, starts[i], strlen(starts[i])) == 0);
        CHECK_EQ(files_in_directory(), 1); /* the older one was replaced */
    }
    clean_up();
}

static void a_dump_of_nothing_is_a_file_all_the_same(void) {
    strcpy(directory, "/tmp/prognos-test-XXXXXX");
    NEED(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/profile", directory);
    for (int i = 0; i < 4; i++) {
        char start[16];
        CHECK_STATUS(prognos_dump(path, written[i]), PROGNOS_OK);
        CHECK_LE(0, length_of(path, start, sizeof start));
    }
    clean_up();
}

static void check_failed_dump(const char *where, const char *reason) {
    CHECK_STATUS(prognos_dump(where, PROGNOS_JSON), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), where);
    CHECK_CONTAINS(prognos_last_error(), reason);
}

static void a_dump_to_where_none_can_be_says_why(void) {
    record();
    check_failed_dump(directory, "Is a directory");
    check_failed_dump("/nowhere/at/all", "No such file");
    check_failed_dump("/proc/profile", "/proc/profile");
    write_old();
    char below[256], longest[300];
    snprintf(below, sizeof below, "%s/below", path);
    check_failed_dump(below, "Not a directory");
    snprintf(longest, sizeof longest, "/tmp/%0290d", 0);
    check_failed_dump(longest, "too long");
    CHECK_STATUS(prognos_dump(NULL, PROGNOS_JSON), PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "NULL");
    CHECK_STATUS(prognos_dump("", PROGNOS_JSON), PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "empty");
    clean_up();
}

static void a_failed_dump_leaves_the_older_file(void) {
    char start[16];
    struct rlimit little = {100, 100}; /* bytes a file may have */
    record();
    write_old();
    signal(SIGXFSZ, SIG_IGN);
    NEED(setrlimit(RLIMIT_FSIZE, &little) == 0);
    check_failed_dump(path, "File too large");
    CHECK_EQ(length_of(path, start, sizeof start), 3);
    CHECK_TEXT(start, "old");
    clean_up();
}

static void a_dash_is_standard_output(void) {
    char start[16];
    record();
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), saved = dup(STDOUT_FILENO);
    fflush(stdout);
    NEED(file >= 0 && saved >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    CHECK_STATUS(prognos_dump("-", PROGNOS_TEXT), PROGNOS_OK);
    NEED(dup2(saved, STDOUT_FILENO) >= 0);
    CHECK_LT(20, length_of(path, start, sizeof start));
    CHECK(strncmp(start, "prognos ", 8) == 0);
    clean_up();
}

static void links_modes_and_pipes_stay_what_they_are(void) {
    char link[160], start[16];
    struct stat found;
    record();
    write_old();
    NEED(chmod(path, 0640) == 0);
    snprintf(link, sizeof link, "%s/link", directory);
    NEED(symlink("profile", link) == 0);
    CHECK_STATUS(prognos_dump(link, PROGNOS_JSON), PROGNOS_OK);
    CHECK(lstat(link, &found) == 0 && S_ISLNK(found.st_mode));
    CHECK(stat(path, &found) == 0 && (found.st_mode & 0777) == 0640);
    CHECK_LT(20, length_of(path, start, sizeof start));
    NEED(chmod(path, 0666) == 0); /* more than the umask gives to new files */
    umask(022);
    CHECK_STATUS(prognos_dump(path, PROGNOS_TEXT), PROGNOS_OK);
    CHECK(stat(path, &found) == 0 && (found.st_mode & 0777) == 0666);
    unlink(path); /* now the link points to nothing */
    CHECK_STATUS(prognos_dump(link, PROGNOS_TEXT), PROGNOS_OK);
    CHECK(lstat(link, &found) == 0 && S_ISLNK(found.st_mode));
    CHECK_LT(20, length_of(path, start, sizeof start));
    unlink(link);
    NEED(mkfifo(link, 0600) == 0);
    int reader = open(link, O_RDONLY | O_NONBLOCK);
    CHECK_STATUS(prognos_dump(link, PROGNOS_FOLDED), PROGNOS_OK);
    CHECK_EQ(read(reader, start, 5), 5);
    CHECK(memcmp(start, "outer", 5) == 0);
    CHECK(lstat(link, &found) == 0 && S_ISFIFO(found.st_mode));
    close(reader);
    unlink(link);
    clean_up();
}

CHECK_MAIN(CASE(rendering_keeps_snprintfs_contract),
           CASE(a_buffer_of_the_exact_size_holds_the_whole),
           CASE(no_buffer_with_a_capacity_is_refused),
           CASE(an_unwritten_format_is_unsupported_and_an_unknown_one_invalid),
           CASE(a_dump_is_what_would_be_rendered), CASE(a_dump_of_nothing_is_a_file_all_the_same),
           CASE(a_dump_to_where_none_can_be_says_why), CASE(a_failed_dump_leaves_the_older_file),
           CASE(a_dash_is_standard_output), CASE(links_modes_and_pipes_stay_what_they_are))
