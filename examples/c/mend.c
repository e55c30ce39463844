/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program to mend. It writes a log line by line, and finds duplicate lines by comparing all pairs. Prognos says
 * what to change and what that brings; --mended is the same program after one has listened:
 *
 *     cc mend.c -lprognos && ./a.out          # how long it takes, and what to change
 *     ./a.out --mended                        # the same work again
 *     ./a.out --compare                       # both, and whether the promise came true
 */
#define _GNU_SOURCE 1
#include <prognos.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 60, LINES = 2000, LINE = 64, MOST_LINES = 1200 };
static bool is_mended;
static volatile size_t duplicates;

/* Suggested: "writes of files of 64 B ...: collect them in a buffer". */
static void write_log(int file, const char *lines) {
    PROGNOS_SCOPE("write_log");
    if (lseek(file, 0, SEEK_SET) < 0) abort();
    size_t step = is_mended ? (size_t)LINES * LINE : LINE;
    for (size_t at = 0; at < (size_t)LINES * LINE; at += step)
        if (write(file, lines + at, step) != (ssize_t)step) abort();
}

static int by_text(const void *a, const void *b) {
    return memcmp(a, b, LINE);
}

/* Suggested: "... time grows with the square of the work ...". The work is the number of lines. */
static size_t count_duplicates(char *lines, size_t count) {
    PROGNOS_SCOPE("count_duplicates");
    prognos_work(count);
    size_t found = 0;
    if (is_mended) {
        qsort(lines, count, LINE, by_text);
        for (size_t i = 1; i < count; i++)
            found += memcmp(lines + i * LINE, lines + (i - 1) * LINE, LINE) == 0;
        return found;
    }
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j-- > 0;)
            if (memcmp(lines + i * LINE, lines + j * LINE, LINE) == 0) {
                found++;
                break;
            }
    return found;
}

static void fill(char *lines, uint64_t *state) {
    for (size_t i = 0; i < LINES; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        /* Like lines of a log they begin alike, and one in ten or so is there twice. */
        snprintf(lines + i * LINE, LINE, "2026-01-01 00:00:00 INFO request %08x %18s",
                 (unsigned)(*state >> 50), "done");
        lines[i * LINE + LINE - 1] = '\n';
    }
}

static double mean_ns(prognos_op op) {
    prognos_op_stats stats;
    if (prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats) != PROGNOS_OK) abort();
    return (double)stats.wall_ns / (double)(stats.count ? stats.count : 1);
}

static const char *const names[] = {"write_log", "count_duplicates"};

/* On standard output, for --compare: each operation's time and what was promised of it. */
static void run(bool tells_numbers) {
    char place[] = "/tmp/prognos-mend-XXXXXX";
    int file = mkstemp(place);
    char *lines = malloc((size_t)LINES * LINE);
    if (file < 0 || !lines || prognos_start(NULL, 0) != PROGNOS_OK) abort();
    unlink(place);
    uint64_t state = 1;
    for (int round = 0; round < ROUNDS; round++) {
        fill(lines, &state);
        write_log(file, lines);
        duplicates += count_duplicates(lines, 20 + (size_t)(state >> 40) % MOST_LINES);
    }
    prognos_suggestion found[8];
    size_t count = 0;
    if (prognos_suggestions_read(found, sizeof *found, 8, &count) != PROGNOS_OK) abort();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        prognos_op op = prognos_op_named(names[i]);
        double promised = 0, low = 0, high = 0;
        for (size_t j = count < 8 ? count : 8; j-- > 0;)
            if (found[j].op == op)
                promised = found[j].gain_ratio, low = found[j].gain_low, high = found[j].gain_high;
        if (tells_numbers)
            printf("%.0f %f %f %f\n", mean_ns(op), promised, low, high);
        else
            printf("%-17s %8.1f us a call\n", names[i], mean_ns(op) / 1000);
    }
    for (size_t j = 0; j < count && j < 8 && !tells_numbers; j++)
        printf("%s: %s: %s; saves %.0f %% (%.0f to %.0f)\n", prognos_op_name(found[j].op),
               found[j].reason, found[j].text, found[j].gain_ratio * 100, found[j].gain_low * 100,
               found[j].gain_high * 100);
    if (count == 0 && !tells_numbers) printf("nothing to suggest\n");
    close(file);
    free(lines);
}

/* Runs this program again and reads its numbers. */
static void measure(const char *self, const char *how, double numbers[2][4]) {
    char command[4200];
    snprintf(command, sizeof command, "'%s' --numbers %s", self, how);
    FILE *output = popen(command, "r");
    if (!output) abort();
    for (int i = 0; i < 2; i++)
        if (fscanf(output, "%lf %lf %lf %lf", &numbers[i][0], &numbers[i][1], &numbers[i][2],
                   &numbers[i][3]) != 4)
            abort();
    pclose(output);
}

static void compare(const char *self) {
    double before[2][4], after[2][4];
    measure(self, "", before);
    measure(self, "--mended", after);
    for (int i = 0; i < 2; i++)
        printf("%-17s promised %3.0f %% (%.0f to %.0f), brought %3.0f %%\n", names[i],
               before[i][1] * 100, before[i][2] * 100, before[i][3] * 100,
               100 - after[i][0] / before[i][0] * 100);
}

int main(int argc, char **argv) {
    bool tells_numbers = false, compares = false;
    for (int i = 1; i < argc; i++) {
        is_mended |= strcmp(argv[i], "--mended") == 0;
        tells_numbers |= strcmp(argv[i], "--numbers") == 0;
        compares |= strcmp(argv[i], "--compare") == 0;
    }
    if (compares)
        compare(argv[0]);
    else
        run(tells_numbers);
    return 0;
}
