/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs do: hash, build trees, copy, and some of each. */
#define _GNU_SOURCE 1
#include "async.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const job_kind_names[JOB_KINDS] = {"hash", "tree", "copy", "mixed"};

enum { STEPS = 20, BLOCK = 4096 };

unsigned job_scale = 1;

static void *counted_malloc(job *work, size_t bytes) {
    void *block = malloc(bytes);
    if (!block) abort();
    work->account.allocations++;
    work->account.allocated_bytes += malloc_usable_size(block);
    return block;
}

/* FNV-1a. */
static uint64_t hash(uint64_t seed, unsigned rounds) {
    uint64_t h = 0xcbf29ce484222325u ^ seed;
    for (unsigned i = 0; i < rounds; i++)
        h = (h ^ (i & 255)) * 0x100000001b3u;
    return h;
}

typedef struct node {
    struct node *left, *right;
    uint64_t key;
} node;

static void insert(job *work, node **root, uint64_t key) {
    while (*root)
        root = key < (*root)->key ? &(*root)->left : &(*root)->right;
    node *fresh = counted_malloc(work, sizeof *fresh + key % 100);
    fresh->left = fresh->right = NULL;
    fresh->key = key;
    *root = fresh;
}

static uint64_t take_down(node *root) {
    if (!root) return 0;
    uint64_t sum = root->key + take_down(root->left) + take_down(root->right);
    free(root);
    return sum;
}

static uint64_t tree(job *work, unsigned step) {
    node *root = NULL;
    for (unsigned i = 0; i < 300; i++)
        insert(work, &root, hash(work->number * 1000u + step, i + 1));
    return take_down(root);
}

static uint64_t copy(job *work, unsigned step) {
    char *block = counted_malloc(work, BLOCK);
    for (unsigned i = 0; i < 30; i++) {
        ssize_t got = pread(work->input, block, BLOCK, (off_t)((step + i) % 16) * BLOCK);
        ssize_t put = write(work->output, block, (size_t)(got > 0 ? got / 2 : 0));
        work->account.io_calls += 2;
        work->account.read_bytes += (uint64_t)got;
        work->account.written_bytes += (uint64_t)put;
    }
    uint64_t last = (unsigned char)block[BLOCK - 1];
    free(block);
    return last + hash(last, 10000);
}

static uint64_t thread_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void run_job(job *work) {
    for (unsigned step = 0; step < STEPS; step++) {
        uint64_t from = thread_cpu_ns();
        for (unsigned i = 0; i < job_scale; i++)
            switch (work->kind == 3 ? step % 3 : work->kind) {
            case 0:
                work->result += hash(work->number + step, 50000);
                break;
            case 1:
                work->result += tree(work, step);
                break;
            default:
                work->result += copy(work, step);
                break;
            }
        prognos_work(1);
        work->account.cpu_ns += thread_cpu_ns() - from;
        pause_here();
    }
}
