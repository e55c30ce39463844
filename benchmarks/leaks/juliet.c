/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one function of a Juliet case as an operation, over and over, and says what is thought of it.
 * Usage: juliet CASE.so FUNCTION CALLS; writes a line of JSON to descriptor 3. What the case prints goes nowhere.
 */
#include <prognos.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, 1);
    dup2(nowhere, 2);
    if (prognos_start(NULL, 0) != PROGNOS_OK) return 3;
    void *object = dlopen(argv[1], RTLD_NOW);
    void (*function)(void) = object ? (void (*)(void))dlsym(object, argv[2]) : NULL;
    if (!function) return 4;
    long calls = atol(argv[3]), found = 0;
    /* The good one shares the process with another operation, as it would. */
    prognos_op op = prognos_op_named("case"), other = prognos_op_named("other");
    prognos_leak leaks[32];
    int blames_other = 0, is_leak = 0;
    double score = 0;
    char reason[240] = "", stack[1024] = "";
    for (long call = 1; call <= calls; call++) {
        prognos_begin(other);
        free(malloc(256));
        prognos_end(other);
        prognos_begin(op);
        function();
        prognos_end(op);
        if (call % 250 != 0) continue;
        size_t count = 0;
        if (prognos_assess() != PROGNOS_OK) return 5;
        if (prognos_leaks_read(leaks, sizeof *leaks, 32, &count) != PROGNOS_OK) return 6;
        is_leak = 0;
        for (size_t i = 0; i < count && i < 32; i++) {
            if (leaks[i].op != op) {
                blames_other |= leaks[i].is_leak;
                continue;
            }
            if (score <= leaks[i].score) {
                score = leaks[i].score;
                strcpy(reason, leaks[i].reason);
                strcpy(stack, leaks[i].stack);
            }
            if (!leaks[i].is_leak) continue;
            is_leak = 1;
            if (!found) found = call;
        }
    }
    prognos_op_stats stats = {0};
    prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats);
    char *function_name = strrchr(stack, ';');
    dprintf(3,
            "{\"net\": %lld, \"allocated\": %llu, \"is_leak\": %d, \"found\": %ld, \"other\": %d, "
            "\"score\": %.3f, \"reason\": \"%s\", \"stack\": \"%s\"}\n",
            (long long)(stats.allocated_bytes - stats.freed_bytes),
            (unsigned long long)stats.allocated_bytes, is_leak, found, blames_other, score, reason,
            function_name ? function_name + 1 : stack);
    _exit(0);
}
