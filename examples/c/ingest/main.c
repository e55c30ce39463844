/* SPDX-License-Identifier: Apache-2.0 */
/* ingest: indexes the text of this machine, and says where the time went. */
#include "ingest.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("ingest: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

/* What the two workers and the main thread share. */
struct pipeline {
    struct corpus corpus;
    struct store store;
    struct queue queue;
    size_t stored_blocks, records, compressed_bytes;
};

static void *parse_and_store(void *argument) {
    struct pipeline *pipeline = argument;
    struct parser *parser = malloc(sizeof *parser);
    if (!parser) die("out of memory");
    for (size_t index = 0; index < pipeline->corpus.count; index++) {
        const struct block *block = &pipeline->corpus.blocks[index];
        int64_t id = store_block(&pipeline->store, block);
        if (id == 0) continue;
        queue_push(&pipeline->queue, block); /* both threads only read it */
        parse_block(parser, block);
        store_records(&pipeline->store, id, parser);
        pipeline->stored_blocks++;
        pipeline->records += parser->count;
    }
    queue_push(&pipeline->queue, NULL);
    free(parser);
    return NULL;
}

static void *compress(void *argument) {
    struct pipeline *pipeline = argument;
    pipeline->compressed_bytes = compress_all(&pipeline->queue);
    return NULL;
}

static void run_workers(struct pipeline *pipeline) {
    PROGNOS_SCOPE("run_workers"); /* blocked nearly all the time: the work is in other threads */
    pthread_t threads[2];
    if (pthread_create(&threads[0], NULL, parse_and_store, pipeline) != 0 ||
        pthread_create(&threads[1], NULL, compress, pipeline) != 0)
        die("cannot create a thread");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

static void ingest(void) {
    PROGNOS_SCOPE("ingest");
    struct pipeline pipeline = {.queue = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                                          .filled = PTHREAD_COND_INITIALIZER,
                                          .drained = PTHREAD_COND_INITIALIZER}};
    corpus_load(&pipeline.corpus);
    prognos_work(pipeline.corpus.bytes);
    store_open(&pipeline.store);
    run_workers(&pipeline);
    printf("%.1f MB in %zu blocks, %zu of them new: %zu records, %.1f MB compressed\n",
           (double)pipeline.corpus.bytes / 1e6, pipeline.corpus.count, pipeline.stored_blocks,
           pipeline.records, (double)pipeline.compressed_bytes / 1e6);
    run_queries(&pipeline.store);
    store_close(&pipeline.store);
    corpus_free(&pipeline.corpus);
}

static void log_message(const char *message, void *context) {
    (void)context;
    fprintf(stderr, "prognos: %s\n", message);
}

/* Recording needs no start; this is for the log, and to hear of a mistaken PROGNOS_* variable. */
static void start_recording(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    if (prognos_last_error()[0]) fprintf(stderr, "ingest: %s\n", prognos_last_error());
    options.log = log_message;
    if (prognos_start(&options, sizeof options) != PROGNOS_OK) die("%s", prognos_last_error());
}

int main(int argc, char **argv) {
    const char *json_path = argc == 3 && strcmp(argv[1], "--json") == 0 ? argv[2] : NULL;
    if (argc > 1 && !json_path) {
        fprintf(stderr, "usage: %s [--json PATH]\n", argv[0]);
        return 2;
    }
    setlocale(LC_ALL, "");
    start_recording();
    ingest();
    return report_profile(json_path) ? EXIT_SUCCESS : EXIT_FAILURE;
}
