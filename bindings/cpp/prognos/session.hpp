/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: whom operations are for. Include <prognos.hpp>. */
#ifndef PROGNOS_SESSION_HPP
#define PROGNOS_SESSION_HPP

#include <prognos/session.h>

#include "prediction.hpp"

#include <utility>

namespace prognos {

/** prognos_session_stats. */
struct session_stats : prognos_session_stats {
    std::chrono::nanoseconds wall() const noexcept {
        return detail::ns(wall_ns);
    }
    std::chrono::nanoseconds wall_min() const noexcept {
        return detail::ns(wall_min_ns);
    }
    std::chrono::nanoseconds wall_max() const noexcept {
        return detail::ns(wall_max_ns);
    }
    std::chrono::nanoseconds wall_p50() const noexcept {
        return detail::ns(wall_p50_ns);
    }
    std::chrono::nanoseconds wall_p95() const noexcept {
        return detail::ns(wall_p95_ns);
    }
    std::chrono::nanoseconds wall_p99() const noexcept {
        return detail::ns(wall_p99_ns);
    }
    std::chrono::nanoseconds cpu() const noexcept {
        return detail::ns(cpu_ns);
    }
    std::chrono::system_clock::time_point opened() const noexcept {
        return detail::time_point(opened_unix_ns);
    }
    std::chrono::system_clock::time_point last() const noexcept {
        return detail::time_point(last_unix_ns);
    }
    bool is_open() const noexcept {
        return prognos_session_stats::is_open != 0;
    }
    std::string_view name() const noexcept {
        return detail::text(prognos_session_stats::name);
    }
};

/** A thread's stay in a session: left with the block. Belongs to its thread. */
class [[nodiscard]] session_entry {
  public:
    explicit session_entry(prognos_session session) noexcept
        : session_(prognos_session_enter(session) == PROGNOS_OK ? session : 0) {
    }
    ~session_entry() {
        if (session_ != 0) (void)prognos_session_leave(session_);
    }
    session_entry(const session_entry &) = delete;
    session_entry &operator=(const session_entry &) = delete;

    /** False when the session was closed, or operations nest too deep here. */
    bool entered() const noexcept {
        return session_ != 0;
    }

  private:
    const prognos_session session_;
};

/** A user, a connection, a tenant, a job: whom threads work for while they have entered it. Move-only; closed when it goes. */
class session {
  public:
    session() noexcept = default;
    /** Opens it: UTF-8, 1 to 63 bytes, not necessarily unique. One that cannot be opened counts nothing. */
    explicit session(std::string_view name) noexcept
        : handle_(prognos_session_open(detail::c_string(name))), open_(handle_ != 0) {
    }
    session(session &&other) noexcept
        : handle_(std::exchange(other.handle_, 0)), open_(std::exchange(other.open_, false)) {
    }
    session &operator=(session &&other) noexcept {
        if (this != &other) {
            (void)close();
            handle_ = std::exchange(other.handle_, 0);
            open_ = std::exchange(other.open_, false);
        }
        return *this;
    }
    ~session() {
        (void)close();
    }

    prognos_session handle() const noexcept {
        return handle_;
    }
    bool valid() const noexcept {
        return handle_ != 0;
    }

    /** This thread works for the session as long as what this gives lives. */
    session_entry enter() const noexcept {
        return session_entry(handle_);
    }

    result<session_stats> read() const noexcept {
        session_stats found{};
        outcome became(prognos_session_read(handle_, &found, sizeof found));
        return {became, found};
    }
    result<prognos::health> health() const noexcept {
        prognos::health found{};
        outcome became(prognos_session_health_read(handle_, &found, sizeof found));
        return {became, found};
    }

    /** Nobody can enter it any more; threads that are in it go on counting there. Its numbers stay readable. */
    outcome close() noexcept {
        return std::exchange(open_, false) ? outcome(prognos_session_close(handle_)) : outcome();
    }

  private:
    prognos_session handle_ = 0;
    bool open_ = false;
};

} // namespace prognos

#endif /* PROGNOS_SESSION_HPP */
