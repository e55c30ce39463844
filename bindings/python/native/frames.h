/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython's own frames, which it has no fast public calls for: this and frames.c are all that knows how they look in a
 * version. Needs Py_BUILD_CORE before Python.h.
 */
#ifndef PROGNOS_FRAMES_H
#define PROGNOS_FRAMES_H

#ifndef Py_BUILD_CORE
#error "define Py_BUILD_CORE 1 before the first header"
#endif

#include "core.h"

#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_interpframe.h>
#elif PY_VERSION_HEX >= 0x030B0000
#include <internal/pycore_frame.h>
#else
#include <frameobject.h>
#endif

#if PY_VERSION_HEX >= 0x030F0000
#error "this version of CPython is not known to frames.h: look at its pycore_frame.h"
#endif

#if PY_VERSION_HEX < 0x030B0000
typedef PyFrameObject Frame;
#else
typedef struct _PyInterpreterFrame Frame;
#endif

/* From here on an owner of a frame is the interpreter itself: trampolines, which have code, too (3.12 and later). */
enum { owned_by_interpreter = 3 };

/* The thread state that holds the interpreter's lock. */
static inline PyThreadState *thread_state(void) {
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_GetUnchecked();
#else
    return _PyThreadState_UncheckedGet();
#endif
}

/* The innermost frame; NULL for none. */
static inline Frame *frame_of(PyThreadState *state) {
#if PY_VERSION_HEX < 0x030B0000
    return state->frame;
#elif PY_VERSION_HEX < 0x030D0000
    return state->cframe->current_frame;
#else
    return state->current_frame;
#endif
}

static inline Frame *frame_previous(const Frame *frame) {
#if PY_VERSION_HEX < 0x030B0000
    return frame->f_back;
#else
    return frame->previous;
#endif
}

/* What a frame runs: code, or what the interpreter has there for frames of its own. NULL for its trampolines. */
static inline PyObject *frame_executable(const Frame *frame) {
#if PY_VERSION_HEX >= 0x030C0000
    if (frame->owner >= owned_by_interpreter) return NULL;
#endif
#if PY_VERSION_HEX < 0x030D0000
    return (PyObject *)frame->f_code;
#elif PY_VERSION_HEX < 0x030E0000
    return frame->f_executable;
#else
    return PyStackRef_AsPyObjectBorrow(frame->f_executable);
#endif
}

/* The code of a frame; NULL for frames that are the interpreter's own. */
static inline PyCodeObject *frame_code(Frame *frame) {
    PyObject *code = frame_executable(frame);
    return code && PyCode_Check(code) ? (PyCodeObject *)code : NULL;
}

/* As much of a frame, and of a code object, as has to be copied to look at them. */
#if PY_VERSION_HEX < 0x030B0000
enum {
    frame_bytes = offsetof(Frame, f_code) + sizeof(void *),
    code_bytes = offsetof(PyCodeObject, co_name) + sizeof(void *)
};
#else
enum {
    frame_bytes = offsetof(Frame, localsplus),
    code_bytes = offsetof(PyCodeObject, co_qualname) + sizeof(void *)
};
#endif

/* Whether native code called it. `previous` is what frame_previous() points to; NULL for none. */
static inline int frame_is_entry(const Frame *frame, const Frame *previous) {
    (void)frame, (void)previous;
#if PY_VERSION_HEX < 0x030B0000
    return 1;
#elif PY_VERSION_HEX < 0x030C0000
    return frame->is_entry;
#else
    return !previous || previous->owner >= owned_by_interpreter;
#endif
}

/* The offset of the instruction that it is at, in bytes. */
static inline int frame_offset(Frame *frame) {
#if PY_VERSION_HEX < 0x030B0000
    return frame->f_lasti * 2;
#else
    return _PyInterpreterFrame_LASTI(frame) * (int)sizeof(_Py_CODEUNIT);
#endif
}

/* Whether it is the frame of this generator, coroutine or asynchronous generator. */
static inline int frame_is_of(Frame *frame, PyObject *generator) {
#if PY_VERSION_HEX < 0x030B0000
    return ((PyGenObject *)generator)->gi_frame == frame;
#else
    return (char *)frame == (char *)generator + offsetof(PyGenObject, gi_iframe);
#endif
}

#endif
