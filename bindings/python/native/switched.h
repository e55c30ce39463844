/* SPDX-License-Identifier: Apache-2.0 */
/* Begin and end on threads that run several stacks in turn: greenlets. */
#ifndef PROGNOS_SWITCHED_H
#define PROGNOS_SWITCHED_H

#include "core.h"

/* Above 0 once a thread was told to expect greenlets. While it is 0, nothing here costs more than a look at it. */
extern int calls_are_watched;

void switched_begin(prognos_op op);
void switched_end(prognos_op op, const char *kind);
/* Spans and sessions of the host's own. */
prognos_status switched_enter_span(prognos_span span);
void switched_leave_span(prognos_span span);
void switched_enter_session(prognos_session session);
void switched_leave_session(prognos_session session);
int switched_ready(PyObject *module);

static inline void call_begin(prognos_op op) {
    if (LIKELY(calls_are_watched == 0)) {
        prognos_begin(op);
    } else {
        switched_begin(op);
    }
}

/* With a kind, as a failed one. */
static inline void call_end(prognos_op op, const char *kind) {
    if (LIKELY(calls_are_watched == 0)) {
        if (UNLIKELY(kind != NULL)) prognos_fail(kind);
        prognos_end(op);
    } else {
        switched_end(op, kind);
    }
}

#endif
