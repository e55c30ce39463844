// SPDX-License-Identifier: Apache-2.0
// What a recording in a file needs of the system.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

shim_process shim_process_times(uint32_t process_id) {
    shim_process found = {0};
    char path[64], text[1024], *at;
    int saved = errno;
    if (process_id)
        snprintf(path, sizeof path, "/proc/%u/stat", process_id);
    else
        strcpy(path, "/proc/self/stat");
    ptrdiff_t got = shim_read_file(path, text, sizeof text - 1);
    if (got > 0) {
        text[got] = 0;
        // The command, in parentheses, may hold any character: the fields begin behind the last one.
        if ((at = strrchr(text, ')')) && at[1] == ' ' && at[2] && at[3] == ' ') {
            found.state = at[2];
            at += 4;
            found.parent_id = (uint32_t)strtoul(at, &at, 10); // the fourth field
            for (int field = 5; field < 22 && at; field++)
                at = strchr(at + 1, ' ');
            if (at) found.start_ticks = strtoull(at, NULL, 10);
        }
        strcpy(strrchr(path, '/'), "/ns/pid");
        got = readlink(path, text, sizeof text - 1);
        if (got > 5) {
            text[got] = 0;
            found.pid_namespace = strtoull(text + 5, NULL, 10); // "pid:[4026531836]"
        }
    }
    errno = saved;
    return found;
}
