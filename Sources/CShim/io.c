// SPDX-License-Identifier: Apache-2.0
// What stands in for calls that wait for the world outside: each takes the time, calls the original and
// tells Swift what came of it. Nothing is noted before the call: a thread that is cancelled in it never
// comes back here.
#define _GNU_SOURCE
#include "shim.h"

#include <stdio.h>
#include <sys/socket.h>

// IS(result, name, call, descriptor, bytes wanted, offset): the parameters are a to f, handed on as they
// came, in registers. Wanted is 0 where it is not a parameter, the offset -1 where the file's position
// counts. `long` results keep all their bits, `int` results have only 32.
// clang-format off
#define CALLS(IS)                                                                                  \
    IS(long, read, read, a, c, -1) IS(long, __read_chk, read, a, c, -1)                            \
    IS(long, readv, read, a, 0, -1) IS(long, pread, read, a, c, d)                                 \
    IS(long, pread64, read, a, c, d) IS(long, __pread_chk, read, a, c, d)                          \
    IS(long, __pread64_chk, read, a, c, d) IS(long, preadv, read, a, 0, d)                         \
    IS(long, preadv64, read, a, 0, d) IS(long, preadv2, read, a, 0, d)                             \
    IS(long, preadv64v2, read, a, 0, d)                                                            \
    IS(long, recv, receive, a, c, -1) IS(long, __recv_chk, receive, a, c, -1)                      \
    IS(long, recvfrom, receive, a, c, -1) IS(long, recvmsg, receive, a, 0, -1)                     \
    IS(long, write, write, a, c, -1) IS(long, writev, write, a, 0, -1)                             \
    IS(long, pwrite, write, a, c, d) IS(long, pwrite64, write, a, c, d)                            \
    IS(long, pwritev, write, a, 0, d) IS(long, pwritev64, write, a, 0, d)                          \
    IS(long, pwritev2, write, a, 0, d) IS(long, pwritev64v2, write, a, 0, d)                       \
    IS(long, send, send, a, c, -1) IS(long, sendto, send, a, c, -1)                                \
    IS(long, sendmsg, send, a, 0, -1)                                                              \
    IS(int, fsync, sync, a, 0, -1) IS(int, fdatasync, sync, a, 0, -1)                              \
    IS(int, syncfs, sync, a, 0, -1) IS(int, sync_file_range, sync, a, 0, -1)                       \
    IS(int, msync, sync, -1, 0, -1)                                                                \
    IS(int, open, open, result, 0, -1) IS(int, open64, open, result, 0, -1)                        \
    IS(int, openat, open, result, 0, -1) IS(int, openat64, open, result, 0, -1)                    \
    IS(int, creat, open, result, 0, -1) IS(int, creat64, open, result, 0, -1)                      \
    IS(int, __open_2, open, result, 0, -1) IS(int, __open64_2, open, result, 0, -1)                \
    IS(int, __openat_2, open, result, 0, -1) IS(int, __openat64_2, open, result, 0, -1)            \
    IS(int, close, close, a, 0, -1)                                                                \
    IS(int, dup, replace, result, 0, -1) IS(int, dup2, replace, b, 0, -1)                          \
    IS(int, dup3, replace, b, 0, -1) IS(int, socket, socket, result, 0, -1)                        \
    IS(int, eventfd, replace, result, 0, -1) IS(int, epoll_create, replace, result, 0, -1)         \
    IS(int, epoll_create1, replace, result, 0, -1) IS(int, timerfd_create, replace, result, 0, -1) \
    IS(int, memfd_create, replace, result, 0, -1) IS(int, inotify_init, replace, result, 0, -1)    \
    IS(int, inotify_init1, replace, result, 0, -1) IS(int, pthread_create, spawn, -1, 0, -1)       \
    IS(long, lseek, seek, a, 0, -1) IS(long, lseek64, seek, a, 0, -1)                              \
    IS(int, connect, connect, a, 0, -1)                                                            \
    IS(int, accept, accept, result, 0, -1) IS(int, accept4, accept, result, 0, -1)                 \
    IS(int, poll, poll, -1, 0, -1) IS(int, __poll_chk, poll, -1, 0, -1)                            \
    IS(int, ppoll, poll, -1, 0, -1) IS(int, __ppoll_chk, poll, -1, 0, -1)                          \
    IS(int, select, poll, -1, 0, -1) IS(int, pselect, poll, -1, 0, -1)                             \
    IS(int, epoll_wait, poll, -1, 0, -1) IS(int, epoll_pwait, poll, -1, 0, -1)                     \
    IS(int, epoll_pwait2, poll, -1, 0, -1)                                                         \
    IS(int, nanosleep, pause, -1, 0, -1) IS(int, clock_nanosleep, pause, -1, 0, -1)                \
    IS(int, usleep, pause, -1, 0, -1) IS(int, sleep, pause, -1, 0, -1)

// Those of streams, which no table of symbols shows: the C library calls them by tables of its own.
#define STREAM_CALLS(IS)                                                                           \
    IS(long, _IO_file_read, read, descriptor(a), c, -1)                                            \
    IS(long, _IO_file_seek, seek, descriptor(a), 0, -1)                                            \
    IS(int, _IO_file_close, close, descriptor(a), 0, -1)

// Those whose results say it in another way.
#define SPECIAL(EACH)                                                                              \
    EACH(_IO_file_write) EACH(fopen) EACH(fopen64) EACH(sendfile) EACH(sendfile64)                 \
    EACH(copy_file_range) EACH(splice) EACH(__recvfrom_chk) EACH(sendmmsg) EACH(recvmmsg)          \
    EACH(pipe) EACH(pipe2) EACH(socketpair)

// clang-format on

enum {
#define NUMBER(result, name, ...) at_##name,
#define SPECIAL_NUMBER(name) at_##name,
    STREAM_CALLS(NUMBER) SPECIAL(SPECIAL_NUMBER) CALLS(NUMBER) hook_count,
    stream_count = at__IO_file_write + 1,
};

static shim_hook hooks[hook_count];
static bool uses_counter;

static inline uint64_t now(void) {
    return __builtin_expect(uses_counter, 1) ? shim_counter() : shim_monotonic_ns();
}

// Descriptors of devices that answer at once: two readings of the counter would be a tenth of a call.
unsigned char shim_instant[shim_descriptor_count];

static int descriptor(long stream) {
    return stream ? fileno((FILE *)stream) : -1;
}

#define PARAMETERS long a, long b, long c, long d, long e, long f
#define ORIGINAL(type, name) ((type(*)(PARAMETERS))hooks[at_##name].original)(a, b, c, d, e, f)

// A call while an experiment runs: it may have to hand on a delay, or to be credited with one.
static long delayed(shim_io_call call, const shim_hook *hook, uint64_t *ticks, PARAMETERS) {
    uint64_t debt = shim_call_begins(call, (int)a), start = now();
    long result = ((long (*)(PARAMETERS))hook->original)(a, b, c, d, e, f);
    *ticks = now() - start;
    shim_call_ends(call, (int)a, *ticks, debt);
    return result;
}

#define BODY(type, name, call, descriptor, wanted, offset)                                         \
    static type hooked_##name(PARAMETERS) {                                                        \
        if (__builtin_expect(shim_debt_now() != 0, 0)) {                                           \
            uint64_t ticks;                                                                        \
            type result =                                                                          \
                (type)delayed(shim_io_##call, &hooks[at_##name], &ticks, a, b, c, d, e, f);        \
            shim_io_done(shim_io_##call, (int)(descriptor), result, ticks, (uint64_t)(wanted),     \
                         offset);                                                                  \
            return result;                                                                         \
        }                                                                                          \
        bool instant = shim_io_##call < shim_io_sync && shim_is_instant((int)a);                   \
        uint64_t start = instant ? 0 : now();                                                      \
        type result = ORIGINAL(type, name);                                                        \
        shim_io_done(shim_io_##call, (int)(descriptor), result, instant ? 0 : now() - start,       \
                     (uint64_t)(wanted), offset);                                                  \
        return result;                                                                             \
    }
STREAM_CALLS(BODY)
CALLS(BODY)

// One parameter more than there are registers.
static long hooked___recvfrom_chk(PARAMETERS, long g) {
    uint64_t start = now();
    long result =
        ((long (*)(PARAMETERS, long))hooks[at___recvfrom_chk].original)(a, b, c, d, e, f, g);
    shim_io_done(shim_io_receive, (int)a, result, now() - start, (uint64_t)c, -1);
    return result;
}

// A write to a stream gives the bytes written before it failed.
static long hooked__IO_file_write(PARAMETERS) {
    uint64_t start = now();
    long result = ORIGINAL(long, _IO_file_write);
    shim_io_done(shim_io_write, descriptor(a), result == 0 && c > 0 ? -1 : result, now() - start,
                 (uint64_t)c, -1);
    return result;
}

#define OPENS_STREAM(name)                                                                         \
    static long hooked_##name(PARAMETERS) {                                                        \
        uint64_t start = now();                                                                    \
        long stream = ORIGINAL(long, name);                                                        \
        int opened = descriptor(stream);                                                           \
        shim_io_done(shim_io_open, opened, opened, now() - start, 0, -1);                          \
        return stream;                                                                             \
    }
OPENS_STREAM(fopen)
OPENS_STREAM(fopen64)

// From one descriptor to another: a read, and a write in which the time counts. The kernel has moved the
// offsets on.
static void copied(int from, long from_offset, int to, long to_offset, long bytes, uint64_t ticks) {
    if (bytes >= 0)
        shim_io_done(shim_io_read, from, bytes, 0, 0,
                     from_offset ? *(int64_t *)from_offset - bytes : -1);
    bool moved = to_offset && bytes >= 0;
    shim_io_done(shim_io_write, to, bytes, ticks, 0, moved ? *(int64_t *)to_offset - bytes : -1);
}

#define COPIES(name, from, from_offset, to, to_offset)                                             \
    static long hooked_##name(PARAMETERS) {                                                        \
        uint64_t start = now();                                                                    \
        long bytes = ORIGINAL(long, name);                                                         \
        copied((int)from, from_offset, (int)to, to_offset, bytes, now() - start);                  \
        return bytes;                                                                              \
    }
COPIES(sendfile, b, c, a, 0)
COPIES(sendfile64, b, c, a, 0)
COPIES(copy_file_range, a, b, c, d)
COPIES(splice, a, b, c, d)

#define MESSAGES(name, call)                                                                       \
    static int hooked_##name(PARAMETERS) {                                                         \
        uint64_t start = now();                                                                    \
        int count = ORIGINAL(int, name);                                                           \
        uint64_t ticks = now() - start;                                                            \
        long bytes = count < 0 ? -1 : 0;                                                           \
        for (int i = 0; i < count; i++)                                                            \
            bytes += ((struct mmsghdr *)b)[i].msg_len;                                             \
        shim_io_done(shim_io_##call, (int)a, bytes, ticks, 0, -1);                                 \
        return count;                                                                              \
    }
MESSAGES(sendmmsg, send)
MESSAGES(recvmmsg, receive)

#define OPENS_TWO(name, call, fds)                                                                 \
    static int hooked_##name(PARAMETERS) {                                                         \
        int result = ORIGINAL(int, name);                                                          \
        for (int i = 0; result == 0 && i < 2; i++)                                                 \
            shim_io_done(shim_io_##call, ((int *)fds)[i], result, 0, 0, -1);                       \
        return result;                                                                             \
    }
OPENS_TWO(pipe, replace, a)
OPENS_TWO(pipe2, replace, a)
OPENS_TWO(socketpair, socket, d)

static shim_hook hooks[hook_count] = {
#define ENTRY(result, called, ...)                                                                 \
    [at_##called] = {.name = #called, .replacement = hooked_##called},
#define SPECIAL_ENTRY(called) [at_##called] = {.name = #called, .replacement = hooked_##called},
    STREAM_CALLS(ENTRY) SPECIAL(SPECIAL_ENTRY) CALLS(ENTRY)};

static bool wants(const void *object, const shim_hook *hook) {
    (void)object;
    (void)hook;
    return true;
}

bool shim_io_find(bool counter) {
    uses_counter = counter;
    shim_hooks_find(hooks, hook_count);
    return hooks[at_read].original && hooks[at_write].original;
}

void shim_io_patch(bool install) {
    shim_hooks_patch(hooks, hook_count, install, wants);
}

bool shim_streams_patch(bool install) {
    static bool in_place;
    if (install != in_place && shim_pointers_patch(hooks, stream_count, install) > 0)
        in_place = install;
    return in_place;
}
