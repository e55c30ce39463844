/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, status codes and the last error. Include <prognos.h>. */
#ifndef PROGNOS_STATUS_H
#define PROGNOS_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGNOS_VERSION_MAJOR 1
#define PROGNOS_VERSION_MINOR 0
#define PROGNOS_VERSION_PATCH 0

#ifdef __cplusplus
#define PROGNOS_EXTERN_C_BEGIN extern "C" {
#define PROGNOS_EXTERN_C_END }
#else
#define PROGNOS_EXTERN_C_BEGIN
#define PROGNOS_EXTERN_C_END
#endif

PROGNOS_EXTERN_C_BEGIN

/** What a call that can fail returns. PROGNOS_OK is 0, every error is negative. */
typedef enum prognos_status {
    PROGNOS_OK = 0,
    PROGNOS_ALREADY_STARTED = -1,  /**< prognos_start() again: harmless, the first options stay */
    PROGNOS_NOT_STARTED = -2,      /**< prognos_stop() without prognos_start(): harmless */
    PROGNOS_INVALID_ARGUMENT = -3, /**< NULL, out of range, or not a number */
    PROGNOS_UNKNOWN_HANDLE = -4,   /**< a handle that was never given out, or is stale */
    PROGNOS_LIMIT_REACHED = -5,    /**< a table or the memory limit is full */
    PROGNOS_NO_MEMORY = -6,        /**< the system gave no memory */
    PROGNOS_IO_ERROR = -7,         /**< a file could not be written; the last error has the cause */
    PROGNOS_NOT_ENOUGH_DATA = -8,  /**< too little was recorded to answer */
    PROGNOS_UNSUPPORTED = -9,      /**< not available in this version or on this system */
    PROGNOS_INVALID_STATE = -10    /**< a call out of order, such as a leave without an enter */
} prognos_status;

/**
 * The version of the loaded library, such as "1.0.0"; compare with PROGNOS_VERSION_*.
 * @return never NULL. Thread: any. Signal: safe.
 */
const char *prognos_version(void);

/**
 * What a status means, in one sentence.
 * @param status  any value; an unknown one gives "unknown status"
 * @return never NULL. Thread: any. Signal: safe.
 */
const char *prognos_status_text(prognos_status status);

/**
 * The calling thread's latest error in a sentence that names the bad value and what is accepted.
 * @return "" when this thread had none; never NULL. The text is replaced by this thread's next
 *         error: copy what you keep. Thread: owner. Signal: unsafe.
 */
const char *prognos_last_error(void);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_STATUS_H */
