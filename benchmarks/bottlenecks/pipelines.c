/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted pipelines. One process runs one of them:
 *
 *     pipelines --list
 *     pipelines --scenario NAME [--seed N] [--seconds S] [--warm S] [--fixed OPERATION --fixed-percent P]
 *               [--truth] [--experiment S] [--no-prognos] [--dump FILE]
 *
 * It prints JSON: the rate at which the progress operation ends and what prognos says of the bottleneck. With --fixed it is
 * the optimised twin: the operation's own work takes P % less. With --truth it is all twins in turns of some 0.3 s
 * each, in random order, so that whatever else the machine does meets all of them alike.
 */
#include "work.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct scenario *scenario;
static double seconds = 5, warm = 0.3, fixed_percent = 50, experiment_seconds;
static const char *scenario_name, *fixed, *dump;
static bool is_truth, is_without;

static void wait_s(double length) {
    struct timespec t = {(time_t)length, (long)((length - floor(length)) * 1e9)};
    if (length > 0) nanosleep(&t, NULL);
}

static const struct scenario *find_scenario(const char *name) {
    const struct scenario *halves[] = {design_scenarios, test_scenarios};
    for (int half = 0; half < 2; half++)
        for (const struct scenario *one = halves[half]; one->name != NULL; one++)
            if (strcmp(one->name, name) == 0) return one;
    fprintf(stderr, "no scenario %s; --list shows them\n", name);
    exit(2);
}

static void list(const struct scenario *one, const char *half) {
    for (; one->name != NULL; one++)
        printf("%s %s %s %s %s\n", half, one->name, one->kind, one->progress, one->operations);
}

static struct operation *add_operation(const char *name, bool works) {
    for (int i = 0; i < operation_count; i++)
        if (strcmp(operations[i].name, name) == 0) return &operations[i];
    struct operation *operation = &operations[operation_count++];
    operation->name = name;
    operation->op = prognos_op_named(name);
    operation->works = works;
    atomic_store(&operation->factor, 1);
    return operation;
}

/* Seed 1 is the pipeline as written; in others each operation takes 0.85 to 1.15 of that. */
static void set_up(void) {
    static char names[256];
    unsigned long state = seed * 2654435761u + (unsigned long)strlen(scenario->name);
    snprintf(names, sizeof names, "%s", scenario->operations);
    for (char *rest = names, *name; (name = strtok_r(rest, " ", &rest)) != NULL;)
        add_operation(name, true);
    add_operation(scenario->progress, false)->is_progress = true;
    for (int i = 0; i < operation_count; i++)
        operations[i].scale = seed == 1 ? 1 : 0.85 + 0.3 * uniform(&state);
}

static double rate(double length) {
    double begin = now();
    unsigned long before = progress_made();
    wait_s(length);
    return (double)(progress_made() - before) / (now() - begin);
}

/* One cycle through all twins, in random order; `rates` gets a row of the sums. */
enum { LEVELS = 3, TWINS = 1 + OPERATIONS * LEVELS, CYCLES = 400 };
static const double levels[LEVELS] = {10, 50, 90};
static double rates[TWINS][CYCLES];

static void set_twin(int twin, double *factor) {
    for (int i = 0; i < operation_count; i++)
        atomic_store(&operations[i].factor, 1);
    *factor = 0;
    if (twin == 0) return;
    *factor = levels[(twin - 1) % LEVELS];
    atomic_store(&operations[(twin - 1) / LEVELS].factor, 1 - *factor / 100);
}

static void measure_truth(void) {
    unsigned long state = seed + 99;
    int order[TWINS], many = 1 + operation_count * LEVELS, cycles = 0;
    double end = now() + seconds;
    while ((now() < end || cycles < 3) && cycles < CYCLES) {
        int used = 0;
        for (int i = 0; i < many; i++)
            if (i == 0 || operations[(i - 1) / LEVELS].works) order[used++] = i;
        for (int i = used - 1; i > 0; i--) {
            int other = (int)(uniform(&state) * (i + 1)), kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
        for (int i = 0; i < used; i++) {
            double percent;
            set_twin(order[i], &percent);
            wait_s(0.06); /* what is under way, and queues, are of the twin before */
            rates[order[i]][cycles] = rate(0.24);
        }
        cycles++;
    }
    printf("  \"cycles\": %d,\n  \"truth\": [", cycles);
    const char *separator = "\n";
    for (int i = 0; i < many; i++) {
        if (i > 0 && !operations[(i - 1) / LEVELS].works) continue;
        printf("%s    {\"operation\": \"%s\", \"percent\": %g, \"rates\": [", separator,
               i == 0 ? "" : operations[(i - 1) / LEVELS].name,
               i == 0 ? 0 : levels[(i - 1) % LEVELS]);
        for (int cycle = 0; cycle < cycles; cycle++)
            printf("%s%.2f", cycle == 0 ? "" : ", ", rates[i][cycle]);
        printf("]}");
        separator = ",\n";
    }
    printf("\n  ],\n");
}

static void print_statistics(void) {
    printf("  \"operations\": [");
    for (int i = 0; i < operation_count; i++) {
        prognos_op_stats s;
        if (prognos_op_read(operations[i].op, PROGNOS_TOTAL, &s, sizeof s) != PROGNOS_OK) continue;
        printf("%s\n    {\"name\": \"%s\", \"works\": %s, \"count\": %lu, \"self_cpu_ns\": %lu, "
               "\"self_wall_ns\": %lu, \"wall_ns\": %lu, \"blocked_ns\": %lu, \"io_wait_ns\": %lu}",
               i == 0 ? "" : ",", operations[i].name, operations[i].works ? "true" : "false",
               s.count, s.self_cpu_ns, s.self_wall_ns, s.wall_ns, s.blocked_ns, s.io_wait_ns);
    }
    printf("\n  ],\n");
}

static void run_experiment(void) {
#ifdef PROGNOS_EXPERIMENT_H
    prognos_op progress = find_operation(scenario->progress)->op;
    prognos_status status = prognos_experiment_start(progress, (uint32_t)experiment_seconds);
    if (status != PROGNOS_OK) {
        fprintf(stderr, "prognos_experiment_start: %d %s\n", (int)status, prognos_last_error());
        exit(1);
    }
    wait_s(experiment_seconds + 0.5);
#else
    fprintf(stderr, "this libprognos has no experiments\n");
    exit(1);
#endif
}

static void print_bottlenecks(void) {
#ifdef PROGNOS_BOTTLENECK_H
    prognos_bottleneck found[OPERATIONS];
    size_t count = 0;
    prognos_assess();
    if (prognos_bottleneck_read(found, sizeof *found, OPERATIONS, &count) != PROGNOS_OK) {
        printf("  \"error\": \"%s\",\n", prognos_last_error());
        return;
    }
    printf("  \"bottlenecks\": [");
    for (size_t i = 0; i < count && i < OPERATIONS; i++)
        printf("%s\n    {\"operation\": \"%s\", \"bound_by\": \"%s\", \"share\": %.4f, "
               "\"gain_10\": %.4f, \"gain_50\": %.4f, \"gain_100\": %.4f, \"gain_low\": %.4f, "
               "\"gain_high\": %.4f, \"confidence\": %.3f, \"samples\": %lu, \"method\": \"%s\", "
               "\"reason\": \"%s\"}",
               i == 0 ? "" : ",", prognos_op_name(found[i].op), found[i].bound_by, found[i].share,
               found[i].gain_ratio_10, found[i].gain_ratio_50, found[i].gain_ratio_100,
               found[i].gain_low, found[i].gain_high, found[i].confidence, found[i].samples,
               found[i].method, found[i].reason);
    printf("\n  ],\n");
#endif
}

static void parse_arguments(int count, char **words) {
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *value = i + 1 < count ? words[i + 1] : "";
        if (strcmp(word, "--list") == 0) {
            list(design_scenarios, "design");
            list(test_scenarios, "test");
            exit(0);
        } else if (strcmp(word, "--truth") == 0) {
            is_truth = true;
            continue;
        } else if (strcmp(word, "--no-prognos") == 0) {
            is_without = true;
            continue;
        } else if (strcmp(word, "--scenario") == 0) {
            scenario_name = value;
        } else if (strcmp(word, "--seed") == 0) {
            seed = strtoul(value, NULL, 10);
        } else if (strcmp(word, "--seconds") == 0) {
            seconds = atof(value);
        } else if (strcmp(word, "--warm") == 0) {
            warm = atof(value);
        } else if (strcmp(word, "--fixed") == 0) {
            fixed = strcmp(value, "none") == 0 ? NULL : value;
        } else if (strcmp(word, "--fixed-percent") == 0) {
            fixed_percent = atof(value);
        } else if (strcmp(word, "--experiment") == 0) {
            experiment_seconds = atof(value);
        } else if (strcmp(word, "--dump") == 0) {
            dump = value;
        } else {
            fprintf(stderr, "unknown argument %s\n", word);
            exit(2);
        }
        i++;
    }
    if (scenario_name == NULL) {
        fprintf(stderr, "usage: pipelines --list | --scenario NAME ...: see pipelines.c\n");
        exit(2);
    }
    scenario = find_scenario(scenario_name);
}

int main(int count, char **words) {
    parse_arguments(count, words);
    set_up();
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    if (!is_without && prognos_start(&options, sizeof options) != PROGNOS_OK) {
        fprintf(stderr, "%s\n", prognos_last_error());
        return 1;
    }
    if (fixed != NULL) atomic_store(&find_operation(fixed)->factor, 1 - fixed_percent / 100);
    scenario->start();
    wait_s(warm);
    printf("{\n  \"scenario\": \"%s\",\n  \"seed\": %lu,\n", scenario->name, seed);
    if (is_truth)
        measure_truth();
    else
        printf("  \"rate\": %.3f,\n", rate(seconds));
    if (experiment_seconds > 0) run_experiment();
    if (!is_without && !is_truth) {
        print_statistics();
        print_bottlenecks();
    }
    printf("  \"progress\": \"%s\"\n}\n", scenario->progress);
    if (dump != NULL) prognos_dump(dump, PROGNOS_TEXT);
    fflush(stdout);
    _Exit(0);
}
