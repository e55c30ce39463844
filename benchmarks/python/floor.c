// SPDX-License-Identifier: Apache-2.0
// What a context manager and a decorator cost that are C types around two readings of the cycle counter: no profiler
// that takes the time can be cheaper. Python module `floor`, which cost.py compiles.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <structmember.h>

#if defined(__x86_64__)
static inline unsigned long long counter(void) {
    return __builtin_ia32_rdtsc();
}
#else
static inline unsigned long long counter(void) {
    unsigned long long now;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
    return now;
}
#endif

static __thread unsigned long long ring[64];
static __thread unsigned next;

static inline void note(void) {
    ring[next++ & 63] = counter();
}

typedef struct {
    PyObject_HEAD
} Pair;

static PyObject *pair_enter(PyObject *self, PyObject *unused) {
    (void)unused;
    note();
    return Py_NewRef(self);
}

static PyObject *pair_exit(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self, (void)args, (void)count;
    note();
    Py_RETURN_NONE;
}

static PyObject *pair_begin(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    note();
    Py_RETURN_NONE;
}

static PyMethodDef pair_methods[] = {
    {"__enter__", pair_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))pair_exit, METH_FASTCALL, NULL},
    {"begin", pair_begin, METH_NOARGS, NULL},
    {"end", pair_begin, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};
static PyType_Slot pair_slots[] = {{Py_tp_methods, pair_methods}, {0, NULL}};
static PyType_Spec pair_spec = {"floor.Pair", sizeof(Pair), 0, Py_TPFLAGS_DEFAULT, pair_slots};

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *wrapped;
} Wrapper;

static PyObject *call(PyObject *object, PyObject *const *args, size_t flags, PyObject *names) {
    note();
    PyObject *result = PyObject_Vectorcall(((Wrapper *)object)->wrapped, args, flags, names);
    note();
    return result;
}

static PyObject *wrapper_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    (void)keywords;
    PyObject *wrapped;
    if (!PyArg_ParseTuple(args, "O", &wrapped)) return NULL;
    Wrapper *self = (Wrapper *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->vectorcall = call;
    self->wrapped = Py_NewRef(wrapped);
    return (PyObject *)self;
}

static PyMemberDef wrapper_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Wrapper, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};
static PyType_Slot wrapper_slots[] = {{Py_tp_new, wrapper_new},
                                      {Py_tp_call, PyVectorcall_Call},
                                      {Py_tp_members, wrapper_members},
                                      {0, NULL}};
static PyType_Spec wrapper_spec = {"floor.Wrapper", sizeof(Wrapper), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL, wrapper_slots};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "floor", .m_size = -1};

PyMODINIT_FUNC PyInit_floor(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module) {
        PyModule_AddObject(module, "Pair", PyType_FromSpec(&pair_spec));
        PyModule_AddObject(module, "Wrapper", PyType_FromSpec(&wrapper_spec));
    }
    return module;
}
