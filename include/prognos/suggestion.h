/* SPDX-License-Identifier: Apache-2.0 */
/* What to change, and what it brings. Include <prognos.h>. */
#ifndef PROGNOS_SUGGESTION_H
#define PROGNOS_SUGGESTION_H

#include "operation.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

typedef enum prognos_suggestion_kind {
    PROGNOS_SUGGEST_BUFFER_READS = 1,   /**< small reads, one after the other: a bigger buffer */
    PROGNOS_SUGGEST_CACHE_READS = 2,    /**< small reads in random order: sort, cache or map */
    PROGNOS_SUGGEST_BUFFER_WRITES = 3,  /**< small writes: collect them */
    PROGNOS_SUGGEST_BATCH_SYNCS = 4,    /**< one sync for several changes */
    PROGNOS_SUGGEST_KEEP_OPEN = 5,      /**< files that are opened again and again */
    PROGNOS_SUGGEST_POOL_MEMORY = 6,    /**< blocks that are allocated and freed all the time */
    PROGNOS_SUGGEST_SPLIT_LOCK = 7,     /**< threads wait for a lock */
    PROGNOS_SUGGEST_IO_OUT_OF_LOCK = 8, /**< threads wait for a lock whose holder waits for I/O */
    PROGNOS_SUGGEST_CACHE_RESULT = 9,   /**< the same few computations again and again */
    PROGNOS_SUGGEST_RETRY_LESS = 10,    /**< calls that fail alike are made again and again */
    PROGNOS_SUGGEST_ALGORITHM = 11,     /**< time grows with the square of the work, or faster */
    PROGNOS_SUGGEST_FIX_LEAK = 12       /**< what prognos_leaks_read() found */
} prognos_suggestion_kind;

/** Something worth changing. */
typedef struct prognos_suggestion {
    double gain_ratio; /**< the share of the operation's time that goes away; 0 for a leak */
    double gain_low;   /**< of that, what is likely at least and at most */
    double gain_high;
    double confidence; /**< 0..1: that it is what to do, and brings this */
    uint64_t samples;  /**< calls, blocks or waits that it rests on */
    uint64_t saved_ns; /**< gain_ratio of the operation's time so far */
    prognos_op op;     /**< 0: the process */
    uint32_t kind;     /**< prognos_suggestion_kind */
    uint32_t
        impact; /**< 0 low, 1 medium (5 % of the time of all operations), 2 high (20 %, leaks) */
    uint32_t reserved;
    char text[240];   /**< what to do */
    char reason[240]; /**< the evidence, in numbers */
} prognos_suggestion;

/**
 * Reads what is worth changing, what brings the most first; nothing on a run that needs nothing. Computed when asked
 * from what was recorded so far: I/O, memory and locks as far as prognos_start() was asked to track them. The rules
 * are one table, Sources/Analysis/SuggestionRules.swift; docs/methods.md tells how gains are estimated.
 * @param out       an array of `capacity` structs of `size` bytes each; NULL when capacity is 0
 * @param count     receives how many there are, which may be more than capacity; at most 32
 * Cost: up to some milliseconds; uses malloc. Thread: any. Signal: unsafe.
 */
prognos_status prognos_suggestions_read(prognos_suggestion *out, size_t size, size_t capacity,
                                        size_t *count);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_SUGGESTION_H */
