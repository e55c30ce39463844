/* SPDX-License-Identifier: Apache-2.0 */
/* The extension module prognos._core: all that runs inside a host's calls. */
#define _GNU_SOURCE
#include "core.h"
#include "switched.h"

#include <dlfcn.h>

static PyObject *module_work(PyObject *module, PyObject *amount) {
    (void)module;
    uint64_t work;
    if (failure_amount(amount, &work) < 0) return NULL;
    operation_add_work(work);
    Py_RETURN_NONE;
}

static PyObject *module_fail(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    const char *kind;
    if (failure_given(args, count, &kind) < 0) return NULL;
    operation_mark_failed(kind);
    Py_RETURN_NONE;
}

static PyObject *module_op_name(PyObject *module, PyObject *handle) {
    (void)module;
    unsigned long op = PyLong_AsUnsignedLong(handle);
    if (op == (unsigned long)-1 && PyErr_Occurred()) return NULL;
    const char *name = op && op <= prognos_op_count() ? prognos_op_name((prognos_op)op) : NULL;
    if (!name) Py_RETURN_NONE;
    return PyUnicode_FromString(name);
}

static PyObject *module_enabled(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    return PyBool_FromLong(prognos_is_enabled());
}

static PyObject *module_set_enabled(PyObject *module, PyObject *enabled) {
    (void)module;
    int yes = PyObject_IsTrue(enabled);
    if (yes < 0) return NULL;
    prognos_set_enabled(yes);
    Py_RETURN_NONE;
}

static PyObject *module_library_path(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    Dl_info info;
    if (!dladdr((void *)prognos_begin, &info) || !info.dli_fname) Py_RETURN_NONE;
    return PyUnicode_DecodeFSDefault(info.dli_fname);
}

static PyObject *module_check(PyObject *module, PyObject *status) {
    (void)module;
    long number = PyLong_AsLong(status);
    if (number == -1 && PyErr_Occurred()) return NULL;
    return failure_check((prognos_status)number);
}

static PyObject *module_traced(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *op, *inner;
    if (!PyArg_ParseTuple(args, "OO:traced", &op, &inner)) return NULL;
    if (op != Py_None && !PyObject_TypeCheck(op, operation_type)) {
        return PyErr_Format(PyExc_TypeError, "traced() takes an Operation or None, not %.100s",
                            Py_TYPE(op)->tp_name);
    }
    return awaitable_wrap(op == Py_None ? NULL : (Operation *)op, Py_NewRef(inner));
}

static PyObject *module_current(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    prognos_op op = prognos_op_current();
    const char *name = op ? prognos_op_name(op) : NULL;
    if (!name) Py_RETURN_NONE;
    return PyUnicode_FromString(name);
}

static PyMethodDef functions[] = {
    {"work", module_work, METH_O,
     "work(amount, /)\n--\n\nAdds to the work size of this thread's innermost open operation."},
    {"fail", (PyCFunction)(void (*)(void))module_fail, METH_FASTCALL,
     "fail(kind=None, /)\n--\n\nMarks this thread's innermost open operation as failed."},
    {"current", module_current, METH_NOARGS,
     "current()\n--\n\nThe name of this thread's innermost open operation, or None."},
    {"op_name", module_op_name, METH_O,
     "op_name(handle, /)\n--\n\nThe name of an operation, or None for a handle that was never "
     "given "
     "out."},
    {"enabled", module_enabled, METH_NOARGS, "enabled()\n--\n\nWhether operations are recorded."},
    {"set_enabled", module_set_enabled, METH_O,
     "set_enabled(enabled, /)\n--\n\nThe feature flag: instant, any thread, any time."},
    {"traced", module_traced, METH_VARARGS,
     "traced(operation, coroutine, /)\n--\n\nThe coroutine or generator, as a call of the "
     "operation. With None it is no call of its own, and `with` blocks in it are still suspended "
     "with it."},
    {"library_path", module_library_path, METH_NOARGS,
     "The library that this module is linked to."},
    {"log_to", log_to, METH_O,
     "log_to(callable, /)\n--\n\nSets who gets the library's messages, or None: the address for "
     "prognos_options.log."},
    {"check", module_check, METH_O, "Raises Error for a prognos_status other than 0."},
    {NULL, NULL, 0, NULL}};

static int module_run(PyObject *module) {
    if (failure_ready(module) < 0 || operation_ready(module) < 0 || function_ready(module) < 0 ||
        awaitable_ready(module) < 0 || ready_ready(module) < 0 || span_ready(module) < 0 ||
        session_ready(module) < 0 || frames_ready() < 0 || switched_ready(module) < 0) {
        return -1;
    }
    return PyModule_AddStringConstant(module, "__version__", prognos_version());
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_run},
#if PY_VERSION_HEX >= 0x030C0000
    /* One recording a process: types and operations are shared by all that is imported. */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "prognos._core",
                                        .m_size = 0, .m_methods = functions, .m_slots = slots};

PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&definition);
}
