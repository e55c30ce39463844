/* SPDX-License-Identifier: Apache-2.0 */
/* The Python frames of a call stack: asked for amid anything that a thread does, in signal handlers, too. */
#define _GNU_SOURCE
#define Py_BUILD_CORE 1
#include "frames.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

/* Which number a code object has. Never removed: a code object in the place of one that was freed has another check. */
enum { known_slots = 16384, probes = 16 };
static struct {
    _Atomic(uintptr_t) code;
    _Atomic(uint64_t) numbered; /* check << 32 | number */
} known[known_slots];

static uint32_t check_of(const PyCodeObject *code, const PyObject *name) {
    uint64_t mixed = (uintptr_t)name * 31 + (uintptr_t)code->co_filename;
    mixed = (mixed ^ (uint64_t)code->co_firstlineno) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(mixed >> 32) | 1;
}

/* A text as UTF-8, without the calls of CPython that may allocate. */
static void copy_text(char *out, size_t capacity, PyObject *text) {
    size_t used = 0;
    if (PyUnicode_Check(text)) {
        Py_ssize_t length = PyUnicode_GET_LENGTH(text);
        int kind = PyUnicode_KIND(text);
        const void *data = PyUnicode_DATA(text);
        for (Py_ssize_t i = 0; i < length && used + 5 < capacity; i++) {
            Py_UCS4 c = PyUnicode_READ(kind, data, i);
            if (c < 0x80) {
                out[used++] = (char)c;
            } else if (c < 0x800) {
                out[used++] = (char)(0xC0 | c >> 6);
                out[used++] = (char)(0x80 | (c & 63));
            } else if (c < 0x10000) {
                out[used++] = (char)(0xE0 | c >> 12);
                out[used++] = (char)(0x80 | (c >> 6 & 63));
                out[used++] = (char)(0x80 | (c & 63));
            } else {
                out[used++] = (char)(0xF0 | c >> 18);
                out[used++] = (char)(0x80 | (c >> 12 & 63));
                out[used++] = (char)(0x80 | (c >> 6 & 63));
                out[used++] = (char)(0x80 | (c & 63));
            }
        }
    }
    out[used] = 0;
}

static prognos_frame name_frame(const PyCodeObject *code, PyObject *name) {
    char function[256], file[256];
    copy_text(function, sizeof function, name);
    copy_text(file, sizeof file, code->co_filename);
    return prognos_frame_named(function, file, (uint32_t)code->co_firstlineno);
}

static prognos_frame number_of(const PyCodeObject *code) {
#if PY_VERSION_HEX < 0x030B0000
    PyObject *name = code->co_name;
#else
    PyObject *name = code->co_qualname;
#endif
    uint32_t check = check_of(code, name);
    uintptr_t key = (uintptr_t)code;
    size_t slot = (size_t)((key >> 4) * 0x9E3779B97F4A7C15u >> 40);
    for (int probe = 0; probe < probes; probe++, slot++) {
        uintptr_t found =
            atomic_load_explicit(&known[slot % known_slots].code, memory_order_relaxed);
        if (found == 0 &&
            atomic_compare_exchange_strong(&known[slot % known_slots].code, &found, key)) {
            found = key;
        }
        if (found != key) continue;
        uint64_t numbered = atomic_load(&known[slot % known_slots].numbered);
        if (numbered >> 32 == check) return (prognos_frame)numbered;
        prognos_frame number = name_frame(code, name);
        if (number) {
            atomic_store(&known[slot % known_slots].numbered, (uint64_t)check << 32 | number);
        }
        return number;
    }
    return name_frame(code, name);
}

static size_t provide(prognos_frame *frames, size_t capacity, void *context) {
    (void)context;
    /* Not the state that holds the lock: this thread may wait for it, or have let go of it. */
    PyThreadState *state = PyGILState_GetThisThreadState();
    if (!state) return 0;
    size_t count = 0;
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000
    if (!state->cframe) return 0;
#endif
    for (Frame *frame = frame_of(state); frame && count < capacity; frame = frame_previous(frame)) {
        const PyCodeObject *code = frame_code(frame);
        if (!code) continue;
        prognos_frame number = number_of(code);
        if (frame_is_entry(frame)) number |= PROGNOS_FRAME_ENTRY;
        frames[count++] = number;
    }
    return count;
}

int frames_ready(void) {
    /* The function that runs Python code, so that its native frames can be replaced. */
    void *function = dlsym(RTLD_DEFAULT, "_PyEval_EvalFrameDefault");
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    if (function && dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
        symbol->st_size) {
        prognos_interpreter_set(function, symbol->st_size);
    }
    prognos_stack_provider_set(provide, NULL);
    return 0;
}
