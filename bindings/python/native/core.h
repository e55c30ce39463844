/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the extension module share. Objects exist for operations, spans and sessions, never for calls. */
#ifndef PROGNOS_CORE_H
#define PROGNOS_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <prognos.h>

#if PY_VERSION_HEX < 0x030A0000
#error "prognos needs CPython 3.10 or later"
#endif
#ifdef PYPY_VERSION
#error                                                                                             \
    "prognos needs CPython: PyPy has no frames that a native profiler could see. Use libprognos through cffi there."
#endif

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* operation.c */
typedef struct {
    PyObject ob_base;
    prognos_op handle;
    PyObject *name;
    PyObject *work; /* an int, a callable, or NULL */
} Operation;
extern PyTypeObject *operation_type;
int operation_ready(PyObject *module);
/* Of the innermost open call, for Python code that is running. */
void operation_add_work(uint64_t amount);
void operation_mark_failed(const char *kind);

/* function.c: what an operation makes of the functions that it decorates */
extern PyTypeObject *function_type;
int function_ready(PyObject *module);
PyObject *function_wrap(Operation *op, PyObject *callable);

/* monitor.c */
/* A copy of a plain Python function that tells of its calls; NULL, with or without an exception, where that cannot be. */
PyObject *monitor_wrap(Operation *op, PyObject *function);

/* awaitable.c: coroutines, generators and asynchronous generators, each run of which is a span */
int awaitable_ready(PyObject *module);
/* Steals the reference to `inner`. */
PyObject *awaitable_wrap(Operation *op, PyObject *inner);

/* ready.c */
/* An awaitable that gives the value at once. */
PyObject *awaitable_ready_made(PyObject *value);
/* What came of a send(), as its method gives it: StopIteration where it has returned. Takes the reference. */
PyObject *awaitable_returned(PySendResult came, PyObject *result);
int ready_ready(PyObject *module);

/* span.c, session.c */
int span_ready(PyObject *module);
PyObject *span_begin(Operation *op);
int session_ready(PyObject *module);

/* failure.c */
/* The kind of failure that an exception's type stands for; NULL for what ends generators in the normal course. */
const char *failure_kind(PyObject *type);
/* The pending exception's, which stays pending. */
const char *failure_pending(void);
int failure_ready(PyObject *module);
/* What the host gives as a work size, and as a kind of failure (no argument: NULL). 0, or -1 with an exception. */
int failure_amount(PyObject *given, uint64_t *amount);
int failure_given(PyObject *const *args, Py_ssize_t count, const char **kind);
/* Raises prognos.Error for a status; returns NULL. */
PyObject *failure_raise(prognos_status status);
/* None, or prognos.Error. */
PyObject *failure_check(prognos_status status);

/* frames.c: Python frames in call stacks */
int frames_ready(void);

/* log.c: a method of the module */
PyObject *log_to(PyObject *module, PyObject *callable);

#endif
