/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: whom operations are for. */
#include "switched.h"

typedef struct {
    PyObject ob_base;
    prognos_session handle;
    PyObject *name;
} Session;

static PyObject *session_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"name", NULL};
    PyObject *name;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "U:session", names, &name)) return NULL;
    const char *text = PyUnicode_AsUTF8(name);
    if (!text) return NULL;
    prognos_session handle = prognos_session_open(text);
    if (handle == 0 && text[0] == 0) return failure_raise(PROGNOS_INVALID_ARGUMENT);
    Session *self = (Session *)type->tp_alloc(type, 0);
    if (!self) {
        prognos_session_close(handle);
        return NULL;
    }
    self->handle =
        handle; /* 0 where there are too many: everything is accepted, and nothing counted */
    self->name = Py_NewRef(name);
    return (PyObject *)self;
}

static void session_dealloc(Session *self) {
    PyTypeObject *type = Py_TYPE(self);
    if (self->handle) prognos_session_close(self->handle);
    Py_XDECREF(self->name);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *session_enter(Session *self, PyObject *unused) {
    (void)unused;
    return failure_check(prognos_session_enter(self->handle));
}

static PyObject *session_leave(Session *self, PyObject *unused) {
    (void)unused;
    return failure_check(prognos_session_leave(self->handle));
}

/* A `with` block must not fail because of what counts it. */
static PyObject *session_with(Session *self, PyObject *unused) {
    (void)unused;
    if (LIKELY(calls_are_watched == 0)) {
        prognos_session_enter(self->handle);
    } else {
        switched_enter_session(self->handle);
    }
    return Py_NewRef(self);
}

static PyObject *session_without(Session *self, PyObject *const *args, Py_ssize_t count) {
    (void)args, (void)count;
    if (LIKELY(calls_are_watched == 0)) {
        prognos_session_leave(self->handle);
    } else {
        switched_leave_session(self->handle);
    }
    Py_RETURN_NONE;
}

static PyObject *session_close(Session *self, PyObject *unused) {
    (void)unused;
    return failure_check(prognos_session_close(self->handle));
}

static PyObject *session_repr(Session *self) {
    return PyUnicode_FromFormat("<prognos.Session %R>", self->name);
}

static PyObject *session_handle(Session *self, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong(self->handle);
}

static PyObject *session_name(Session *self, void *unused) {
    (void)unused;
    return Py_NewRef(self->name);
}

static PyMethodDef methods[] = {
    {"enter", (PyCFunction)session_enter, METH_NOARGS,
     "From here on this thread works for the session."},
    {"leave", (PyCFunction)session_leave, METH_NOARGS, "Undoes the thread's latest enter()."},
    {"close", (PyCFunction)session_close, METH_NOARGS,
     "Closes the session. Its numbers stay readable for a while."},
    {"__enter__", (PyCFunction)session_with, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))session_without, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"name", (getter)session_name, NULL, "What it was opened as.", NULL},
    {"handle", (getter)session_handle, NULL, "Its number; 0 where there were too many sessions.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Session(name)\n--\n\nA user, a connection, a job: whom operations are for."},
    {Py_tp_new, session_new},
    {Py_tp_dealloc, session_dealloc},
    {Py_tp_repr, session_repr},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL}};

static PyType_Spec spec = {"prognos._core.Session", sizeof(Session), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

int session_ready(PyObject *module) {
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!type) return -1;
    return PyModule_AddObjectRef(module, "Session", (PyObject *)type);
}
