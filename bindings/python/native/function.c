/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decorated function: a callable that begins, calls and ends. It stands for the function that it wraps in all other
 * respects: attributes, its class, signature, pickling, binding to instances.
 */
#define _GNU_SOURCE
#include "switched.h"

#include <pthread.h>
#include <structmember.h>

typedef struct {
    PyObject ob_base;
    vectorcallfunc vectorcall;
    prognos_op handle;
    PyObject *wrapped;
    Operation *op;
    PyObject *weak;
    int first; /* the first argument that work is told of: 1 in methods, whose first is self */
} Function;

PyTypeObject *function_type;

/* Adds the work of a call. What goes wrong there is told, and does not break the call. */
static void add_work(Function *self, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *work = self->op->work;
    PyObject *amount;
    if (PyLong_Check(work)) {
        amount = Py_NewRef(work);
    } else if (PyFunction_Check(work)) {
        amount = PyObject_Vectorcall(work, args, flags, names);
    } else if (PyVectorcall_NARGS(flags) > self->first) {
        amount = PyObject_CallOneArg(work, args[self->first]);
    } else {
        return; /* given by keyword: a function of the host's own can take that apart */
    }
    if (amount) {
        uint64_t number;
        if (failure_amount(amount, &number) == 0) prognos_work(number);
        Py_DECREF(amount);
    }
    if (PyErr_Occurred()) PyErr_WriteUnraisable(work);
}

/*
 * Recursion through a wrapper takes the thread's native stack, which Python's own limit does not look at in all
 * versions. Below this address there is an exception instead of a crash.
 */
static __thread uintptr_t stack_guard = UINTPTR_MAX; /* not asked for yet */
enum { stack_reserve = 256 * 1024 };

static int stack_is_used_up(uintptr_t here) {
    if (stack_guard != UINTPTR_MAX) {
        PyErr_SetString(PyExc_RecursionError,
                        "maximum recursion depth exceeded: the thread's stack is used up "
                        "(decorated functions call each other through native code)");
        return 1;
    }
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
    stack_guard = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    /* A stack of the host's own has no known end. */
    if (pthread_attr_getstack(&attributes, &low, &size) == 0 && size > 2 * stack_reserve &&
        here >= (uintptr_t)low && here < (uintptr_t)low + size) {
        stack_guard = (uintptr_t)low + stack_reserve;
    }
    pthread_attr_destroy(&attributes);
    return here < stack_guard && stack_is_used_up(here);
}

static inline int stack_check(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return UNLIKELY(here < stack_guard) && stack_is_used_up(here);
}

static PyObject *call(Function *self, PyObject *const *args, size_t flags, PyObject *names) {
    if (stack_check()) return NULL;
    prognos_op handle = self->handle;
    call_begin(handle);
    if (UNLIKELY(self->op->work != NULL)) add_work(self, args, flags, names);
    PyObject *result = PyObject_Vectorcall(self->wrapped, args, flags, names);
    call_end(handle, UNLIKELY(!result) ? failure_pending() : NULL);
    return result;
}

/* Of the kinds that can be suspended, a call only makes the object; each run of it is a span. */
static PyObject *call_suspendable(Function *self, PyObject *const *args, size_t flags,
                                  PyObject *names) {
    PyObject *inner = PyObject_Vectorcall(self->wrapped, args, flags, names);
    return inner ? awaitable_wrap(self->op, inner) : NULL;
}

/* The code flags of what is called in the end, behind partial objects and bound methods. */
static int code_flags(PyObject *callable) {
    for (int depth = 0; depth < 16; depth++) {
        if (PyFunction_Check(callable)) {
            return ((PyCodeObject *)PyFunction_GET_CODE(callable))->co_flags;
        }
        if (PyMethod_Check(callable)) {
            callable = PyMethod_GET_FUNCTION(callable);
            continue;
        }
        return 0;
    }
    return 0;
}

static int is_method(PyObject *callable) {
    if (!PyFunction_Check(callable)) return 0;
    PyObject *name = ((PyFunctionObject *)callable)->func_qualname;
    PyObject *dot = PyUnicode_FromString(".");
    PyObject *parts = dot ? PyUnicode_RPartition(name, dot) : NULL;
    Py_XDECREF(dot);
    if (!parts) {
        PyErr_Clear();
        return 0;
    }
    PyObject *owner = PyTuple_GET_ITEM(parts, 0);
    PyObject *local = PyUnicode_FromString("<locals>");
    int inside = PyUnicode_GET_LENGTH(owner) > 0 && local &&
                 PyUnicode_Tailmatch(owner, local, 0, PY_SSIZE_T_MAX, 1) == 0;
    Py_XDECREF(local);
    Py_DECREF(parts);
    return inside;
}

PyObject *function_wrap(Operation *op, PyObject *callable) {
    PyTypeObject *kind = Py_TYPE(callable);
    if (kind == &PyStaticMethod_Type || kind == &PyClassMethod_Type) {
        /* @op above @staticmethod or @classmethod: the wrapped function goes back into one. */
        PyObject *inside = PyObject_GetAttrString(callable, "__func__");
        PyObject *wrapped = inside ? function_wrap(op, inside) : NULL;
        PyObject *result = wrapped ? PyObject_CallOneArg((PyObject *)kind, wrapped) : NULL;
        if (result && kind == &PyStaticMethod_Type && Py_TYPE(wrapped) == function_type) {
            ((Function *)wrapped)->first = 0;
        }
        Py_XDECREF(wrapped);
        Py_XDECREF(inside);
        return result;
    }
    if (!PyCallable_Check(callable) || PyType_Check(callable)) {
        PyErr_Format(PyExc_TypeError,
                     "prognos.op(%R) decorates functions, methods, generators and coroutine "
                     "functions, not %s %R",
                     op->name, PyType_Check(callable) ? "the class" : "the value", callable);
        return NULL;
    }
    int flags = code_flags(callable);
    int suspendable =
        flags & (CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE);
    if (PyFunction_Check(callable) && !suspendable && !op->work) {
        PyObject *made = monitor_wrap(op, callable);
        if (made || PyErr_Occurred()) return made;
    }
    Function *self = PyObject_GC_New(Function, function_type);
    if (!self) return NULL;
    self->vectorcall = suspendable ? (vectorcallfunc)call_suspendable : (vectorcallfunc)call;
    self->handle = op->handle;
    self->wrapped = Py_NewRef(callable);
    self->op = (Operation *)Py_NewRef(op);
    self->weak = NULL;
    self->first = is_method(callable);
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static int function_traverse(Function *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->wrapped);
    Py_VISIT(self->op);
    return 0;
}

static int function_clear(Function *self) {
    Py_CLEAR(self->wrapped);
    Py_CLEAR(self->op);
    return 0;
}

static void function_dealloc(Function *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weak) PyObject_ClearWeakRefs((PyObject *)self);
    function_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *function_bind(PyObject *self, PyObject *instance, PyObject *owner) {
    (void)owner;
    if (!instance || instance == Py_None) return Py_NewRef(self);
    return PyMethod_New(self, instance);
}

/* What this type has of its own comes first: see `properties`. All else is the wrapped function's. */
static PyObject *function_get(Function *self, PyObject *name) {
    PyObject *found = PyObject_GenericGetAttr((PyObject *)self, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    PyErr_Clear();
    return PyObject_GetAttr(self->wrapped, name);
}

static int function_set(Function *self, PyObject *name, PyObject *value) {
    return PyObject_SetAttr(self->wrapped, name, value);
}

static PyObject *function_repr(Function *self) {
    return PyUnicode_FromFormat("<prognos operation %R of %R>", self->op->name, self->wrapped);
}

/* Pickled by name, as functions are. */
static PyObject *function_reduce(Function *self, PyObject *unused) {
    (void)unused;
    return PyObject_GetAttrString(self->wrapped, "__qualname__");
}

static PyObject *forward(Function *self, void *name) {
    return PyObject_GetAttrString(self->wrapped, name);
}

static PyObject *function_class(Function *self, void *unused) {
    (void)unused;
    return Py_NewRef(Py_TYPE(self->wrapped));
}

static PyObject *function_wrapped(Function *self, void *unused) {
    (void)unused;
    return Py_NewRef(self->wrapped);
}

static PyObject *function_operation(Function *self, void *unused) {
    (void)unused;
    return Py_NewRef(self->op);
}

static PyMethodDef methods[] = {{"__reduce__", (PyCFunction)function_reduce, METH_NOARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"__class__", (getter)function_class, NULL, NULL, NULL},
    {"__doc__", (getter)forward, NULL, NULL, "__doc__"},
    {"__module__", (getter)forward, NULL, NULL, "__module__"},
    {"__dict__", (getter)forward, NULL, NULL, "__dict__"},
    {"__wrapped__", (getter)function_wrapped, NULL, NULL, NULL},
    {"__prognos__", (getter)function_operation, NULL, "The operation that its calls are of.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Function, vectorcall), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Function, weak), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, function_dealloc}, {Py_tp_traverse, function_traverse},
    {Py_tp_clear, function_clear},     {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, function_bind},  {Py_tp_getattro, function_get},
    {Py_tp_setattro, function_set},    {Py_tp_repr, function_repr},
    {Py_tp_methods, methods},          {Py_tp_getset, properties},
    {Py_tp_members, members},          {0, NULL}};

static PyType_Spec spec = {"prognos._core.Function", sizeof(Function), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                               Py_TPFLAGS_METHOD_DESCRIPTOR
#if PY_VERSION_HEX >= 0x030A0000
                               | Py_TPFLAGS_DISALLOW_INSTANTIATION
#endif
                           ,
                           slots};

int function_ready(PyObject *module) {
    function_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!function_type) return -1;
    return PyModule_AddObjectRef(module, "Function", (PyObject *)function_type);
}
