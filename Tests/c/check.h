/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks for the C and C++ tests. A program is a table of named cases; each case runs in a child
 * process, which has never called the library before, so that it may set environment variables,
 * crash or hang without touching the others. With a case's name as argument, that case runs alone
 * in the program's own process, where a debugger finds it.
 */
#ifndef PROGNOS_TESTS_CHECK_H
#define PROGNOS_TESTS_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A case that hangs is killed after this long; no case comes near it. */
#define CHECK_WATCHDOG_S 300

static int check_failures;

static inline int check_note(int holds, const char *file, int line, const char *what) {
    if (!holds) {
        __atomic_add_fetch(&check_failures, 1, __ATOMIC_RELAXED);
        fprintf(stderr, "%s:%d: %s", file, line, what);
    }
    return holds;
}

static inline int check_u64(uint64_t a, const char *comparison, uint64_t b, const char *file,
                            int line, const char *what) {
    int equal = comparison[0] == '=' || comparison[1] == '=';
    int less = comparison[0] == '<';
    int holds = comparison[0] == '!' ? a != b : (equal && a == b) || (less && a < b);
    if (!check_note(holds, file, line, what))
        fprintf(stderr, "  [%llu, %llu]\n", (unsigned long long)a, (unsigned long long)b);
    return holds;
}

static inline int check_text(const char *a, const char *b, int holds, const char *file, int line,
                             const char *what) {
    if (!check_note(holds, file, line, what))
        fprintf(stderr, "  [\"%s\", \"%s\"]\n", a ? a : "(NULL)", b ? b : "(NULL)");
    return holds;
}

/* Each gives 1 when it holds. A failed check is printed and counted; the case goes on. */
#define CHECK(expression)                                                                          \
    (check_note((expression) ? 1 : 0, __FILE__, __LINE__, #expression) ? 1                         \
                                                                       : (fputc('\n', stderr), 0))
#define CHECK_COMPARE_(a, comparison, b)                                                           \
    check_u64((uint64_t)(a), #comparison, (uint64_t)(b), __FILE__, __LINE__,                       \
              #a " " #comparison " " #b)
#define CHECK_EQ(a, b) CHECK_COMPARE_(a, ==, b)
#define CHECK_NE(a, b) CHECK_COMPARE_(a, !=, b)
#define CHECK_LE(a, b) CHECK_COMPARE_(a, <=, b)
#define CHECK_LT(a, b) CHECK_COMPARE_(a, <, b)
#define CHECK_STATUS(call, status)                                                                 \
    check_status((int)(call), (int)(status), __FILE__, __LINE__, #call " is " #status)
#define CHECK_TEXT(a, b) check_same_text((a), (b), __FILE__, __LINE__, #a " is " #b)
#define CHECK_CONTAINS(text, part)                                                                 \
    check_contains((text), (part), __FILE__, __LINE__, #text " contains " #part)

static inline int check_status(int a, int b, const char *file, int line, const char *what) {
    if (!check_note(a == b, file, line, what)) fprintf(stderr, "  [%d, %d]\n", a, b);
    return a == b;
}

static inline int check_same_text(const char *a, const char *b, const char *file, int line,
                                  const char *what) {
    return check_text(a, b, a && b && strcmp(a, b) == 0, file, line, what);
}

static inline int check_contains(const char *text, const char *part, const char *file, int line,
                                 const char *what) {
    return check_text(text, part, text && strstr(text, part) != NULL, file, line, what);
}

/* For what a case cannot go on without: memory, threads, files. */
#define NEED(expression)                                                                           \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            fprintf(stderr, "%s:%d: cannot go on: %s\n", __FILE__, __LINE__, #expression);         \
            _exit(99);                                                                             \
        }                                                                                          \
    } while (0)

typedef struct check_case {
    const char *name;
    void (*run)(void);
} check_case;

#define CASE(function)                                                                             \
    { #function, function }

static inline int check_run_apart(const check_case *one) {
    int status = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    NEED(child >= 0);
    if (child == 0) {
        alarm(CHECK_WATCHDOG_S);
        one->run();
        fflush(NULL);
        _exit(check_failures != 0);
    }
    NEED(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: killed by signal %d\n", one->name, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline int check_main(int argc, char **argv, const check_case *cases, size_t count) {
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        if (argc > 1) {
            if (strcmp(argv[1], cases[i].name) == 0) cases[i].run();
            continue;
        }
        int passed = check_run_apart(&cases[i]);
        printf("%s %s\n", passed ? "ok  " : "FAIL", cases[i].name);
        failed += !passed;
    }
    return failed != 0 || check_failures != 0;
}

/*
 * Whether the run is for an allocator that is not installed. PROGNOS_TEST_ALLOCATOR names it; the loader
 * goes on without a library that LD_PRELOAD names and that is missing.
 */
static inline int check_skips_allocator(void) {
    const char *wanted = getenv("PROGNOS_TEST_ALLOCATOR");
    char line[4096];
    int found = 0;
    FILE *maps;
    if (!wanted) return 0;
    maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        found |= strstr(line, wanted) != NULL;
    if (maps) fclose(maps);
    if (!found) printf("skipped: %s is not installed; run scripts/setup\n", wanted);
    return !found;
}

#define CHECK_MAIN(...)                                                                            \
    int main(int argc, char **argv) {                                                              \
        static const check_case cases[] = {__VA_ARGS__};                                           \
        return check_main(argc, argv, cases, sizeof cases / sizeof *cases);                        \
    }

#endif /* PROGNOS_TESTS_CHECK_H */
