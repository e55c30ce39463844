/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gigabyte of live blocks of mixed sizes from eight call sites, and as much that was freed again. Writes the
 * profile to the file it is given, and prints how many bytes of each site live in truth.
 */
#include <prognos.h>

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { sites = 8 };

static const uint64_t target = 1ull << 30;
static uint64_t live_bytes[sites], all_bytes[sites], random_state = 88172645463325252u;

static uint64_t random_number(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* From a few bytes to some hundred kilobytes; each site has a range of its own. */
static size_t size_for(int site) {
    return 16 + random_number() % ((size_t)96 << (site + site / 2));
}

#define SITE(number)                                                                               \
    __attribute__((noinline)) static void *site_##number(void) {                                   \
        void *block = malloc(size_for(number));                                                    \
        __asm__ volatile("" : : "r"(block));                                                       \
        return block;                                                                              \
    }
SITE(0)
SITE(1)
SITE(2)
SITE(3)
SITE(4)
SITE(5)
SITE(6)
SITE(7)

int main(int argc, char **argv) {
    static void *(*const allocate[sites])(void) = {site_0, site_1, site_2, site_3,
                                                   site_4, site_5, site_6, site_7};
    if (argc < 2 || prognos_start(NULL, 0) != PROGNOS_OK) return 1;
    void *late[64] = {0};
    for (uint64_t sum = 0; sum < target;) {
        /* The site that has the least: each gets an eighth of the bytes. */
        int site = 0;
        for (int s = 1; s < sites; s++)
            if (live_bytes[s] < live_bytes[site]) site = s;
        void *block = allocate[site](), **other = &late[random_number() % 64];
        if (!block) return 1;
        sum += malloc_usable_size(block);
        live_bytes[site] += malloc_usable_size(block);
        all_bytes[site] += malloc_usable_size(block);
        free(*other);
        *other = allocate[site]();
        all_bytes[site] += malloc_usable_size(*other);
    }
    for (int b = 0; b < 64; b++)
        free(late[b]);
    if (prognos_dump(argv[1], PROGNOS_JSON) != PROGNOS_OK) return 1;
    printf("{");
    for (int s = 0; s < sites; s++)
        printf("%s\"site_%d\": [%llu, %llu]", s ? ", " : "", s, (unsigned long long)live_bytes[s],
               (unsigned long long)all_bytes[s]);
    printf("}\n");
    return 0;
}
