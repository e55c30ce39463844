/* SPDX-License-Identifier: Apache-2.0 */
/* A host that reads and writes in many ways between two marks, and prints what was counted. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <prognos.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEED(expression)                                                                           \
    if (!(expression)) (perror(#expression), exit(1))

static prognos_op op;
static const char *path;

static void *work(void *unused) {
    (void)unused;
    char bytes[10000] = {0}, line[200];
    int sockets[2];
    struct iovec parts[2] = {{bytes, 300}, {bytes + 300, 44}};
    prognos_begin(op);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    NEED(fd >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    for (int i = 0; i < 400; i++) {
        NEED(pwrite(fd, bytes, (size_t)(i + 1), i) == i + 1);
        NEED(pread(fd, bytes, 100, i) > 0);
        NEED(writev(sockets[0], parts, 2) == 344);
        NEED(readv(sockets[1], parts, 2) == 344);
        NEED(send(sockets[0], bytes, 5, 0) == 5);
        NEED(read(sockets[1], bytes, 100) == 5);
        NEED(recv(sockets[1], bytes, 1, MSG_DONTWAIT) == -1);
    }
    snprintf(line, sizeof line, "%s-%d", path, sockets[0]);
    FILE *stream = fopen(line, "w+");
    NEED(stream);
    for (int i = 0; i < 3000; i++)
        fprintf(stream, "line %d of many\n", i);
    NEED(fwrite(bytes, 1, sizeof bytes, stream) == sizeof bytes && fflush(stream) == 0);
    rewind(stream);
    while (fgets(line, sizeof line, stream))
        continue;
    fseek(stream, 5000, SEEK_SET);
    NEED(fread(bytes, 1, sizeof bytes, stream) == sizeof bytes);
    NEED(fputs("the end", stream) >= 0 && fclose(stream) == 0);
    close(fd);
    prognos_end(op);
    return NULL;
}

int main(int argc, char **argv) {
    NEED(argc > 1);
    path = argv[1];
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track |= PROGNOS_TRACK_IO;
    NEED(prognos_start(&options, sizeof options) == PROGNOS_OK);
    op = prognos_op_named("op");
    access("/prognos-begin", F_OK);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        NEED(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (int i = 0; i < 2; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    access("/prognos-end", F_OK);
    prognos_op_stats stats;
    NEED(prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats) == PROGNOS_OK);
    printf("calls=%llu read=%llu written=%llu\n", (unsigned long long)stats.io_calls,
           (unsigned long long)stats.read_bytes, (unsigned long long)stats.written_bytes);
    return 0;
}
