// SPDX-License-Identifier: Apache-2.0
// Reading another process's recording (reader.c).
#pragma once

#include "shim.h"

#pragma clang assume_nonnull begin

// Opens a regular file for reading and tells its bytes: the descriptor, or an errno less than 0.
int shim_recording_open(const char *path, uint64_t *size);
// Maps so many bytes of it, or a copy of them, at the start of 4 GiB and 1 MiB that can be read: behind the
// file, as zeros. NULL (errno) when there is no such address space.
void *_Nullable shim_recording_map(int fd, uint64_t bytes, bool copy);
void shim_recording_unmap(void *start);
// The CPU time of a thread of another process, to a tick of the scheduler; 0 when it is not known.
uint64_t shim_cpu_of_foreign_thread_ns(uint32_t process_id, uint32_t thread_id);
// For a program of our own, never for a host: a file that is cut while it is mapped goes on as zeros,
// instead of ending the program by SIGBUS.
bool shim_recording_survive_cuts(void);
bool shim_recording_was_cut(const void *start);

#pragma clang assume_nonnull end
