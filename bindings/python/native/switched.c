/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greenlets: stacks of their own that take turns on one thread, at any call. What one has open must not stay open on
 * the thread while another runs. So on a thread that was told to expect it, each call is a span; at a switch those of
 * the old greenlet are left, and those of the new one entered. Under the interpreter's lock.
 */
#include "switched.h"

#include <stdlib.h>

/* Something open: a call (with its span), a span, or a session. */
typedef struct {
    prognos_op op; /* of a call, which ends with its span; 0 for the others */
    prognos_span span;
    prognos_session session;
} Entry;

/* What a greenlet has open, outermost first. Only those that have something have one. */
typedef struct Stack {
    const void *greenlet; /* only compared */
    size_t count, room;
    struct Stack *next;
    Entry *entries;
} Stack;

int calls_are_watched;

enum { buckets = 1024 };
static Stack *stacks[buckets]; /* of greenlets that do not run */

static __thread int is_switched; /* this thread was told to expect it */
static __thread const void *current;
static __thread Stack *mine;      /* of the greenlet that runs; NULL: nothing is open */
static __thread PyObject *before; /* the trace function that was there, called as well */

static Stack **bucket(const void *greenlet) {
    return &stacks[((uintptr_t)greenlet >> 4) * 0x9E3779B97F4A7C15u >> 54];
}

static void enter(const Entry *entry) {
    if (entry->session) {
        prognos_session_enter(entry->session);
    } else {
        prognos_span_enter(entry->span);
    }
}

static void leave(const Entry *entry) {
    if (entry->session) {
        prognos_session_leave(entry->session);
    } else {
        prognos_span_leave(entry->span);
    }
}

static int push(Entry entry) {
    if (!mine) {
        mine = calloc(1, sizeof *mine);
        if (!mine) return 0;
        mine->greenlet = current;
    }
    if (mine->count == mine->room) {
        size_t room = mine->room ? mine->room * 2 : 16;
        Entry *entries = realloc(mine->entries, room * sizeof *entries);
        if (!entries) return 0;
        mine->entries = entries;
        mine->room = room;
    }
    mine->entries[mine->count++] = entry;
    return 1;
}

static void forget(Stack *stack) {
    free(stack->entries);
    free(stack);
}

/* Closes the innermost entries, down to a number of them: what was open inside is abandoned. */
static void close_down_to(Stack *stack, size_t count) {
    while (stack->count > count) {
        const Entry *entry = &stack->entries[--stack->count];
        leave(entry);
        if (entry->op) {
            prognos_span_fail(entry->span, "abandoned");
            prognos_span_end(entry->span);
        }
    }
}

/* The index + 1 of the innermost entry that is the same; 0 for none. */
static size_t find(prognos_op op, prognos_span span, prognos_session session) {
    for (size_t at = mine ? mine->count : 0; at > 0; at--) {
        const Entry *entry = &mine->entries[at - 1];
        if (op ? entry->op == op : entry->span == span && entry->session == session) return at;
    }
    return 0;
}

static void drop_if_empty(void) {
    if (mine && mine->count == 0) {
        forget(mine);
        mine = NULL;
    }
}

void switched_begin(prognos_op op) {
    if (!is_switched) {
        prognos_begin(op);
        return;
    }
    Entry entry = {.op = op, .span = prognos_span_begin(op)};
    if (push(entry)) {
        prognos_span_enter(entry.span);
    } else {
        prognos_span_end(entry.span);
    }
}

void switched_end(prognos_op op, const char *kind) {
    size_t at = is_switched ? find(op, 0, 0) : 0;
    if (at == 0) { /* begun before the thread was told, or never */
        if (kind) prognos_fail(kind);
        prognos_end(op);
        return;
    }
    close_down_to(mine, at);
    const Entry entry = mine->entries[--mine->count];
    if (kind) prognos_span_fail(entry.span, kind);
    prognos_span_end(entry.span);
    drop_if_empty();
}

prognos_status switched_enter_span(prognos_span span) {
    prognos_status status = prognos_span_enter(span);
    if (is_switched && status == PROGNOS_OK && !push((Entry){.span = span})) {
        prognos_span_leave(span);
        return PROGNOS_NO_MEMORY;
    }
    return status;
}

void switched_leave_span(prognos_span span) {
    size_t at = is_switched ? find(0, span, 0) : 0;
    if (at) {
        close_down_to(mine, at);
        mine->count--;
    }
    prognos_span_leave(span);
    drop_if_empty();
}

void switched_enter_session(prognos_session session) {
    if (!is_switched || push((Entry){.session = session})) prognos_session_enter(session);
}

void switched_leave_session(prognos_session session) {
    size_t at = is_switched ? find(0, 0, session) : 0;
    if (at) {
        close_down_to(mine, at);
        mine->count--;
    }
    prognos_session_leave(session);
    drop_if_empty();
}

static int is_dead(PyObject *greenlet) {
    PyObject *dead = PyObject_GetAttrString(greenlet, "dead");
    int is = dead ? PyObject_IsTrue(dead) : -1;
    Py_XDECREF(dead);
    if (is < 0) PyErr_Clear();
    return is == 1;
}

static void switch_to(PyObject *origin, PyObject *target) {
    if (mine && mine->greenlet == current) {
        if (current == origin && is_dead(origin)) {
            close_down_to(mine, 0);
            forget(mine);
        } else {
            for (size_t at = mine->count; at > 0; at--)
                leave(&mine->entries[at - 1]);
            Stack **place = bucket(current);
            mine->next = *place;
            *place = mine;
        }
    }
    mine = NULL;
    current = target;
    for (Stack **place = bucket(target); *place; place = &(*place)->next) {
        if ((*place)->greenlet != target) continue;
        mine = *place;
        *place = mine->next;
        for (size_t at = 0; at < mine->count; at++)
            enter(&mine->entries[at]);
        break;
    }
}

/* A trace function of the greenlet package: (event, (origin, target)). */
static PyObject *switched_trace(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (is_switched && count == 2 && PyTuple_Check(args[1]) && PyTuple_GET_SIZE(args[1]) == 2) {
        switch_to(PyTuple_GET_ITEM(args[1], 0), PyTuple_GET_ITEM(args[1], 1));
    }
    if (before) return PyObject_Vectorcall(before, args, (size_t)count, NULL);
    Py_RETURN_NONE;
}

/* (the greenlet that runs, the trace function before): this thread runs greenlets from here on. */
static PyObject *switched_on(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *greenlet, *trace;
    if (!PyArg_ParseTuple(args, "OO", &greenlet, &trace)) return NULL;
    if (!is_switched) {
        is_switched = 1;
        calls_are_watched++;
        current = greenlet;
    }
    Py_XSETREF(before, trace == Py_None ? NULL : Py_NewRef(trace));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"switched_on", switched_on, METH_VARARGS,
     "switched_on(greenlet, trace, /)\n--\n\nThis thread runs greenlets from here on."},
    {"switched_trace", (PyCFunction)(void (*)(void))switched_trace, METH_FASTCALL,
     "switched_trace(event, greenlets, /)\n--\n\nThe trace function for greenlet.settrace()."},
    {NULL, NULL, 0, NULL}};

int switched_ready(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
