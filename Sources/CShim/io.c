// SPDX-License-Identifier: Apache-2.0
// What stands in for calls that wait for the world outside: each takes the time, calls the original and
// tells Swift what came of it. Nothing is noted before the call: a thread that is cancelled in it never
// comes back here.
#define _GNU_SOURCE
#include "shim.h"

#include <stdio.h>
#include <sys/socket.h>

// IS(name, call, descriptor, bytes wanted, offset): which of the parameters, a to f, they are; they are handed on
// as they came, in registers. `none` where it is not a parameter: for the offset, the file's position counts.
// clang-format off
#define TRANSFERS(IS)                                                                              \
    IS(read, read, a, c, none) IS(__read_chk, read, a, c, none)                                    \
    IS(readv, read, a, none, none) IS(pread, read, a, c, d)                                        \
    IS(pread64, read, a, c, d) IS(__pread_chk, read, a, c, d)                                      \
    IS(__pread64_chk, read, a, c, d) IS(preadv, read, a, none, d)                                  \
    IS(preadv64, read, a, none, d) IS(preadv2, read, a, none, d)                                   \
    IS(preadv64v2, read, a, none, d) IS(recv, receive, a, c, none)                                 \
    IS(__recv_chk, receive, a, c, none) IS(recvfrom, receive, a, c, none)                          \
    IS(recvmsg, receive, a, none, none) IS(write, write, a, c, none)                               \
    IS(writev, write, a, none, none) IS(pwrite, write, a, c, d)                                    \
    IS(pwrite64, write, a, c, d) IS(pwritev, write, a, none, d)                                    \
    IS(pwritev64, write, a, none, d) IS(pwritev2, write, a, none, d)                               \
    IS(pwritev64v2, write, a, none, d) IS(send, send, a, c, none)                                  \
    IS(sendto, send, a, c, none) IS(sendmsg, send, a, none, none)

// Those that transfer nothing, or wait long: they share one body. Their results have 32 bits, but for lseek's.
#define OTHERS(IS)                                                                                 \
    IS(fsync, sync, a, none, none) IS(fdatasync, sync, a, none, none)                              \
    IS(syncfs, sync, a, none, none) IS(sync_file_range, sync, a, none, none)                       \
    IS(msync, sync, none, none, none) IS(open, open, result, none, none)                           \
    IS(open64, open, result, none, none) IS(openat, open, result, none, none)                      \
    IS(openat64, open, result, none, none) IS(creat, open, result, none, none)                     \
    IS(creat64, open, result, none, none) IS(__open_2, open, result, none, none)                   \
    IS(__open64_2, open, result, none, none) IS(__openat_2, open, result, none, none)              \
    IS(__openat64_2, open, result, none, none) IS(close, close, a, none, none)                     \
    IS(dup, replace, result, none, none) IS(dup2, replace, b, none, none)                          \
    IS(dup3, replace, b, none, none) IS(socket, socket, result, none, none)                        \
    IS(eventfd, replace, result, none, none)                                                       \
    IS(epoll_create, replace, result, none, none)                                                  \
    IS(epoll_create1, replace, result, none, none)                                                 \
    IS(timerfd_create, replace, result, none, none)                                                \
    IS(memfd_create, replace, result, none, none)                                                  \
    IS(inotify_init, replace, result, none, none)                                                  \
    IS(inotify_init1, replace, result, none, none)                                                 \
    IS(pthread_create, spawn, none, none, none) IS(lseek, seek, a, none, none)                     \
    IS(lseek64, seek, a, none, none) IS(connect, connect, a, none, none)                           \
    IS(accept, accept, result, none, none) IS(accept4, accept, result, none, none)                 \
    IS(poll, poll, none, none, none) IS(__poll_chk, poll, none, none, none)                        \
    IS(ppoll, poll, none, none, none) IS(__ppoll_chk, poll, none, none, none)                      \
    IS(select, poll, none, none, none) IS(pselect, poll, none, none, none)                         \
    IS(epoll_wait, poll, none, none, none) IS(epoll_pwait, poll, none, none, none)                 \
    IS(epoll_pwait2, poll, none, none, none) IS(nanosleep, pause, none, none, none)                \
    IS(clock_nanosleep, pause, none, none, none) IS(usleep, pause, none, none, none)               \
    IS(sleep, pause, none, none, none)

// Those of streams, which no table of symbols shows: the C library calls them by tables of its own.
#define STREAM_TRANSFERS(IS) IS(_IO_file_read, read, stream, c, none)
#define STREAM_OTHERS(IS)                                                                          \
    IS(_IO_file_seek, seek, stream, none, none) IS(_IO_file_close, close, stream, none, none)

// Those whose results say it in another way.
#define SPECIAL(EACH)                                                                              \
    EACH(_IO_file_write) EACH(fopen) EACH(fopen64) EACH(sendfile) EACH(sendfile64)                 \
    EACH(copy_file_range) EACH(splice) EACH(__recvfrom_chk) EACH(sendmmsg) EACH(recvmmsg)          \
    EACH(pipe) EACH(pipe2) EACH(socketpair)

// clang-format on

enum {
#define NUMBER(name, ...) at_##name,
#define SPECIAL_NUMBER(name) at_##name,
    STREAM_TRANSFERS(NUMBER) STREAM_OTHERS(NUMBER) SPECIAL(SPECIAL_NUMBER) TRANSFERS(NUMBER)
        OTHERS(NUMBER) hook_count,
    stream_count = at__IO_file_write + 1,
};

// Where a call's descriptor, bytes wanted and offset are.
enum { in_none, in_a, in_b, in_c, in_d, in_result, in_stream };
static const struct row {
    unsigned char call, descriptor, wanted, offset;
} rows[hook_count] = {
#define ROW(name, call, descriptor, wanted, offset)                                                \
    [at_##name] = {shim_io_##call, in_##descriptor, in_##wanted, in_##offset},
    STREAM_TRANSFERS(ROW) STREAM_OTHERS(ROW) TRANSFERS(ROW) OTHERS(ROW)};

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

static int descriptor_of(const struct row *row, long result, long a, long b) {
    switch (row->descriptor) {
    case in_a:
        return (int)a;
    case in_b:
        return (int)b;
    case in_result:
        return (int)result;
    case in_stream:
        return descriptor(a);
    default:
        return -1;
    }
}

// The body of all calls that need not be quick, and of those that must be while an experiment runs: it may have to
// hand on a delay, or to be credited with one.
__attribute__((noinline)) static long call(int number, PARAMETERS) {
    const struct row *row = &rows[number];
    bool is_delayed = shim_debt_now() != 0;
    int before = row->descriptor == in_result ? -1 : descriptor_of(row, -1, a, b);
    uint64_t debt = is_delayed ? shim_call_begins(row->call, before) : 0, start = now();
    long result = ((long (*)(PARAMETERS))hooks[number].original)(a, b, c, d, e, f);
    uint64_t ticks = now() - start;
    if (row->call >= shim_io_sync && row->call != shim_io_seek) result = (int)result;
    int fd = row->descriptor == in_result ? (int)result : before;
    if (is_delayed) shim_call_ends(row->call, fd, ticks, debt);
    shim_io_done(row->call, fd, result, ticks, row->wanted == in_c ? (uint64_t)c : 0,
                 row->offset == in_d ? d : -1);
    return result;
}

#define VALUE_none_wanted 0
#define VALUE_c_wanted (uint64_t) c
#define VALUE_none_offset -1
#define VALUE_d_offset d
#define VALUE_a_descriptor (int)a
#define VALUE_stream_descriptor descriptor(a)

#define TRANSFER_BODY(name, call_, descriptor_, wanted, offset)                                    \
    static long hooked_##name(PARAMETERS) {                                                        \
        if (__builtin_expect(shim_debt_now() != 0, 0)) return call(at_##name, a, b, c, d, e, f);   \
        bool instant = shim_is_instant((int)a);                                                    \
        uint64_t start = instant ? 0 : now();                                                      \
        long result = ORIGINAL(long, name);                                                        \
        shim_io_done(shim_io_##call_, VALUE_##descriptor_##_descriptor, result,                    \
                     instant ? 0 : now() - start, VALUE_##wanted##_wanted,                         \
                     VALUE_##offset##_offset);                                                     \
        return result;                                                                             \
    }
STREAM_TRANSFERS(TRANSFER_BODY)
TRANSFERS(TRANSFER_BODY)

#define OTHER_BODY(name, ...)                                                                      \
    static long hooked_##name(PARAMETERS) {                                                        \
        return call(at_##name, a, b, c, d, e, f);                                                  \
    }
STREAM_OTHERS(OTHER_BODY)
OTHERS(OTHER_BODY)

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
#define ENTRY(called, ...) [at_##called] = {.name = #called, .replacement = hooked_##called},
#define SPECIAL_ENTRY(called) [at_##called] = {.name = #called, .replacement = hooked_##called},
    STREAM_TRANSFERS(ENTRY) STREAM_OTHERS(ENTRY) SPECIAL(SPECIAL_ENTRY) TRANSFERS(ENTRY)
        OTHERS(ENTRY)};

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
