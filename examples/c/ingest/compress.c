/* SPDX-License-Identifier: Apache-2.0 */
/* The second worker: compresses blocks and appends them to an archive. */
#include "ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

size_t compress_all(struct queue *queue) {
    /* Handles taken once: inside the loop only the hot calls remain. */
    const prognos_op compress = prognos_op_named("compress");
    const prognos_op deflate = prognos_op_named("deflate");
    const prognos_op append = prognos_op_named("append_archive");

    FILE *archive = tmpfile();
    uLong capacity = compressBound(BLOCK_BYTES);
    Bytef *compressed = malloc(capacity);
    if (!archive || !compressed) die("cannot make an archive");

    size_t archive_bytes = 0;
    const struct block *block;
    while ((block = queue_pop(queue))) {
        prognos_begin(compress);

        prognos_begin(deflate);
        uLongf bytes = capacity;
        if (compress2(compressed, &bytes, (const Bytef *)block->text, block->bytes, 6) != Z_OK)
            die("cannot compress");
        prognos_work(block->bytes);
        prognos_end(deflate);

        prognos_begin(append);
        if (fwrite(compressed, 1, bytes, archive) != bytes) die("cannot write the archive");
        prognos_work(bytes);
        prognos_end(append);

        prognos_end(compress);
        archive_bytes += bytes;
    }
    fclose(archive);
    free(compressed);
    return archive_bytes;
}
