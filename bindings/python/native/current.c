/* SPDX-License-Identifier: Apache-2.0 */
/* The operations that each thread has entered, innermost last. */
#include "current.h"

#include "switched.h"

int current_is_kept;

enum { most = 256 };
static __thread struct {
    unsigned count; /* may be above `most`: those have no place */
    prognos_op ops[most];
} entered;

void current_push(prognos_op op) {
    if (entered.count < most) entered.ops[entered.count] = op;
    entered.count++;
}

void current_pop(prognos_op op) {
    if (entered.count > most) {
        entered.count--;
        return;
    }
    for (unsigned at = entered.count; at > 0; at--) {
        if (entered.ops[at - 1] != op) continue;
        entered.count = at - 1;
        return;
    }
}

/* From the first call on, what is entered is kept. */
static PyObject *current(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    if (!current_is_kept) {
        current_is_kept = 1;
        calls_are_watched++;
    }
    if (entered.count == 0) Py_RETURN_NONE;
    unsigned last = entered.count < most ? entered.count : most;
    const char *name = prognos_op_name(entered.ops[last - 1]);
    if (!name) Py_RETURN_NONE;
    return PyUnicode_FromString(name);
}

static PyMethodDef functions[] = {
    {"current", current, METH_NOARGS,
     "current()\n--\n\nThe name of the innermost operation that this thread is in, or None. It "
     "knows of those that\nwere entered since it was first called."},
    {NULL, NULL, 0, NULL}};

int current_ready(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
