/* SPDX-License-Identifier: Apache-2.0 */
/* Spans: calls that leave their thread. */
#include "switched.h"

typedef struct {
    PyObject ob_base;
    prognos_span handle; /* 0 once it was ended */
    Operation *op;
} Span;

static PyTypeObject *span_type;

PyObject *span_begin(Operation *op) {
    Span *self = (Span *)span_type->tp_alloc(span_type, 0);
    if (!self) return NULL;
    self->op = (Operation *)Py_NewRef(op);
    self->handle = prognos_span_begin(op->handle);
    return (PyObject *)self;
}

static void span_dealloc(Span *self) {
    PyTypeObject *type = Py_TYPE(self);
    if (self->handle) {
        prognos_span_fail(self->handle, "abandoned");
        prognos_span_end(self->handle);
    }
    Py_XDECREF(self->op);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *span_enter(Span *self, PyObject *unused) {
    (void)unused;
    return failure_check(prognos_span_enter(self->handle));
}

static PyObject *span_leave(Span *self, PyObject *unused) {
    (void)unused;
    return failure_check(prognos_span_leave(self->handle));
}

/* Ends it, unless another thread has entered it. */
static prognos_status end(Span *self) {
    prognos_status status = prognos_span_end(self->handle);
    if (status != PROGNOS_INVALID_STATE) self->handle = 0;
    return status;
}

static PyObject *span_end(Span *self, PyObject *unused) {
    (void)unused;
    return failure_check(end(self));
}

static PyObject *span_with(Span *self, PyObject *unused) {
    (void)unused;
    prognos_span_enter(self->handle);
    return Py_NewRef(self);
}

static PyObject *span_without(Span *self, PyObject *const *args, Py_ssize_t count) {
    if (count > 0 && args[0] != Py_None) {
        const char *kind = failure_kind(args[0]);
        if (kind) prognos_span_fail(self->handle, kind);
    }
    end(self);
    Py_RETURN_NONE;
}

/* What middlewares call, in whose requests nothing may fail because of what counts them. */
static PyObject *span_resume(Span *self, PyObject *unused) {
    (void)unused;
    prognos_status status = LIKELY(calls_are_watched == 0) ? prognos_span_enter(self->handle)
                                                           : switched_enter_span(self->handle);
    return PyBool_FromLong(status == PROGNOS_OK);
}

static PyObject *span_suspend(Span *self, PyObject *unused) {
    (void)unused;
    if (LIKELY(calls_are_watched == 0)) {
        prognos_span_leave(self->handle);
    } else {
        switched_leave_span(self->handle);
    }
    Py_RETURN_NONE;
}

static PyObject *span_finish(Span *self, PyObject *unused) {
    (void)unused;
    end(self);
    Py_RETURN_NONE;
}

static PyObject *span_mark(Span *self, PyObject *kind) {
    const char *text = PyUnicode_Check(kind) ? PyUnicode_AsUTF8(kind) : NULL;
    if (!text) PyErr_Clear();
    prognos_span_fail(self->handle, text);
    Py_RETURN_NONE;
}

static PyObject *span_work(Span *self, PyObject *amount) {
    uint64_t work;
    if (failure_amount(amount, &work) < 0) return NULL;
    return failure_check(prognos_span_work(self->handle, work));
}

static PyObject *span_fail(Span *self, PyObject *const *args, Py_ssize_t count) {
    const char *kind;
    if (failure_given(args, count, &kind) < 0) return NULL;
    return failure_check(prognos_span_fail(self->handle, kind));
}

static PyObject *span_repr(Span *self) {
    return PyUnicode_FromFormat("<prognos.Span of %R%s>", self->op->name,
                                self->handle ? "" : ", ended");
}

static PyObject *span_operation(Span *self, void *unused) {
    (void)unused;
    return Py_NewRef(self->op);
}

static PyObject *span_handle(Span *self, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong(self->handle);
}

static PyMethodDef methods[] = {
    {"enter", (PyCFunction)span_enter, METH_NOARGS, "From here on this thread runs the span."},
    {"leave", (PyCFunction)span_leave, METH_NOARGS, "From here on the span is suspended."},
    {"end", (PyCFunction)span_end, METH_NOARGS, "Ends the span, on whatever thread."},
    {"work", (PyCFunction)span_work, METH_O, "Adds to its work size."},
    {"fail", (PyCFunction)(void (*)(void))span_fail, METH_FASTCALL, "Marks it as failed."},
    {"_resume", (PyCFunction)span_resume, METH_NOARGS,
     "enter() that never raises; whether it did."},
    {"_suspend", (PyCFunction)span_suspend, METH_NOARGS, "leave() that never raises."},
    {"_finish", (PyCFunction)span_finish, METH_NOARGS, "end() that never raises."},
    {"_mark", (PyCFunction)span_mark, METH_O, "fail() that never raises."},
    {"__enter__", (PyCFunction)span_with, METH_NOARGS, "Enters it."},
    {"__exit__", (PyCFunction)(void (*)(void))span_without, METH_FASTCALL, "Ends it."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"operation", (getter)span_operation, NULL, "What it is a call of.", NULL},
    {"handle", (getter)span_handle, NULL, "Its number; 0 when it was ended.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A call of an operation that is not tied to a thread: Operation.span() begins it."},
    {Py_tp_dealloc, span_dealloc},
    {Py_tp_repr, span_repr},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL}};

static PyType_Spec spec = {"prognos._core.Span", sizeof(Span), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

int span_ready(PyObject *module) {
    span_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!span_type) return -1;
    return PyModule_AddObjectRef(module, "Span", (PyObject *)span_type);
}
