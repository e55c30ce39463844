/* SPDX-License-Identifier: Apache-2.0 */
/* What the library tells an operator, to a Python callable. In C, since the library cannot be told to call nobody any
   more: it may have something to say after the interpreter has ended, when nothing of Python may be touched. */
#include "core.h"

#include <string.h>

static PyObject *receiver; /* changed with the GIL held; read without it as yes or no */

static void tell(const char *message, void *context) {
    (void)context;
    if (!__atomic_load_n(&receiver, __ATOMIC_ACQUIRE)) return;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *callable = Py_XNewRef(receiver);
    if (callable) {
        /* The host's own exception, if one is under way, is not ours to lose. */
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace");
        PyObject *result = text ? PyObject_CallOneArg(callable, text) : NULL;
        if (!result) PyErr_WriteUnraisable(callable);
        Py_XDECREF(result);
        Py_XDECREF(text);
        Py_DECREF(callable);
        PyErr_Restore(type, value, traceback);
    }
    PyGILState_Release(state);
}

PyObject *log_to(PyObject *module, PyObject *callable) {
    (void)module;
    PyObject *before = receiver;
    PyObject *now = callable == Py_None ? NULL : Py_NewRef(callable);
    __atomic_store_n(&receiver, now, __ATOMIC_RELEASE);
    Py_XDECREF(before);
    return PyLong_FromVoidPtr((void *)tell);
}
