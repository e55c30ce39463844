/* SPDX-License-Identifier: Apache-2.0 */
/* The Python frames of a call stack: asked for amid anything that a thread does, in signal handlers, too. */
#define _GNU_SOURCE
#define Py_BUILD_CORE 1
#include "frames.h"
#include "peek.h"

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

/* A text as UTF-8, without the calls of CPython that may allocate. What is not there is "". */
static void copy_text(peek how, char *out, size_t capacity, PyObject *text) {
    enum { most = 256 };
    union {
        PyCompactUnicodeObject object;
        PyASCIIObject ascii;
    } head;
    union {
        Py_UCS1 one[most];
        Py_UCS2 two[most];
        Py_UCS4 four[most];
    } data;
    size_t used = 0;
    out[0] = 0;
    if (!peek_at(how, &head.ascii, text, sizeof head.ascii)) return;
    if (Py_TYPE((PyObject *)&head.ascii) != &PyUnicode_Type || !head.ascii.state.compact) return;
    size_t begin = head.ascii.state.ascii ? sizeof head.ascii : sizeof head.object;
    size_t kind = head.ascii.state.kind, length = (size_t)head.ascii.length;
    if (length > most) length = most;
    if (kind != 1 && kind != 2 && kind != 4) return;
    if (!peek_at(how, &data, (const char *)text + begin, length * kind)) return;
    for (size_t i = 0; i < length && used + 5 < capacity; i++) {
        Py_UCS4 c = kind == 1 ? data.one[i] : kind == 2 ? data.two[i] : data.four[i];
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
    out[used] = 0;
}

static prognos_frame name_frame(peek how, const PyCodeObject *code, PyObject *name) {
    char function[256], file[256];
    copy_text(how, function, sizeof function, name);
    copy_text(how, file, sizeof file, code->co_filename);
    if (function[0] == 0) return 0;
    return prognos_frame_named(function, file, (uint32_t)code->co_firstlineno);
}

/* The number of a code object, of which `code` may be a copy; 0 for none. */
static prognos_frame number_of(peek how, uintptr_t key, const PyCodeObject *code) {
#if PY_VERSION_HEX < 0x030B0000
    PyObject *name = code->co_name;
#else
    PyObject *name = code->co_qualname;
#endif
    uint32_t check = check_of(code, name);
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
        prognos_frame number = name_frame(how, code, name);
        if (number) {
            atomic_store(&known[slot % known_slots].numbered, (uint64_t)check << 32 | number);
        }
        return number;
    }
    return name_frame(how, code, name);
}

/* The innermost frame, as far as it can be told. */
static Frame *innermost(peek how, PyThreadState *state) {
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000
    _PyCFrame frame;
    if (!state->cframe || !peek_at(how, &frame, state->cframe, sizeof frame)) return NULL;
    return frame.current_frame;
#else
    (void)how;
    return frame_of(state);
#endif
}

static size_t walk(peek how, PyThreadState *state, prognos_frame *frames, size_t capacity) {
    /* More frames than this without code of Python is no chain of frames. */
    enum { most_steps = 4096 };
    size_t count = 0, steps = 0;
    const Frame *at = innermost(how, state);
    Frame frame, outer;
    bool there = at && peek_at(how, &frame, at, frame_bytes);
    while (there && count < capacity && steps++ < most_steps) {
        const Frame *previous = frame_previous(&frame);
        there = previous && peek_at(how, &outer, previous, frame_bytes);
        PyObject *object = frame_executable(&frame);
        PyCodeObject code;
        if (object && peek_at(how, &code, object, code_bytes) &&
            Py_IS_TYPE((PyObject *)&code, &PyCode_Type)) {
            prognos_frame number = number_of(how, (uintptr_t)object, &code);
            if (number) {
                if (frame_is_entry(&frame, there ? &outer : NULL)) number |= PROGNOS_FRAME_ENTRY;
                frames[count++] = number;
            }
        }
        if (there) frame = outer;
    }
    return count;
}

static size_t provide(prognos_frame *frames, size_t capacity, void *context) {
    (void)context;
    /* Not the state that holds the lock: this thread may wait for it, or have let go of it. */
    PyThreadState *state = PyGILState_GetThisThreadState();
    if (!state) return 0;
    int kept = errno;
    size_t count = walk(peek_begin(), state, frames, capacity);
    errno = kept;
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
