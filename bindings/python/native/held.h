/* SPDX-License-Identifier: Apache-2.0 */
/* `with` blocks of coroutines and generators. */
#ifndef PROGNOS_HELD_H
#define PROGNOS_HELD_H

#include "frames.h"

/* A `with` block that may be suspended, open in the frame of a coroutine or generator: a span. */
typedef struct Held Held;

/* A decorated coroutine or generator, and the blocks that are suspended together with it, the innermost first. */
typedef struct {
    PyObject *inner;
    Held *innermost;
} Holder;

/* The one that runs innermost on this thread; NULL for none. */
extern __thread Holder *held_in;

/* Whether a `with` of this frame may be suspended: only then is it a span. */
int held_is_needed(Frame *frame, const PyCodeObject *code);
void held_begin(prognos_op op, Frame *frame, const PyCodeObject *code);
/* Ends the frame's innermost block of an operation; with a kind, as a failed one. 0 when it has none. */
int held_end(prognos_op op, Frame *frame, const char *kind);
/* The span of the frame's innermost block that is not entered; 0 for none. */
prognos_span held_aside(Frame *frame);
/* When their holder goes on, and when it is suspended. */
void held_enter(Held *innermost);
void held_leave(Held *innermost);
/* When the holder is gone. */
void held_disown(Holder *holder);

#endif
