/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions as kinds of failures, and statuses as exceptions. */
#include "core.h"

#include <string.h>

static PyObject *error_type;
static PyObject *not_enough_data_type;

const char *failure_kind(PyObject *type) {
    if (type == PyExc_GeneratorExit || type == PyExc_StopIteration ||
        type == PyExc_StopAsyncIteration) {
        return NULL;
    }
    if (!PyType_Check(type)) return "unspecified";
    const char *name = ((PyTypeObject *)type)->tp_name;
    const char *dot = strrchr(name, '.');
    if (dot) name = dot + 1;
    /* asyncio's and concurrent.futures' is "CancelledError", Trio's "Cancelled". */
    if (strcmp(name, "CancelledError") == 0 || strcmp(name, "Cancelled") == 0) return "cancelled";
    return name;
}

const char *failure_pending(void) {
    PyObject *type = PyErr_Occurred();
    return type ? failure_kind(type) : "unspecified";
}

int failure_amount(PyObject *given, uint64_t *amount) {
    if (!PyLong_Check(given)) {
        PyErr_Format(PyExc_TypeError, "the work is a %.100s; expected an int",
                     Py_TYPE(given)->tp_name);
        return -1;
    }
    *amount = PyLong_AsUnsignedLongLong(given);
    return *amount == UINT64_MAX && PyErr_Occurred() ? -1 : 0;
}

int failure_given(PyObject *const *args, Py_ssize_t count, const char **kind) {
    *kind = NULL;
    if (count == 0 || (count == 1 && args[0] == Py_None)) return 0;
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "fail() takes one kind of failure, not %zd", count);
        return -1;
    }
    if (!PyUnicode_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "the kind of failure is a %.100s; expected a str",
                     Py_TYPE(args[0])->tp_name);
        return -1;
    }
    *kind = PyUnicode_AsUTF8(args[0]);
    return *kind ? 0 : -1;
}

static const char *status_name(prognos_status status) {
    switch (status) {
    case PROGNOS_OK:
        return "ok";
    case PROGNOS_ALREADY_STARTED:
        return "already_started";
    case PROGNOS_NOT_STARTED:
        return "not_started";
    case PROGNOS_INVALID_ARGUMENT:
        return "invalid_argument";
    case PROGNOS_UNKNOWN_HANDLE:
        return "unknown_handle";
    case PROGNOS_LIMIT_REACHED:
        return "limit_reached";
    case PROGNOS_NO_MEMORY:
        return "no_memory";
    case PROGNOS_IO_ERROR:
        return "io_error";
    case PROGNOS_NOT_ENOUGH_DATA:
        return "not_enough_data";
    case PROGNOS_UNSUPPORTED:
        return "unsupported";
    case PROGNOS_INVALID_STATE:
        return "invalid_state";
    }
    return "unknown";
}

PyObject *failure_raise(prognos_status status) {
    PyObject *type = status == PROGNOS_NOT_ENOUGH_DATA ? not_enough_data_type : error_type;
    const char *text = prognos_last_error();
    if (text[0] == 0) text = prognos_status_text(status);
    PyObject *error = PyObject_CallFunction(type, "s", text);
    if (!error) return NULL;
    PyObject *name = PyUnicode_FromString(status_name(status));
    if (name && PyObject_SetAttrString(error, "status", name) == 0) PyErr_SetObject(type, error);
    Py_XDECREF(name);
    Py_DECREF(error);
    return NULL;
}

PyObject *failure_check(prognos_status status) {
    if (status == PROGNOS_OK) Py_RETURN_NONE;
    return failure_raise(status);
}

int failure_ready(PyObject *module) {
    error_type = PyErr_NewExceptionWithDoc(
        "prognos.Error",
        "A call that failed. `status` is its name in prognos/status.h, in small letters, such as\n"
        "\"invalid_argument\"; the text names the bad value and what is accepted.",
        NULL, NULL);
    if (!error_type) return -1;
    not_enough_data_type = PyErr_NewExceptionWithDoc(
        "prognos.NotEnoughData",
        "Too little was recorded to answer; the text says what is missing.", error_type, NULL);
    if (!not_enough_data_type) return -1;
    if (PyModule_AddObjectRef(module, "Error", error_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "NotEnoughData", not_enough_data_type);
}
