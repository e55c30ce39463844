/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: made once, used as context managers, decorators, or by begin() and end(). */
#define Py_BUILD_CORE 1
#include "held.h"
#include "switched.h"

PyTypeObject *operation_type;

static PyObject *operation_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"name", "work", NULL};
    PyObject *name, *work = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "U|$O:op", names, &name, &work)) return NULL;
    if (work != Py_None && !PyCallable_Check(work)) {
        if (!PyLong_Check(work)) {
            PyErr_Format(PyExc_TypeError, "work is a %.100s; expected a number or a callable",
                         Py_TYPE(work)->tp_name);
            return NULL;
        }
        PyLong_AsUnsignedLongLong(work);
        if (PyErr_Occurred()) return NULL;
    }
    const char *text = PyUnicode_AsUTF8(name);
    if (!text) return NULL;
    prognos_op handle = prognos_op_named(text);
    if (handle == 0 && text[0] == 0) return failure_raise(PROGNOS_INVALID_ARGUMENT);
    Operation *self = (Operation *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->handle = handle; /* 0 where the table is full: calls are counted as of no operation */
    self->name = Py_NewRef(name);
    self->work = work == Py_None ? NULL : Py_NewRef(work);
    return (PyObject *)self;
}

static int operation_traverse(Operation *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->work);
    return 0;
}

static int operation_clear(Operation *self) {
    Py_CLEAR(self->work);
    return 0;
}

static void operation_dealloc(Operation *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    operation_clear(self);
    Py_XDECREF(self->name);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/*
 * Code that can be suspended: a coroutine or a generator. The frame of the caller, since C functions have none.
 */
static inline Frame *suspendable_frame(const PyCodeObject **code) {
    Frame *frame = frame_of(thread_state());
    *code = frame ? frame_code(frame) : NULL;
    int flags = *code ? (*code)->co_flags : 0;
    return UNLIKELY(flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) ? frame : NULL;
}

static PyObject *operation_with(Operation *self, PyObject *unused) {
    (void)unused;
    const PyCodeObject *code;
    Frame *frame = suspendable_frame(&code);
    if (UNLIKELY(frame != NULL) && held_is_needed(frame, code)) {
        held_begin(self->handle, frame, code);
    } else {
        call_begin(self->handle);
    }
    return Py_NewRef(self);
}

static PyObject *operation_without(Operation *self, PyObject *const *args, Py_ssize_t count) {
    const PyCodeObject *code;
    Frame *frame = suspendable_frame(&code);
    const char *kind = NULL;
    if (UNLIKELY(count > 0 && args[0] != Py_None)) kind = failure_kind(args[0]);
    if (UNLIKELY(frame != NULL) && held_end(self->handle, frame, kind)) Py_RETURN_NONE;
    call_end(self->handle, kind);
    Py_RETURN_NONE;
}

static PyObject *operation_async_with(Operation *self, PyObject *unused) {
    (void)unused;
    const PyCodeObject *code;
    Frame *frame = suspendable_frame(&code);
    if (frame) {
        held_begin(self->handle, frame, code);
    } else {
        call_begin(self->handle);
    }
    return awaitable_ready_made((PyObject *)self);
}

static PyObject *operation_async_without(Operation *self, PyObject *const *args, Py_ssize_t count) {
    PyObject *none = operation_without(self, args, count);
    PyObject *ready = awaitable_ready_made(none);
    Py_DECREF(none);
    return ready;
}

/* The span of the innermost open block that stands aside; 0 where the thread's innermost call is meant. */
static prognos_span aside_here(void) {
    const PyCodeObject *code;
    Frame *frame = suspendable_frame(&code);
    return frame ? held_aside(frame) : 0;
}

void operation_add_work(uint64_t amount) {
    prognos_span aside = aside_here();
    if (aside) {
        prognos_span_work(aside, amount);
    } else {
        prognos_work(amount);
    }
}

void operation_mark_failed(const char *kind) {
    prognos_span aside = aside_here();
    if (aside) {
        prognos_span_fail(aside, kind);
    } else {
        prognos_fail(kind);
    }
}

static PyObject *operation_begin(Operation *self, PyObject *unused) {
    (void)unused;
    call_begin(self->handle);
    Py_RETURN_NONE;
}

static PyObject *operation_end(Operation *self, PyObject *unused) {
    (void)unused;
    call_end(self->handle, NULL);
    Py_RETURN_NONE;
}

static PyObject *operation_span(Operation *self, PyObject *unused) {
    (void)unused;
    return span_begin(self);
}

static PyObject *operation_work(Operation *self, PyObject *amount) {
    (void)self;
    uint64_t work;
    if (failure_amount(amount, &work) < 0) return NULL;
    operation_add_work(work);
    Py_RETURN_NONE;
}

static PyObject *operation_fail(Operation *self, PyObject *const *args, Py_ssize_t count) {
    (void)self;
    const char *kind;
    if (failure_given(args, count, &kind) < 0) return NULL;
    operation_mark_failed(kind);
    Py_RETURN_NONE;
}

static PyObject *operation_call(Operation *self, PyObject *args, PyObject *keywords) {
    PyObject *callable;
    if (keywords && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "an operation takes the function to decorate");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O:operation", &callable)) return NULL;
    return function_wrap(self, callable);
}

static PyObject *operation_repr(Operation *self) {
    return PyUnicode_FromFormat("<prognos.Operation %R>", self->name);
}

static PyObject *operation_compare(PyObject *a, PyObject *b, int how) {
    if ((how != Py_EQ && how != Py_NE) || !PyObject_TypeCheck(b, operation_type)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    int same = ((Operation *)a)->handle == ((Operation *)b)->handle;
    return PyBool_FromLong(how == Py_EQ ? same : !same);
}

static Py_hash_t operation_hash(Operation *self) {
    return (Py_hash_t)self->handle;
}

static PyObject *operation_reduce(Operation *self, PyObject *unused) {
    (void)unused;
    return Py_BuildValue("O(O)", Py_TYPE(self), self->name);
}

static PyObject *operation_name(Operation *self, void *unused) {
    (void)unused;
    return Py_NewRef(self->name);
}

static PyObject *operation_handle(Operation *self, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLong(self->handle);
}

static PyMethodDef methods[] = {
    {"begin", (PyCFunction)operation_begin, METH_NOARGS, "Begins a call on this thread."},
    {"end", (PyCFunction)operation_end, METH_NOARGS,
     "Ends this thread's innermost open call. Without one it is counted, and nothing else."},
    {"span", (PyCFunction)operation_span, METH_NOARGS,
     "Begins a call that is not tied to a thread, suspended: a Span."},
    {"work", (PyCFunction)operation_work, METH_O,
     "Adds to the work size of the innermost open call: rows, bytes, requests."},
    {"fail", (PyCFunction)(void (*)(void))operation_fail, METH_FASTCALL,
     "Marks the innermost open call as failed, with a short stable word such as \"timeout\"."},
    {"__enter__", (PyCFunction)operation_with, METH_NOARGS, "Begins a call."},
    {"__exit__", (PyCFunction)(void (*)(void))operation_without, METH_FASTCALL,
     "Ends it; an exception makes it a failed one."},
    {"__aenter__", (PyCFunction)operation_async_with, METH_NOARGS, "As __enter__()."},
    {"__aexit__", (PyCFunction)(void (*)(void))operation_async_without, METH_FASTCALL,
     "As __exit__()."},
    {"__reduce__", (PyCFunction)operation_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"name", (getter)operation_name, NULL, "What it was named.", NULL},
    {"handle", (getter)operation_handle, NULL, "Its number in the recording, from 1 on.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc,
                               "Operation(name, *, work=None)\n--\n\n"
                               "Something that is done again and again, under one name."},
                              {Py_tp_new, operation_new},
                              {Py_tp_dealloc, operation_dealloc},
                              {Py_tp_traverse, operation_traverse},
                              {Py_tp_clear, operation_clear},
                              {Py_tp_call, operation_call},
                              {Py_tp_repr, operation_repr},
                              {Py_tp_richcompare, operation_compare},
                              {Py_tp_hash, operation_hash},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {"prognos._core.Operation", sizeof(Operation), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};

int operation_ready(PyObject *module) {
    operation_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!operation_type) return -1;
    return PyModule_AddObjectRef(module, "Operation", (PyObject *)operation_type);
}
