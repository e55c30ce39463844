/* SPDX-License-Identifier: Apache-2.0 */
/* What runs and the `with` blocks in them know of each other. */
#ifndef PROGNOS_AWAITABLE_H
#define PROGNOS_AWAITABLE_H

#include "frames.h"

/* A `with` block that may be suspended, open in the frame of a coroutine or generator: a span. */
typedef struct Held Held;
struct Run;

/* The decorated coroutine or generator that runs innermost on this thread; borrowed, NULL for none. */
struct Run *run_innermost(void);
int run_is_in_frame(const struct Run *run, Frame *frame);
/* Its open blocks, the innermost first. */
Held **run_held(struct Run *run);

/* held.c */
/* Whether a `with` of this frame may be suspended: only then is it a span. */
int held_is_needed(Frame *frame, const PyCodeObject *code);
void held_begin(prognos_op op, Frame *frame, const PyCodeObject *code);
/* Ends the frame's innermost block of an operation; with a kind, as a failed one. 0 when it has none. */
int held_end(prognos_op op, Frame *frame, const char *kind);
/* The span of the frame's innermost block that is not entered; 0 for none. */
prognos_span held_aside(Frame *frame);
/* When the run that they are in goes on, and when it is suspended. */
void held_enter(Held *innermost);
void held_leave(Held *innermost);
/* When the run is gone. */
void held_disown(Held *innermost);

#endif
