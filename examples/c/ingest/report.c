/* SPDX-License-Identifier: Apache-2.0 */
/* The profile as a file and as text, and a look at single numbers from inside the host. */
#include "ingest.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool succeeded(prognos_status status, const char *what) {
    if (status == PROGNOS_OK) return true;
    fprintf(stderr, "ingest: %s: %s (%s)\n", what, prognos_last_error(),
            prognos_status_text(status));
    return false;
}

static bool print_profile(void) {
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    prognos_format format = utf8 ? PROGNOS_TEXT : PROGNOS_TEXT_ASCII;
    size_t needed = 0, capacity;
    char *text = NULL;
    /* A profile that grew between the two calls was cut: ask again with more room. */
    do {
        capacity = needed + 1;
        free(text);
        text = malloc(capacity);
        if (!text) die("out of memory");
        if (!succeeded(prognos_render(format, text, capacity, &needed), "rendering")) {
            free(text);
            return false;
        }
    } while (needed >= capacity);
    bool written = fwrite(text, 1, needed, stdout) == needed && fflush(stdout) == 0;
    free(text);
    if (!written) fputs("ingest: cannot write the profile\n", stderr);
    return written;
}

static bool print_deflate_rate(void) {
    prognos_op_stats stats;
    prognos_op deflate = prognos_op_named("deflate");
    if (!succeeded(prognos_op_read(deflate, PROGNOS_TOTAL, &stats, sizeof stats),
                   "reading deflate"))
        return false;
    if (stats.cpu_ns > 0)
        printf("deflate: %.1f MB/s of CPU time\n\n",
               1e3 * (double)stats.work / (double)stats.cpu_ns);
    return true;
}

/* What was wrapped wrongly, or did not fit, is counted and never lost silently. */
static bool check_diagnostics(void) {
    prognos_diagnostics dropped;
    if (!succeeded(prognos_diagnostics_read(&dropped, sizeof dropped), "reading diagnostics"))
        return false;
    uint64_t misuse = dropped.unbalanced_ends + dropped.unknown_operations +
                      dropped.outside_operation + dropped.bad_arguments;
    uint64_t lost = dropped.too_deep + dropped.untracked_calls + dropped.rejected_names;
    if (misuse + lost > 0)
        fprintf(stderr, "ingest: %llu calls misused, %llu not recorded\n",
                (unsigned long long)misuse, (unsigned long long)lost);
    return misuse == 0;
}

bool report_profile(const char *json_path) {
    if (json_path && !succeeded(prognos_dump(json_path, PROGNOS_JSON), "dumping")) return false;
    return print_deflate_rate() && print_profile() && check_diagnostics();
}
