/* SPDX-License-Identifier: Apache-2.0 */
/* The store: a temporary SQLite database of blocks and the words in them. */
#include "ingest.h"

#include <zlib.h>

static void execute(struct store *store, const char *sql) {
    if (sqlite3_exec(store->database, sql, NULL, NULL, NULL) != SQLITE_OK)
        die("%s: %s", sql, sqlite3_errmsg(store->database));
}

sqlite3_stmt *store_prepare(struct store *store, const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL) != SQLITE_OK)
        die("%s: %s", sql, sqlite3_errmsg(store->database));
    return statement;
}

void store_open(struct store *store) {
    PROGNOS_SCOPE("open_store");
    /* The empty name: a file that SQLite deletes on closing. */
    if (sqlite3_open("", &store->database) != SQLITE_OK) die("cannot open a database");
    execute(store, "CREATE TABLE block (id INTEGER PRIMARY KEY, checksum INTEGER, bytes INTEGER,"
                   "                    UNIQUE (checksum, bytes));"
                   "CREATE TABLE record (block_id INTEGER, word TEXT, count INTEGER,"
                   "                     PRIMARY KEY (block_id, word)) WITHOUT ROWID;");
    store->insert_block = store_prepare(store, "INSERT INTO block VALUES (NULL, ?, ?)");
    store->insert_record = store_prepare(store, "INSERT INTO record VALUES (?, ?, ?)");
}

void store_close(struct store *store) {
    sqlite3_finalize(store->insert_block);
    sqlite3_finalize(store->insert_record);
    sqlite3_close(store->database);
}

static void insert_record(struct store *store, int64_t block_id, const struct record *record) {
    sqlite3_stmt *insert = store->insert_record;
    sqlite3_bind_int64(insert, 1, block_id);
    sqlite3_bind_text(insert, 2, record->word, (int)record->length, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 3, record->count);
    if (sqlite3_step(insert) != SQLITE_DONE)
        die("cannot insert: %s", sqlite3_errmsg(store->database));
    sqlite3_reset(insert);
}

/* Links and copies make the same text turn up again: to the profile that is a failed insert. */
int64_t store_block(struct store *store, const struct block *block) {
    PROGNOS_SCOPE("insert_block");
    sqlite3_stmt *insert = store->insert_block;
    sqlite3_bind_int64(insert, 1,
                       (int64_t)crc32(0, (const Bytef *)block->text, (uInt)block->bytes));
    sqlite3_bind_int64(insert, 2, (int64_t)block->bytes);
    int status = sqlite3_step(insert);
    sqlite3_reset(insert);
    if (status == SQLITE_CONSTRAINT) {
        prognos_fail("duplicate");
        return 0;
    }
    if (status != SQLITE_DONE) die("cannot insert: %s", sqlite3_errmsg(store->database));
    prognos_work(1);
    return sqlite3_last_insert_rowid(store->database);
}

void store_records(struct store *store, int64_t block_id, const struct parser *parser) {
    PROGNOS_SCOPE("store");
    static const size_t batch_records = 1000;
    for (size_t first = 0; first < parser->count; first += batch_records) {
        PROGNOS_SCOPE("insert_batch");
        size_t left = parser->count - first;
        size_t count = left < batch_records ? left : batch_records;
        execute(store, "BEGIN");
        for (size_t index = first; index < first + count; index++)
            insert_record(store, block_id, &parser->records[index]);
        execute(store, "COMMIT");
        prognos_work(count);
    }
}
