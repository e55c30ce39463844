/* SPDX-License-Identifier: Apache-2.0 */
/* Awaitables that need not wait. */
#include "core.h"

/* As a generator's send() tells that it has returned. */
PyObject *awaitable_returned(PySendResult came, PyObject *result) {
    if (came != PYGEN_RETURN) return result;
    if (result == Py_None) {
        PyErr_SetNone(PyExc_StopIteration);
    } else {
        /* An instance: PyErr_SetObject() takes tuples and exceptions apart. */
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
        if (stop) PyErr_SetObject(PyExc_StopIteration, stop);
        Py_XDECREF(stop);
    }
    Py_DECREF(result);
    return NULL;
}

/* What `async with` awaits: there already. */
typedef struct {
    PyObject ob_base;
    PyObject *value;
} Ready;

static PyTypeObject *ready_type;

PyObject *awaitable_ready_made(PyObject *value) {
    Ready *self = PyObject_New(Ready, ready_type);
    if (self) self->value = Py_NewRef(value);
    return (PyObject *)self;
}

static void ready_dealloc(Ready *self) {
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(self->value);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PySendResult ready_send(PyObject *self, PyObject *value, PyObject **result) {
    (void)value;
    *result = Py_NewRef(((Ready *)self)->value);
    return PYGEN_RETURN;
}

static PyObject *ready_next(PyObject *self) {
    return awaitable_returned(PYGEN_RETURN, Py_NewRef(((Ready *)self)->value));
}

static PyObject *ready_self(PyObject *self) {
    return Py_NewRef(self);
}

static PyType_Slot ready_slots[] = {{Py_tp_dealloc, ready_dealloc}, {Py_am_await, ready_self},
                                    {Py_am_send, ready_send},       {Py_tp_iter, ready_self},
                                    {Py_tp_iternext, ready_next},   {0, NULL}};
static PyType_Spec ready_spec = {"prognos._core.Ready", sizeof(Ready), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 ready_slots};

int ready_ready(PyObject *module) {
    (void)module;
    ready_type = (PyTypeObject *)PyType_FromSpec(&ready_spec);
    return ready_type ? 0 : -1;
}
