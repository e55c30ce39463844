/* SPDX-License-Identifier: Apache-2.0 */
/* The corpus: text that a Debian machine has anyway, or generated text where it has too little. */
#include "ingest.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No machine has every word list: a pattern without a match stays as it is, a missing file. */
static const char *const patterns[] = {
    "/usr/share/dict/american-english-insane",
    "/usr/share/dict/*",
    "/usr/share/dict/volapuk",
    "/usr/share/common-licenses/*",
    "/usr/share/perl/*/*.p[lm]",
    "/usr/lib/python3*/*.py",
    "/usr/lib/python3*/*/*.py",
    "/usr/include/*.h",
    "/usr/include/*/*.h",
};

static void append_block(struct corpus *corpus, const char *text, size_t bytes) {
    if (corpus->count == corpus->capacity) {
        corpus->capacity = corpus->capacity ? 2 * corpus->capacity : 1024;
        corpus->blocks = realloc(corpus->blocks, corpus->capacity * sizeof *corpus->blocks);
        if (!corpus->blocks) die("out of memory");
    }
    struct block block = {.text = malloc(bytes), .bytes = bytes};
    if (!block.text) die("out of memory");
    memcpy(block.text, text, bytes);
    corpus->blocks[corpus->count++] = block;
    corpus->bytes += bytes;
    prognos_work(bytes); /* of whoever reads or generates it */
}

static void read_file(struct corpus *corpus, const char *path) {
    PROGNOS_SCOPE("read_file");
    FILE *file = fopen(path, "rb");
    if (!file) {
        prognos_fail(errno == ENOENT ? "missing" : "unreadable");
        return;
    }
    char text[BLOCK_BYTES];
    size_t bytes;
    while ((bytes = fread(text, 1, sizeof text, file)) > 0)
        append_block(corpus, text, bytes);
    if (ferror(file)) prognos_fail("unreadable"); /* a directory that matches a pattern, too */
    fclose(file);
}

/* The same text on every machine; low numbers are frequent, like the short words of a language. */
static void generate_block(struct corpus *corpus, uint64_t *state) {
    PROGNOS_SCOPE("generate_block");
    char text[BLOCK_BYTES];
    size_t bytes = 0;
    while (bytes + 16 <= sizeof text) {
        *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX generator */
        uint64_t number = (*state >> 32) % (1u << (*state >> 60));
        do
            text[bytes++] = (char)('a' + number % 26);
        while ((number /= 26) > 0);
        text[bytes++] = ' ';
    }
    append_block(corpus, text, bytes);
}

void corpus_load(struct corpus *corpus) {
    PROGNOS_SCOPE("load");
    glob_t paths = {0};
    for (size_t index = 0; index < sizeof patterns / sizeof *patterns; index++)
        if (glob(patterns[index], GLOB_NOCHECK | (index ? GLOB_APPEND : 0), NULL, &paths) != 0)
            die("cannot list %s", patterns[index]);
    for (size_t index = 0; index < paths.gl_pathc && corpus->bytes < CORPUS_BYTES; index++)
        read_file(corpus, paths.gl_pathv[index]);
    globfree(&paths);
    uint64_t state = 1;
    while (corpus->bytes < CORPUS_MIN_BYTES)
        generate_block(corpus, &state);
}

void corpus_free(struct corpus *corpus) {
    for (size_t index = 0; index < corpus->count; index++)
        free(corpus->blocks[index].text);
    free(corpus->blocks);
}
