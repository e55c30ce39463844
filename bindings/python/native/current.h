/* SPDX-License-Identifier: Apache-2.0 */
/* The name of the operation that a thread is in, for those who asked to be told. */
#ifndef PROGNOS_CURRENT_H
#define PROGNOS_CURRENT_H

#include "core.h"

/* Until somebody asks, nothing is kept: it would take time in each call. */
extern int current_is_kept;

void current_push(prognos_op op);
void current_pop(prognos_op op);
int current_ready(PyObject *module);

static inline void current_entered(prognos_op op) {
    if (UNLIKELY(current_is_kept)) current_push(op);
}

/* The innermost of this operation, and what was entered inside it. */
static inline void current_left(prognos_op op) {
    if (UNLIKELY(current_is_kept)) current_pop(op);
}

#endif
