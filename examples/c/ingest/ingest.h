/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the example share: blocks of text flow from the corpus through two threads. */
#ifndef INGEST_H
#define INGEST_H

#define _DEFAULT_SOURCE 1 /* glob, nl_langinfo and clock_gettime under -std=c11 */

#include <prognos.h>

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_BYTES 65536u          /* the longest block; longer files become several */
#define CORPUS_BYTES (32u << 20)    /* where loading stops */
#define CORPUS_MIN_BYTES (8u << 20) /* below this the corpus is filled up with generated text */
#define QUEUE_BLOCKS 4u

struct block {
    char *text; /* not NUL-terminated */
    size_t bytes;
};

struct corpus {
    struct block *blocks;
    size_t count, capacity, bytes;
};

void corpus_load(struct corpus *corpus);
void corpus_free(struct corpus *corpus);

/* A word of one block; points into the block's text. */
struct record {
    const char *word;
    uint32_t length, count;
};

/* At least every second byte of a block separates words: half as many records as bytes are enough,
 * and an index into them fits 16 bits. */
struct parser {
    struct record records[BLOCK_BYTES / 2];
    uint16_t slots[BLOCK_BYTES]; /* a hash table of indices into records, plus 1; 0 is free */
    size_t count;
};

void parse_block(struct parser *parser, const struct block *block);

/* A bounded queue between two threads; a NULL block ends it. */
struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled, drained;
    const struct block *slots[QUEUE_BLOCKS];
    size_t first, count;
};

void queue_push(struct queue *queue, const struct block *block);
const struct block *queue_pop(struct queue *queue);

/* Compresses blocks from the queue into an unnamed file; returns the bytes written. */
size_t compress_all(struct queue *queue);

struct store {
    sqlite3 *database;
    sqlite3_stmt *insert_block, *insert_record;
};

void store_open(struct store *store);
void store_close(struct store *store);
/* The block's new id, or 0 when the same text is already there. */
int64_t store_block(struct store *store, const struct block *block);
void store_records(struct store *store, int64_t block_id, const struct parser *parser);
sqlite3_stmt *store_prepare(struct store *store, const char *sql);

void run_queries(struct store *store);

/* Writes the profile: to json_path unless it is NULL, and as text to standard output. */
bool report_profile(const char *json_path);

/* Prints the message and leaves the process: an example has nobody to report to. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* INGEST_H */
