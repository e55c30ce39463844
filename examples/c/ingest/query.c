/* SPDX-License-Identifier: Apache-2.0 */
/* Queries over the store, one of them with too little time. */
#include "ingest.h"

#include <stdio.h>
#include <time.h>

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void create_index(struct store *store) {
    PROGNOS_SCOPE("create_index");
    sqlite3_stmt *create = store_prepare(store, "CREATE INDEX record_word ON record (word, count)");
    if (sqlite3_step(create) != SQLITE_DONE) die("cannot index");
    sqlite3_finalize(create);
}

static void query_top(struct store *store) {
    PROGNOS_SCOPE("query_top");
    sqlite3_stmt *query = store_prepare(store, "SELECT word, sum(count) AS total FROM record"
                                               " GROUP BY word ORDER BY total DESC LIMIT 5");
    while (sqlite3_step(query) == SQLITE_ROW) {
        printf("%9lld %s\n", (long long)sqlite3_column_int64(query, 1),
               (const char *)sqlite3_column_text(query, 0));
        prognos_work(1);
    }
    sqlite3_finalize(query);
}

static void query_ranges(struct store *store) {
    const prognos_op query_range = prognos_op_named("query_range");
    sqlite3_stmt *query = store_prepare(store, "SELECT count(*), sum(count) FROM record"
                                               " WHERE word >= ?1 AND word < ?1 || x'ff'");
    for (char first = 'a'; first <= 'z'; first++) {
        prognos_begin(query_range);
        sqlite3_bind_text(query, 1, &first, 1, SQLITE_TRANSIENT);
        if (sqlite3_step(query) == SQLITE_ROW)
            prognos_work((uint64_t)sqlite3_column_int64(query, 0));
        sqlite3_reset(query);
        prognos_end(query_range);
    }
    sqlite3_finalize(query);
}

static int deadline_passed(void *deadline_ns) {
    return now_ns() > *(const int64_t *)deadline_ns;
}

/* Compares every block with every other one, which takes minutes. */
static void query_similar(struct store *store, int64_t timeout_ns) {
    PROGNOS_SCOPE("query_similar");
    int64_t deadline_ns = now_ns() + timeout_ns;
    sqlite3_progress_handler(store->database, 1000, deadline_passed, &deadline_ns);
    sqlite3_stmt *query = store_prepare(
        store,
        "SELECT a.block_id, b.block_id, count(*) AS shared FROM record a JOIN record b"
        " ON a.word = b.word AND a.block_id < b.block_id GROUP BY 1, 2 ORDER BY shared DESC");
    int status = sqlite3_step(query);
    if (status == SQLITE_INTERRUPT)
        prognos_fail("timeout");
    else if (status == SQLITE_ROW)
        printf("the most similar blocks share %d words\n", sqlite3_column_int(query, 2));
    sqlite3_finalize(query);
    sqlite3_progress_handler(store->database, 0, NULL, NULL);
}

void run_queries(struct store *store) {
    PROGNOS_SCOPE("query");
    create_index(store);
    query_top(store);
    query_ranges(store);
    query_similar(store, 50 * 1000 * 1000);
}
