/* SPDX-License-Identifier: Apache-2.0 */
/* What the hooks of input and output cost, on the cheapest calls there are. */
#define _GNU_SOURCE
#include "slices.h"

#include "../hot-path/host.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int zero, null, memory_file, pipes[2], sockets[2];
static FILE *zeros, *nulls;
static char buffer[65536];
static ssize_t kept;

BENCH_LOOP(read_zero, 1, kept = read(zero, buffer, 1))
BENCH_LOOP(write_null, 1, kept = write(null, buffer, 1))
BENCH_LOOP(read_file, 1, kept = pread(memory_file, buffer, 1, (off_t)(bench_i & 4095)))
BENCH_LOOP(write_file, 1, kept = pwrite(memory_file, buffer, 1, (off_t)(bench_i & 4095)))
BENCH_LOOP(write_file_4k, 1, kept = pwrite(memory_file, buffer, 4096, 0))
BENCH_LOOP(through_pipe, 2, {
    kept = write(pipes[1], buffer, 1);
    kept = read(pipes[0], buffer, 1);
})
BENCH_LOOP(through_socket, 2, {
    kept = send(sockets[1], buffer, 1, 0);
    kept = recv(sockets[0], buffer, 1, 0);
})
BENCH_LOOP(fread_16, 1, kept = (ssize_t)fread(buffer, 1, 16, zeros))
BENCH_LOOP(fwrite_16, 1, kept = (ssize_t)fwrite(buffer, 1, 16, nulls))
BENCH_LOOP(open_close, 2, close(open("/dev/null", O_RDONLY | O_CLOEXEC)))

/* clang-format off */
static slices_measure measures[] = {
    {"read_zero", "read 1 B of /dev/zero", read_zero, 1.1, 0},
    {"write_null", "write 1 B to /dev/null", write_null, 1.1, 0},
    {"read_file", "pread 1 B of a file in memory", read_file, 1.1, 0},
    {"write_file", "pwrite 1 B to a file in memory", write_file, 1.1, 0},
    {"write_file_4k", "pwrite 4 KiB to a file in memory", write_file_4k, 1.1, 0},
    {"through_pipe", "1 B into a pipe and out, a call", through_pipe, 1.1, 0},
    {"through_socket", "1 B through a socket pair, a call", through_socket, 1.1, 0},
    {"fread_16", "fread of 16 B", fread_16, 1.1, 0},
    {"fwrite_16", "fwrite of 16 B", fwrite_16, 1.1, 0},
    {"open_close", "open and close, a call", open_close, 0, 0},
};
/* clang-format on */
enum { MEASURES = sizeof measures / sizeof *measures };

static int file_in_memory(void) {
    char path[] = "/dev/shm/prognos-bench-XXXXXX";
    int fd = mkstemp(path);
    if (fd >= 0) unlink(path);
    return fd;
}

int main(int argc, char **argv) {
    size_t rounds = bench_rounds(argc, argv, 100);
    slices_result results[MEASURES];
    zero = open("/dev/zero", O_RDONLY);
    null = open("/dev/null", O_WRONLY);
    memory_file = file_in_memory();
    zeros = fopen("/dev/zero", "r");
    nulls = fopen("/dev/null", "w");
    if (zero < 0 || null < 0 || memory_file < 0 || !zeros || !nulls || pipe(pipes) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0 ||
        write(memory_file, buffer, sizeof buffer) != sizeof buffer)
        return 1;
    /* In an operation, as a host's calls are: without one they go a longer way, to what has no place. */
    prognos_op op = prognos_op_named("copy");
    prognos_begin(op);
    slices_run(measures, results, MEASURES, rounds);
    prognos_end(op);
    printf("{\n  \"benchmark\": \"io\",\n  \"rounds\": %zu,\n", rounds);
    slices_print(measures, results, MEASURES);
    printf("\n}\n");
    return 0;
}
