/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decorated functions from CPython 3.12 on: a copy of the function whose own code tells of its begins and ends
 * (sys.monitoring, PEP 669). It stays a Python function, so that recursion goes as deep as without: through native code,
 * 3.12 allows some 800 calls. Exceptions that leave a function are told for all functions or none: those of others cost
 * a look. From 3.13 on these calls cost more than a wrapper's and native recursion may be deep: only functions that call
 * themselves are watched.
 */
#include "switched.h"

#include <structmember.h>

#if PY_VERSION_HEX >= 0x030C0000

enum { tool_none = -2, tool_unasked = -1 };
static int tool = tool_unasked;
static Py_ssize_t extra_index = -1;

/* What is kept with the code object: the handle, so that nothing has to be freed. */
static inline prognos_op handle_of(PyObject *code) {
    void *extra = NULL;
    if (PyUnstable_Code_GetExtra(code, extra_index, &extra) < 0) PyErr_Clear();
    return (prognos_op)(uintptr_t)extra;
}

/* What is called at an event: a type of its own, since calls of one cost less than those of built-in functions. */
typedef struct {
    PyObject ob_base;
    vectorcallfunc vectorcall;
} Callback;

static PyObject *started(PyObject *self, PyObject *const *args, size_t flags, PyObject *names) {
    (void)self, (void)flags, (void)names;
    prognos_op handle = handle_of(args[0]);
    if (LIKELY(handle)) call_begin(handle);
    Py_RETURN_NONE;
}

static PyObject *returned(PyObject *self, PyObject *const *args, size_t flags, PyObject *names) {
    (void)self, (void)flags, (void)names;
    prognos_op handle = handle_of(args[0]);
    if (LIKELY(handle)) call_end(handle, NULL);
    Py_RETURN_NONE;
}

static PyObject *unwound(PyObject *self, PyObject *const *args, size_t flags, PyObject *names) {
    (void)self, (void)names;
    prognos_op handle = handle_of(args[0]);
    if (LIKELY(!handle)) Py_RETURN_NONE;
    const char *kind =
        PyVectorcall_NARGS(flags) > 2 ? failure_kind((PyObject *)Py_TYPE(args[2])) : NULL;
    call_end(handle, kind);
    Py_RETURN_NONE;
}

static PyMemberDef callback_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Callback, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};
static PyType_Slot callback_slots[] = {
    {Py_tp_call, PyVectorcall_Call}, {Py_tp_members, callback_members}, {0, NULL}};
static PyType_Spec callback_spec = {"prognos._core.Callback", sizeof(Callback), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL |
                                        Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                    callback_slots};

static PyObject *new_callback(PyTypeObject *type, vectorcallfunc function) {
    Callback *self = (Callback *)type->tp_alloc(type, 0);
    if (self) self->vectorcall = function;
    return (PyObject *)self;
}

static const vectorcallfunc callbacks[] = {started, returned, unwound};
static const char *const event_names[] = {"PY_START", "PY_RETURN", "PY_UNWIND"};
static int events[3];

static PyObject *monitoring(void) {
    PyObject *found = PySys_GetObject("monitoring"); /* borrowed */
    if (!found) PyErr_SetString(PyExc_RuntimeError, "sys.monitoring is missing");
    return found;
}

/* Takes a tool's number: 0, 1, 2 and 5 are meant for debuggers, coverage, profilers and optimizers. */
static int take_tool(PyObject *from) {
    static const int numbers[] = {4, 3, 5, 2};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        PyObject *taken = PyObject_CallMethod(from, "use_tool_id", "is", numbers[i], "prognos");
        if (taken) {
            Py_DECREF(taken);
            return numbers[i];
        }
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) return -1;
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_RuntimeError, "all tool numbers of sys.monitoring are taken");
    return -1;
}

static int prepare(void) {
    PyObject *from = monitoring();
    if (!from) return -1;
    extra_index = PyUnstable_Eval_RequestCodeExtraIndex(NULL);
    if (extra_index < 0) {
        PyErr_SetString(PyExc_RuntimeError, "no index of code extras is left");
        return -1;
    }
    PyObject *names = PyObject_GetAttrString(from, "events");
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(&callback_spec);
    if (!names || !type) return -1;
    int number = take_tool(from);
    int ok = number >= 0;
    for (int i = 0; i < 3 && ok; i++) {
        PyObject *event = PyObject_GetAttrString(names, event_names[i]);
        PyObject *callback = event ? new_callback(type, callbacks[i]) : NULL;
        PyObject *before = event && callback ? PyObject_CallMethod(from, "register_callback", "iOO",
                                                                   number, event, callback)
                                             : NULL;
        ok = before != NULL;
        if (ok) events[i] = (int)PyLong_AsLong(event);
        Py_XDECREF(before);
        Py_XDECREF(callback);
        Py_XDECREF(event);
    }
    Py_DECREF(names);
    if (ok) {
        PyObject *done = PyObject_CallMethod(from, "set_events", "ii", number, events[2]);
        ok = done != NULL;
        Py_XDECREF(done);
    }
    if (!ok) return -1;
    tool = number;
    return 0;
}

/* A function like another one, whose code is its own. */
static PyObject *copy_function(PyObject *original, PyObject *code) {
    PyFunctionObject *from = (PyFunctionObject *)original;
    PyObject *made = PyFunction_NewWithQualName(code, from->func_globals, from->func_qualname);
    if (!made) return NULL;
    PyFunctionObject *to = (PyFunctionObject *)made;
    Py_XSETREF(to->func_closure, Py_XNewRef(from->func_closure));
    static const char *const attributes[] = {
        "__name__",
        "__module__",
        "__doc__",
        "__defaults__",
        "__kwdefaults__",
#if PY_VERSION_HEX >= 0x030E0000
        "__annotate__",
#else
        "__annotations__",
#endif
        "__type_params__"
    };
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        PyObject *value = PyObject_GetAttrString(original, attributes[i]);
        int set = value ? PyObject_SetAttrString(made, attributes[i], value) : -1;
        Py_XDECREF(value);
        if (set < 0) goto failed;
    }
    PyObject *own = PyObject_GetAttrString(made, "__dict__");
    PyObject *its = own ? PyObject_GetAttrString(original, "__dict__") : NULL;
    int copied = its ? PyDict_Update(own, its) : -1;
    Py_XDECREF(own);
    Py_XDECREF(its);
    if (copied < 0) goto failed;
    return made;
failed:
    Py_DECREF(made);
    return NULL;
}

#if PY_VERSION_HEX >= 0x030D0000
static int contains(PyObject *names, PyObject *name) {
    int found = PySequence_Contains(names, name);
    if (found < 0) PyErr_Clear();
    return found > 0;
}

/* Whether its code knows its own name: as a global, an attribute, or a variable around it. */
static int may_call_itself(PyObject *function) {
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    if (contains(code->co_names, code->co_name)) return 1;
    PyObject *around = PyCode_GetFreevars(code);
    int found = around && contains(around, code->co_name);
    Py_XDECREF(around);
    return found;
}
#endif

PyObject *monitor_wrap(Operation *op, PyObject *function) {
    if (tool == tool_none) return NULL;
    /* Tools, and what is kept with code, belong to one interpreter. */
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) return NULL;
#if PY_VERSION_HEX >= 0x030D0000
    if (!may_call_itself(function)) return NULL;
#endif
    if (tool == tool_unasked && prepare() < 0) {
        tool = tool_none;
        PyErr_Clear(); /* a wrapper does it as well */
        return NULL;
    }
    PyObject *code = PyObject_CallMethod(PyFunction_GET_CODE(function), "replace", NULL);
    if (!code) return NULL;
    PyObject *made = NULL, *done = NULL;
    if (PyUnstable_Code_SetExtra(code, extra_index, (void *)(uintptr_t)op->handle) == 0) {
        done = PyObject_CallMethod(monitoring(), "set_local_events", "iOi", tool, code,
                                   events[0] | events[1]);
    }
    if (done) made = copy_function(function, code);
    if (made && PyObject_SetAttrString(made, "__prognos__", (PyObject *)op) < 0) Py_CLEAR(made);
    Py_XDECREF(done);
    Py_DECREF(code);
    return made;
}

#else

PyObject *monitor_wrap(Operation *op, PyObject *function) {
    (void)op, (void)function;
    return NULL;
}

#endif
