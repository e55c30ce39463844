// SPDX-License-Identifier: Apache-2.0
// Limits of the process, and what it uses of them. Included by shim.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef enum shim_limit_kind {
    shim_limit_descriptors,
    shim_limit_address_space,
    shim_limit_data,
    shim_limit_processes,
    shim_limit_file_size,
    shim_limit_stack,
    shim_limit_cpu_seconds,
} shim_limit_kind;
// The soft limit in force; 0 for none.
uint64_t shim_limit(shim_limit_kind kind);

typedef struct shim_disk {
    uint64_t total_bytes, free_bytes; // free for whoever is not root
    uint64_t total_inodes, free_inodes;
} shim_disk;
// Of the file system that a path is on. May wait for ever for a server that is gone.
bool shim_disk_read(const char *path, shim_disk *out);

// A descriptor that was just opened, never as one of the standard streams; -1 on failure.
int shim_above_standard(int fd);
// Opens a file for reading, in the same way.
int shim_open_read(const char *path);
// The open descriptors of the process; -1 when that is not known.
ptrdiff_t shim_count_descriptors(void);
// Whether not even one more descriptor is to be had.
bool shim_descriptors_are_exhausted(void);
// CPUs that the process may run on.
uint64_t shim_processors(void);
// The time that its threads, but the calling one, could run and waited for a CPU, in nanoseconds, since each began; 0 when that is not
// known. Some 10 us a thread; of more than 256 threads, of some.
uint64_t shim_run_queue_ns(void);
// How long a thread of this process was on a CPU, and ready without one, since it began; false when that is not known.
bool shim_schedule_read(uint32_t thread_id, uint64_t *ran_ns, uint64_t *waited_ns);
// The processes of this user; -1 when that is not known, or not limited.
ptrdiff_t shim_count_user_processes(void);
typedef struct shim_maps {
    uint64_t count;
    uint64_t reserved_bytes; // of the heaps of malloc: address space taken that is not used yet
    uint64_t reserved_regions;
} shim_maps;
// The memory mappings of the process: some 0.3 us each; false when they cannot be read.
bool shim_maps_read(shim_maps *out);

// The file systems that the process has written to, by a directory of each.
enum { shim_written_disk_count = 4 };
typedef struct shim_written_disk {
    uint64_t device;
    char path[248];
} shim_written_disk;
typedef struct shim_written_disks {
    uint64_t next;
    shim_written_disk disks[shim_written_disk_count];
} shim_written_disks;

typedef struct shim_descriptor_scan {
    uint64_t largest_written; // bytes of the largest regular file that is open for writing
    uint64_t sockets;
} shim_descriptor_scan;
// Adds what the descriptors from `first` up to `end` are. Some 0.5 us each.
void shim_scan_descriptors(int first, int end, shim_descriptor_scan *scan,
                           shim_written_disks *disks);
// Of the file system that is nearest to full, but for one of that size; false without any. May wait for ever, as
// shim_disk_read().
bool shim_fullest_disk_read(shim_written_disks *disks, uint64_t but, shim_disk *out);

#pragma clang assume_nonnull end
