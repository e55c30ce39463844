/* SPDX-License-Identifier: Apache-2.0 */
/* For hosts with a runtime of their own: what the library cannot see. Include <prognos.hpp>. */
#ifndef PROGNOS_RUNTIME_HPP
#define PROGNOS_RUNTIME_HPP

#include <prognos/runtime.h>

#include "result.hpp"

namespace prognos {

/** prognos_io_kind. */
enum class io_kind : int {
    file_read = PROGNOS_FILE_READ,
    file_write = PROGNOS_FILE_WRITE,
    file_sync = PROGNOS_FILE_SYNC,
    socket_read = PROGNOS_SOCKET_READ,
    socket_write = PROGNOS_SOCKET_WRITE,
    pipe_read = PROGNOS_PIPE_READ,
    pipe_write = PROGNOS_PIPE_WRITE,
    terminal_read = PROGNOS_TERMINAL_READ,
    terminal_write = PROGNOS_TERMINAL_WRITE,
    other_read = PROGNOS_OTHER_READ,
    other_write = PROGNOS_OTHER_WRITE,
    wait = PROGNOS_WAIT
};

/** Input, output or a wait that went past the C library: of io_uring, of a device in user space. */
inline void io_done(io_kind kind, std::uint64_t bytes, std::chrono::nanoseconds waited) noexcept {
    prognos_io_done(static_cast<prognos_io_kind>(kind), bytes, detail::to_ns(waited));
}

/** A block of an allocator that the library cannot see, such as an arena's. */
inline void memory_allocated(const void *address, std::size_t bytes) noexcept {
    prognos_memory_allocated(address, bytes);
}
inline void memory_freed(const void *address) noexcept {
    prognos_memory_freed(address);
}

} // namespace prognos

#endif /* PROGNOS_RUNTIME_HPP */
