/* SPDX-License-Identifier: Apache-2.0 */
/* From a block to records: each word with the number of times it occurs. */
#include "ingest.h"

#include <string.h>

static bool is_letter(char byte) {
    unsigned char folded = (unsigned char)byte | 0x20; /* ASCII upper case to lower case */
    return (folded >= 'a' && folded <= 'z') || folded >= 0x80;
}

static void count_word(struct parser *parser, const char *word, uint32_t length) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (uint32_t index = 0; index < length; index++)
        hash = (hash ^ (unsigned char)word[index]) * 16777619u;
    size_t slot = (hash ^ hash >> 16) % BLOCK_BYTES;
    for (; parser->slots[slot] != 0; slot = (slot + 1) % BLOCK_BYTES) {
        struct record *record = &parser->records[parser->slots[slot] - 1];
        if (record->length == length && memcmp(record->word, word, length) == 0) {
            record->count++;
            return;
        }
    }
    parser->records[parser->count++] = (struct record){word, length, 1};
    parser->slots[slot] = (uint16_t)parser->count;
}

static void tokenize(struct parser *parser, const struct block *block) {
    PROGNOS_SCOPE("tokenize");
    const char *text = block->text, *end = text + block->bytes;
    while (text < end) {
        const char *word = text;
        while (text < end && is_letter(*text))
            text++;
        if (text > word)
            count_word(parser, word, (uint32_t)(text - word));
        else
            text++;
    }
    prognos_work(block->bytes);
}

void parse_block(struct parser *parser, const struct block *block) {
    PROGNOS_SCOPE("parse");
    memset(parser->slots, 0, sizeof parser->slots);
    parser->count = 0;
    tokenize(parser, block);
    prognos_work(parser->count);
}
