/* SPDX-License-Identifier: Apache-2.0 */
/* A host that links nothing of Prognos: loading_host LIBRARY BEHAVIOUR, status 0 when it holds. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEED(expression)                                                                           \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            const char *error_ = dlerror();                                                        \
            fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #expression, error_ ? error_ : "");    \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static const char *library;
extern char **environ;

static void *load(void) {
    void *loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    NEED(loaded != NULL);
    return loaded;
}

typedef void (*begin_or_end)(uint32_t);

static void record(void *loaded, const char *name) {
    uint32_t (*named)(const char *);
    begin_or_end begin, end;
    *(void **)&named = dlsym(loaded, "prognos_op_named");
    *(void **)&begin = dlsym(loaded, "prognos_begin");
    *(void **)&end = dlsym(loaded, "prognos_end");
    NEED(named && begin && end);
    uint32_t op = named(name);
    NEED(op != 0);
    begin(op);
    end(op);
}

static void loads_again_after_dlclose(void) {
    for (int i = 0; i < 3; i++) {
        void *loaded = load();
        record(loaded, "op");
        size_t (*count)(void);
        *(void **)&count = dlsym(loaded, "prognos_op_count");
        NEED(count && count() == 1);
        NEED(dlclose(loaded) == 0);
    }
}

static void *record_after_close(void *unused) {
    void *loaded = load();
    begin_or_end end;
    record(loaded, "op");
    *(void **)&end = dlsym(loaded, "prognos_end");
    NEED(dlclose(loaded) == 0);
    end(1); /* its code stays; and so does what runs when this thread ends */
    return unused;
}

static void records_after_dlclose(void) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, record_after_close, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
}

static int entries(const char *path) {
    DIR *directory = opendir(path);
    int count = 0;
    NEED(directory != NULL);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void loading_changes_no_signal_disposition(void) {
    struct sigaction before[NSIG], after;
    sigset_t mask_before, mask_after;
    memset(before, 0, sizeof before);
    for (int i = 1; i < NSIG; i++)
        sigaction(i, NULL, &before[i]);
    sigprocmask(SIG_SETMASK, NULL, &mask_before);
    record(load(), "op");
    for (int i = 1; i < NSIG; i++) {
        memset(&after, 0, sizeof after);
        sigaction(i, NULL, &after);
        NEED(after.sa_handler == before[i].sa_handler && after.sa_flags == before[i].sa_flags);
    }
    sigprocmask(SIG_SETMASK, NULL, &mask_after);
    for (int i = 1; i < NSIG; i++)
        NEED(sigismember(&mask_before, i) == sigismember(&mask_after, i));
}

static void loading_starts_no_thread(void) {
    record(load(), "op");
    NEED(entries("/proc/self/task") == 3); /* with . and .. */
}

static void loading_opens_no_file(void) {
    int before = entries("/proc/self/fd");
    void *loaded = load();
    NEED(entries("/proc/self/fd") == before);
    record(loaded, "op");
    NEED(entries("/proc/self/fd") == before);
}

static void loading_changes_no_environment(void) {
    size_t count = 0;
    while (environ[count])
        count++;
    char **copy = malloc((count + 1) * sizeof *copy);
    NEED(copy != NULL);
    for (size_t i = 0; i < count; i++)
        NEED((copy[i] = strdup(environ[i])) != NULL);
    record(load(), "op");
    for (size_t i = 0; i < count; i++)
        NEED(environ[i] && strcmp(environ[i], copy[i]) == 0);
    NEED(environ[count] == NULL);
}

static void *load_and_record(void *unused) {
    void *loaded = load();
    begin_or_end begin, end;
    *(void **)&begin = dlsym(loaded, "prognos_begin");
    *(void **)&end = dlsym(loaded, "prognos_end");
    record(loaded, "op");
    for (int i = 0; i < 10000; i++)
        begin(1);
    for (int i = 0; i < 10000; i++)
        end(1);
    return unused;
}

static void loads_and_records_on_a_thread_with_a_small_stack(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    NEED(pthread_attr_init(&attributes) == 0);
    NEED(pthread_attr_setstacksize(&attributes, 64 * 1024) == 0);
    NEED(pthread_create(&thread, &attributes, load_and_record, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
}

int main(int argc, char **argv) {
#define BEHAVIOUR(function)                                                                        \
    { #function, function }
    static const struct {
        const char *name;
        void (*check)(void);
    } behaviours[] = {
        BEHAVIOUR(loads_again_after_dlclose),
        BEHAVIOUR(records_after_dlclose),
        BEHAVIOUR(loading_starts_no_thread),
        BEHAVIOUR(loading_opens_no_file),
        BEHAVIOUR(loading_changes_no_environment),
        BEHAVIOUR(loading_changes_no_signal_disposition),
        BEHAVIOUR(loads_and_records_on_a_thread_with_a_small_stack),
    };
    NEED(argc == 3);
    library = argv[1];
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
        if (strcmp(behaviours[i].name, argv[2]) != 0) continue;
        behaviours[i].check();
        return 0;
    }
    return 2;
}
