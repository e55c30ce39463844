/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines, generators and asynchronous generators of decorated functions. Each is a span: begun when it first runs,
 * entered while it runs, left while it is suspended, ended when it returns, fails, or is closed.
 */
#define Py_BUILD_CORE 1
#include "held.h"

#include <structmember.h>

typedef struct Run {
    PyObject ob_base;
    Holder holder;     /* of what it wraps */
    Operation *op;     /* NULL in a step, and in one whose span is somebody else's */
    struct Run *owner; /* of a step: the asynchronous generator that it takes one step of */
    PyObject *weak;
    prognos_span span;
    char begun;   /* its span has begun */
    char ended;   /* ... and ended */
    char entered; /* the span is entered on a thread */
    char running; /* it is on the stack of some thread */
    char last;    /* of a step: it ends the generator (aclose) */
} Run;

static PyTypeObject *coroutine_type, *generator_type, *async_generator_type, *step_type;

/* The innermost run on this thread, or NULL; owned. */
static __thread Run *innermost;

static void set_innermost(Run *run) {
    innermost = run;
    held_in = run ? &run->holder : NULL;
}

static void enter(Run *run) {
    if (!run->begun) {
        run->begun = 1;
        run->span = run->op ? prognos_span_begin(run->op->handle) : 0;
    }
    run->entered = run->span && prognos_span_enter(run->span) == PROGNOS_OK;
    held_enter(run->holder.innermost);
}

static void leave(Run *run) {
    held_leave(run->holder.innermost);
    if (run->entered) prognos_span_leave(run->span);
    run->entered = 0;
}

/* Ends the span; with a kind, as a failed one. */
static void finish(Run *run, const char *kind) {
    run->entered = 0;
    if (run->ended || !run->begun) return;
    run->ended = 1;
    if (kind) prognos_span_fail(run->span, kind);
    prognos_span_end(run->span);
}

/* What a piece of a run came to. */
typedef enum { piece_suspended, piece_finished, piece_failed } Piece;

/* Around each piece. A step stands for its generator. */
typedef struct {
    Run *run;
    Run *outer;
    int counted; /* 0: it runs already, and whatever is called now will say so */
} Around;

static Around begin_piece(Run *self) {
    Around around = {self->owner ? self->owner : self, NULL, 0};
    if (around.run->running) return around;
    if (self->last && !around.run->begun) return around; /* closed before it ran: no call */
    around.counted = 1;
    around.run->running = 1;
    around.outer = innermost;
    set_innermost((Run *)Py_NewRef(around.run));
    if (LIKELY(!around.run->ended)) enter(around.run);
    return around;
}

static void end_piece(Run *self, Around around, Piece piece) {
    if (!around.counted) return;
    Run *run = around.run;
    if (piece == piece_failed) {
        finish(run, failure_pending());
    } else if (piece == piece_finished && (!self->owner || self->last)) {
        finish(run, NULL);
    } else if (LIKELY(!run->ended)) {
        leave(run);
    }
    run->running = 0;
    Run *mine = innermost;
    set_innermost(around.outer);
    Py_XDECREF(mine);
}

static PySendResult run_send(PyObject *object, PyObject *value, PyObject **result) {
    Run *self = (Run *)object;
    Around around = begin_piece(self);
    PySendResult came = PyIter_Send(self->holder.inner, value, result);
    end_piece(self, around,
              came == PYGEN_NEXT     ? piece_suspended
              : came == PYGEN_RETURN ? piece_finished
                                     : piece_failed);
    return came;
}

static PyObject *run_send_method(PyObject *self, PyObject *value) {
    PyObject *result = NULL;
    PySendResult came = run_send(self, value, &result);
    return awaitable_returned(came, result);
}

static PyObject *run_next(PyObject *self) {
    PyObject *result = NULL;
    PySendResult came = run_send(self, Py_None, &result);
    if (came == PYGEN_RETURN && result == Py_None) {
        Py_DECREF(result);
        return NULL; /* the end of an iteration, without an exception */
    }
    return awaitable_returned(came, result);
}

static PyObject *run_throw(Run *self, PyObject *args) {
    PyObject *throw = PyObject_GetAttrString(self->holder.inner, "throw");
    if (!throw) return NULL;
    Around around = begin_piece(self);
    PyObject *result = PyObject_Call(throw, args, NULL);
    Piece piece = result ? piece_suspended : piece_failed;
    if (!result && PyErr_ExceptionMatches(PyExc_StopIteration)) piece = piece_finished;
    end_piece(self, around, piece);
    Py_DECREF(throw);
    return result;
}

static PyObject *run_close(Run *self, PyObject *unused) {
    (void)unused;
    Around around = {NULL, NULL, 0};
    int begun = self->owner || self->begun;
    /* What never ran is no call. */
    if (begun) around = begin_piece(self);
    PyObject *result = PyObject_CallMethod(self->holder.inner, "close", NULL);
    if (begun) end_piece(self, around, result ? piece_finished : piece_failed);
    return result;
}

static PyObject *run_self(PyObject *self) {
    return Py_NewRef(self);
}

/* `await` of a generator needs types.coroutine(). */
static PyObject *generator_await(Run *self) {
    if (PyGen_CheckExact(self->holder.inner)) {
        PyObject *code = PyObject_GetAttrString(self->holder.inner, "gi_code");
        int flags = code && PyCode_Check(code) ? ((PyCodeObject *)code)->co_flags : 0;
        Py_XDECREF(code);
        PyErr_Clear();
        if (flags & CO_ITERABLE_COROUTINE) return Py_NewRef(self);
    }
    PyErr_SetString(PyExc_TypeError, "object generator can't be used in 'await' expression");
    return NULL;
}

static Run *new_run(PyTypeObject *type, PyObject *inner) {
    Run *self = (Run *)type->tp_alloc(type, 0);
    if (!self) {
        Py_DECREF(inner);
        return NULL;
    }
    self->holder.inner = inner;
    return self;
}

/* One step of an asynchronous generator: the awaitable that its asend(), athrow() and aclose() give. */
static PyObject *step(Run *generator, PyObject *inner, int last) {
    if (!inner) return NULL;
    Run *self = new_run(step_type, inner);
    if (!self) return NULL;
    self->owner = (Run *)Py_NewRef(generator);
    self->last = (char)last;
    return (PyObject *)self;
}

static PyObject *async_next(Run *self) {
    return step(self, Py_TYPE(self->holder.inner)->tp_as_async->am_anext(self->holder.inner), 0);
}

static PyObject *async_next_method(Run *self, PyObject *unused) {
    (void)unused;
    return async_next(self);
}

static PyObject *async_send(Run *self, PyObject *value) {
    return step(self, PyObject_CallMethod(self->holder.inner, "asend", "(O)", value), 0);
}

static PyObject *async_throw(Run *self, PyObject *args) {
    PyObject *athrow = PyObject_GetAttrString(self->holder.inner, "athrow");
    if (!athrow) return NULL;
    PyObject *inner = PyObject_Call(athrow, args, NULL);
    Py_DECREF(athrow);
    return step(self, inner, 0);
}

static PyObject *async_close(Run *self, PyObject *unused) {
    (void)unused;
    return step(self, PyObject_CallMethod(self->holder.inner, "aclose", NULL), 1);
}

PyObject *awaitable_wrap(Operation *op, PyObject *inner) {
    PyTypeObject *type = PyCoro_CheckExact(inner)       ? coroutine_type
                         : PyGen_CheckExact(inner)      ? generator_type
                         : PyAsyncGen_CheckExact(inner) ? async_generator_type
                                                        : NULL;
    if (!type) return inner; /* a function that was told to be one by a flag alone */
    Run *self = new_run(type, inner);
    if (self) self->op = (Operation *)Py_XNewRef(op);
    return (PyObject *)self;
}

static int run_traverse(Run *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->holder.inner);
    Py_VISIT(self->op);
    Py_VISIT(self->owner);
    return 0;
}

static int run_clear(Run *self) {
    Py_CLEAR(self->holder.inner);
    Py_CLEAR(self->op);
    Py_CLEAR(self->owner);
    return 0;
}

static void run_dealloc(Run *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weak) PyObject_ClearWeakRefs((PyObject *)self);
    /* A generator that nobody asks for more has done what it should. A coroutine has not. */
    if (!self->owner) finish(self, type == coroutine_type ? "abandoned" : NULL);
    run_clear(self);
    held_disown(&self->holder);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* cr_frame, gi_code, ag_await ... and names are those of what is wrapped. */
static PyObject *run_get(Run *self, PyObject *name) {
    PyObject *found = PyObject_GenericGetAttr((PyObject *)self, name);
    if (found || !self->holder.inner || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    PyErr_Clear();
    return PyObject_GetAttr(self->holder.inner, name);
}

static int run_set(Run *self, PyObject *name, PyObject *value) {
    return PyObject_SetAttr(self->holder.inner, name, value);
}

static PyObject *run_repr(Run *self) {
    return PyUnicode_FromFormat("<prognos %s of %R>", strrchr(Py_TYPE(self)->tp_name, '.') + 1,
                                self->holder.inner);
}

static PyObject *run_class(Run *self, void *unused) {
    (void)unused;
    return Py_NewRef(Py_TYPE(self->holder.inner));
}

static PyObject *run_operation(Run *self, void *unused) {
    (void)unused;
    Run *whose = self->owner ? self->owner : self;
    return whose->op ? Py_NewRef(whose->op) : Py_NewRef(Py_None);
}

static PyMethodDef run_methods[] = {{"send", run_send_method, METH_O, NULL},
                                    {"throw", (PyCFunction)run_throw, METH_VARARGS, NULL},
                                    {"close", (PyCFunction)run_close, METH_NOARGS, NULL},
                                    {NULL, NULL, 0, NULL}};

static PyMethodDef coroutine_methods[] = {{"send", run_send_method, METH_O, NULL},
                                          {"throw", (PyCFunction)run_throw, METH_VARARGS, NULL},
                                          {"close", (PyCFunction)run_close, METH_NOARGS, NULL},
                                          {"__await__", (PyCFunction)run_self, METH_NOARGS, NULL},
                                          {NULL, NULL, 0, NULL}};

static PyMethodDef async_methods[] = {
    {"__anext__", (PyCFunction)async_next_method, METH_NOARGS, NULL},
    {"asend", (PyCFunction)async_send, METH_O, NULL},
    {"athrow", (PyCFunction)async_throw, METH_VARARGS, NULL},
    {"aclose", (PyCFunction)async_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"__class__", (getter)run_class, NULL, NULL, NULL},
    {"__prognos__", (getter)run_operation, NULL, "The operation that it is a call of.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Run, weak), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};

#define COMMON                                                                                     \
    {Py_tp_dealloc, run_dealloc}, {Py_tp_traverse, run_traverse}, {Py_tp_clear, run_clear},        \
        {Py_tp_getattro, run_get}, {Py_tp_setattro, run_set}, {Py_tp_repr, run_repr},              \
        {Py_tp_members, members}, {                                                                \
        Py_tp_getset, properties                                                                   \
    }

/* `yield from` in a coroutine of the old kind (types.coroutine), which takes coroutines as what they are. */
static PyObject *coroutine_iter(PyObject *self) {
    Frame *frame = frame_of(thread_state());
    const PyCodeObject *code = frame ? frame_code(frame) : NULL;
    if (code && code->co_flags & CO_ITERABLE_COROUTINE) return Py_NewRef(self);
    PyErr_SetString(PyExc_TypeError, "'coroutine' object is not iterable");
    return NULL;
}

static PyType_Slot coroutine_slots[] = {COMMON,
                                        {Py_tp_methods, coroutine_methods},
                                        {Py_am_await, run_self},
                                        {Py_am_send, run_send},
                                        {Py_tp_iternext, run_next},
                                        {0, NULL}};
static PyType_Slot generator_slots[] = {COMMON,
                                        {Py_tp_methods, run_methods},
                                        {Py_am_await, generator_await},
                                        {Py_am_send, run_send},
                                        {Py_tp_iter, run_self},
                                        {Py_tp_iternext, run_next},
                                        {0, NULL}};
static PyType_Slot async_generator_slots[] = {COMMON,
                                              {Py_tp_methods, async_methods},
                                              {Py_am_aiter, run_self},
                                              {Py_am_anext, async_next},
                                              {0, NULL}};
static PyType_Slot step_slots[] = {COMMON,
                                   {Py_tp_methods, run_methods},
                                   {Py_am_await, run_self},
                                   {Py_am_send, run_send},
                                   {Py_tp_iter, run_self},
                                   {Py_tp_iternext, run_next},
                                   {0, NULL}};

static PyTypeObject *make(const char *name, PyType_Slot *slots) {
    PyType_Spec spec = {name, sizeof(Run), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                        slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}

int awaitable_ready(PyObject *module) {
    coroutine_type = make("prognos._core.Coroutine", coroutine_slots);
    generator_type = make("prognos._core.Generator", generator_slots);
    async_generator_type = make("prognos._core.AsyncGenerator", async_generator_slots);
    step_type = make("prognos._core.Step", step_slots);
    if (!coroutine_type || !generator_type || !async_generator_type || !step_type) return -1;
    /* Not by a slot, which would give it an __iter__: it must not look like something to iterate over. */
    coroutine_type->tp_iter = coroutine_iter;
    if (PyModule_AddObjectRef(module, "Coroutine", (PyObject *)coroutine_type) < 0) return -1;
    if (PyModule_AddObjectRef(module, "Generator", (PyObject *)generator_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "AsyncGenerator", (PyObject *)async_generator_type);
}
