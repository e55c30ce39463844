/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a benchmark ran: processor, kernel and the clocks that Prognos chose, as JSON.
 */
#ifndef HOST_H
#define HOST_H

#include <prognos.h>

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void host_print_text(const char *key, const char *value, const char *after) {
    printf("    \"%s\": \"", key);
    for (const char *c = value ? value : ""; *c; c++) {
        if (*c == '"' || *c == '\\') putchar('\\');
        if ((unsigned char)*c >= ' ') putchar(*c);
    }
    printf("\"%s\n", after);
}

/* "model name" of /proc/cpuinfo; other processors than x86 do not say. */
static void host_cpu_model(char *model, size_t capacity) {
    snprintf(model, capacity, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value[strcspn(value, "\n")] = 0;
        snprintf(model, capacity, "%s", value + 2);
        break;
    }
    if (file) fclose(file);
}

static inline void host_print_environment(void) {
    char model[256];
    host_cpu_model(model, sizeof model);
    struct utsname system;
    memset(&system, 0, sizeof system);
    uname(&system);
    /* Major and minor: what comes after is a name that its builder gave. */
    size_t minor = strcspn(system.release, ".");
    if (system.release[minor]) minor += 1 + strspn(system.release + minor + 1, "0123456789");
    system.release[minor] = 0;
    prognos_capabilities live;
    memset(&live, 0, sizeof live);
    prognos_capabilities_read(&live, sizeof live);

    printf("  \"environment\": {\n");
    host_print_text("cpu_model", model, ",");
    host_print_text("architecture", system.machine, ",");
    printf("    \"cpus\": %ld,\n", sysconf(_SC_NPROCESSORS_ONLN));
    host_print_text("kernel", system.release, ",");
    host_print_text("compiler", __VERSION__, ",");
    host_print_text("prognos", prognos_version(), ",");
    host_print_text("time_source", live.time_source, ",");
    host_print_text("time_source_reason", live.time_source_reason, ",");
    host_print_text("cpu_clock", live.cpu_clock, ",");
    host_print_text("cpu_clock_reason", live.cpu_clock_reason, ",");
    printf("    \"ticks_per_s\": %.0f\n  },\n", live.ticks_per_s);
}

/* Everything that the library could not record so far. */
static inline unsigned long long host_drops(void) {
    prognos_diagnostics d;
    memset(&d, 0, sizeof d);
    prognos_diagnostics_read(&d, sizeof d);
    return d.unbalanced_ends + d.unknown_operations + d.outside_operation + d.too_deep +
           d.reentered + d.untracked_calls + d.untracked_paths + d.rejected_names + d.bad_arguments;
}

#endif /* HOST_H */
