/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `with operation:` in coroutines and generators. Where the block may be suspended, others begin and end meanwhile, so
 * that it cannot be a begin and an end on the thread: it is a span. In a run (awaitable.c) the span is left while the
 * run is suspended; elsewhere nobody tells when that is, and it has wall time only.
 */
#define Py_BUILD_CORE 1
#include "held.h"

#include <stdlib.h>

struct Held {
    Frame *frame;
    prognos_op op;
    int entered; /* with its holder */
    prognos_span span;
    Holder *holder; /* NULL: none */
    Held *outer;    /* in the same holder */
    Held *next;     /* in the same bucket */
};

__thread Holder *held_in;

/* Of all open blocks, by frame. Under the interpreter's lock. */
enum { buckets = 4096 };
static Held *open_blocks[buckets];

static Held **bucket(Frame *frame) {
    return &open_blocks[((uintptr_t)frame >> 4) * 0x9E3779B97F4A7C15u >> 52];
}

/* Which `with` statements may be suspended, by code and offset. What was there before is looked at again. */
enum { site_slots = 4096 };
static struct site {
    const PyCodeObject *code;
    const PyObject *name;
    int line;
    int offset;
    int suspends;
} sites[site_slots];

static PyObject *may_suspend; /* prognos._suspension.may_suspend */

static int ask(const PyCodeObject *code, int offset) {
    if (!may_suspend) {
        PyObject *module = PyImport_ImportModule("prognos._suspension");
        if (module) may_suspend = PyObject_GetAttrString(module, "may_suspend");
        Py_XDECREF(module);
    }
    PyObject *answer =
        may_suspend ? PyObject_CallFunction(may_suspend, "Oi", (PyObject *)code, offset) : NULL;
    int suspends = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    if (suspends < 0) PyErr_WriteUnraisable(may_suspend);
    return suspends != 0;
}

int held_is_needed(Frame *frame, const PyCodeObject *code) {
    int offset = frame_offset(frame);
    size_t slot = (((uintptr_t)code >> 4) + (size_t)offset * 31) * 0x9E3779B97F4A7C15u >> 52;
    struct site *site = &sites[slot];
    if (LIKELY(site->code == code && site->offset == offset && site->name == code->co_name &&
               site->line == code->co_firstlineno)) {
        return site->suspends;
    }
    int suspends = ask(code, offset);
    *site = (struct site){code, code->co_name, code->co_firstlineno, offset, suspends};
    return suspends;
}

void held_begin(prognos_op op, Frame *frame, const PyCodeObject *code) {
    Held *held = malloc(sizeof *held);
    if (!held) return;
    *held = (Held){.frame = frame, .op = op, .span = prognos_span_begin(op)};
    /* A coroutine is suspended only together with the run that it is awaited in. A generator has to be the run. */
    Holder *holder = held_in;
    if (holder && ((code->co_flags & CO_COROUTINE) || frame_is_of(frame, holder->inner))) {
        held->holder = holder;
        held->outer = holder->innermost;
        holder->innermost = held;
        held->entered = prognos_span_enter(held->span) == PROGNOS_OK;
    }
    Held **place = bucket(frame);
    held->next = *place;
    *place = held;
}

int held_end(prognos_op op, Frame *frame, const char *kind) {
    for (Held **place = bucket(frame); *place; place = &(*place)->next) {
        Held *held = *place;
        if (held->frame != frame || held->op != op) continue;
        *place = held->next;
        if (held->holder) {
            Held **inside = &held->holder->innermost;
            while (*inside && *inside != held)
                inside = &(*inside)->outer;
            if (*inside) *inside = held->outer;
        }
        if (kind) prognos_span_fail(held->span, kind);
        prognos_span_end(held->span);
        free(held);
        return 1;
    }
    return 0;
}

prognos_span held_aside(Frame *frame) {
    for (const Held *held = *bucket(frame); held; held = held->next) {
        if (held->frame == frame) return held->entered ? 0 : held->span;
    }
    return 0;
}

void held_enter(Held *innermost) {
    if (LIKELY(!innermost)) return;
    held_enter(innermost->outer);
    innermost->entered = prognos_span_enter(innermost->span) == PROGNOS_OK;
}

void held_leave(Held *innermost) {
    for (Held *held = innermost; held; held = held->outer) {
        if (held->entered) prognos_span_leave(held->span);
        held->entered = 0;
    }
}

void held_disown(Holder *holder) {
    while (holder->innermost) {
        Held *held = holder->innermost;
        holder->innermost = held->outer;
        held->holder = NULL;
        held->outer = NULL;
    }
}
