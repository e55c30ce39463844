/* SPDX-License-Identifier: Apache-2.0 */
/* A profile as a file or as text. Include <prognos.h>. */
#ifndef PROGNOS_DUMP_H
#define PROGNOS_DUMP_H

#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/** The form of a profile. A form that this version cannot write gives PROGNOS_UNSUPPORTED. */
typedef enum prognos_format {
    PROGNOS_JSON = 0, /**< everything; described by docs/profile.schema.json */
    PROGNOS_TEXT = 1, /**< a table to read in a terminal, UTF-8 */
    /**
     * One line a path of operations and, where stacks were sampled, a call stack in it: "a;b;main;f
     * self_wall_ns", for flame graphs; ";" in names is ",".
     */
    PROGNOS_FOLDED = 2,
    PROGNOS_PPROF = 3, /**< not in this version */
    /**
     * The timeline (PROGNOS_TRACK_TIMELINE) in the Trace Event Format, JSON: open it in ui.perfetto.dev or
     * chrome://tracing. A complete event ("ph": "X") for each call, with ts and dur in microseconds since the
     * recording began, and in args what it has of: "work"; "failure", the kind; "abandoned": true; "open":
     * true for one that has not ended (dur is so far); "began_before": true where its begin was written over
     * (ts is the first moment that is known). "cat" is "operation", or "span" for a span's stay on a thread.
     * While recording was switched off there is an event "recording off" of thread 0. Without a timeline the
     * file is valid, without calls, and "otherData" says why.
     */
    PROGNOS_CHROME_TRACE = 4,
    PROGNOS_SPEEDSCOPE = 5,  /**< not in this version */
    PROGNOS_OPENMETRICS = 6, /**< not in this version */
    PROGNOS_OTLP = 7,        /**< not in this version */
    PROGNOS_HTML = 8,        /**< not in this version */
    PROGNOS_TEXT_ASCII = 9   /**< PROGNOS_TEXT in plain ASCII */
} prognos_format;

/**
 * Writes what was recorded so far to a file. It is written beside the path and renamed, so that a
 * reader never sees half a file, and a failed dump leaves an older file as it was. Symbolic links are
 * followed, an existing file's mode is kept, a device or pipe is written to in place.
 * @param path    a file name in an existing directory; "-" is standard output, past stdio's buffer:
 *                call fflush() first
 * @param format  one of prognos_format
 * @return PROGNOS_OK; PROGNOS_INVALID_ARGUMENT; PROGNOS_UNSUPPORTED; PROGNOS_IO_ERROR with the path
 *         and the system's reason in the last error; PROGNOS_NO_MEMORY.
 * Cost: reads the recording and formats it on the calling thread (milliseconds for a thousand
 * operations); names functions by the symbol tables of the program's files, which it opens; uses malloc. Recording threads are never stopped. Thread: any. Signal: unsafe.
 */
prognos_status prognos_dump(const char *path, prognos_format format);

/**
 * Renders what was recorded so far into a buffer, with snprintf's contract: at most capacity - 1
 * bytes and a final NUL are written, and *needed is the length of the whole text without the NUL. A
 * later call may need more, since recording goes on: ask for the length, add some, and try again.
 * @param format    one of prognos_format
 * @param buffer    NULL is allowed when capacity is 0
 * @param capacity  the size of the buffer in bytes
 * @param needed    receives the whole length in bytes; NULL is allowed
 * @return PROGNOS_OK also when the text was cut; PROGNOS_INVALID_ARGUMENT; PROGNOS_UNSUPPORTED;
 *         PROGNOS_NO_MEMORY. Cost and safety: as prognos_dump().
 */
prognos_status prognos_render(prognos_format format, char *buffer, size_t capacity, size_t *needed);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_DUMP_H */
