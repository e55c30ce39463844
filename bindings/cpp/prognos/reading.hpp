/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of operations and of the process. Include <prognos.hpp>. */
#ifndef PROGNOS_READING_HPP
#define PROGNOS_READING_HPP

#include <prognos/reading.h>

#include "operation.hpp"

namespace prognos {

/*
 * An answer is the C struct of its name: numbers are its fields. What has a better type in C++ is a function of the field's
 * name without the unit: wall() of wall_ns, a std::chrono duration; reason() of char reason[], a std::string_view into the
 * answer; op() of op, an operation.
 */

/** prognos_op_stats. */
struct operation_stats : prognos_op_stats {
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
    std::chrono::nanoseconds self_wall() const noexcept {
        return detail::ns(self_wall_ns);
    }
    std::chrono::nanoseconds cpu() const noexcept {
        return detail::ns(cpu_ns);
    }
    std::chrono::nanoseconds self_cpu() const noexcept {
        return detail::ns(self_cpu_ns);
    }
    std::chrono::nanoseconds blocked() const noexcept {
        return detail::ns(blocked_ns);
    }
    std::chrono::nanoseconds io_wait() const noexcept {
        return detail::ns(io_wait_ns);
    }
    std::chrono::nanoseconds lock_wait() const noexcept {
        return detail::ns(lock_wait_ns);
    }
    std::chrono::nanoseconds signal_wait() const noexcept {
        return detail::ns(signal_wait_ns);
    }
    /** The time that all of this covers. */
    std::chrono::nanoseconds covered() const noexcept {
        return detail::ns(window_ns);
    }
};

/** prognos_process_stats. */
struct process_stats : prognos_process_stats {
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
    std::chrono::nanoseconds uptime() const noexcept {
        return detail::ns(uptime_ns);
    }
    std::chrono::nanoseconds throttled() const noexcept {
        return detail::ns(throttled_ns);
    }
    std::chrono::nanoseconds covered() const noexcept {
        return detail::ns(window_ns);
    }
};

inline result<operation_stats> operation::read(window over) const noexcept {
    operation_stats stats{};
    outcome became(
        prognos_op_read(handle_, static_cast<prognos_window>(over), &stats, sizeof stats));
    return {became, stats};
}

inline result<std::chrono::nanoseconds> operation::quantile(double q, window over) const noexcept {
    std::uint64_t wall_ns = 0;
    outcome became(prognos_op_quantile(handle_, static_cast<prognos_window>(over), q, &wall_ns));
    return {became, detail::ns(wall_ns)};
}

inline result<process_stats> read_process(window over = window::total) noexcept {
    process_stats stats{};
    outcome became(prognos_process_read(static_cast<prognos_window>(over), &stats, sizeof stats));
    return {became, stats};
}

/** How many operations were named so far: their handles are 1 to this. */
inline std::size_t operation_count() noexcept {
    return prognos_op_count();
}

/** All operations named so far: for (prognos::operation op : prognos::operations()). */
class operations {
  public:
    class iterator {
      public:
        explicit iterator(prognos_op handle) noexcept : handle_(handle) {
        }
        operation operator*() const noexcept {
            return operation::of(handle_);
        }
        iterator &operator++() noexcept {
            handle_++;
            return *this;
        }
        bool operator==(const iterator &other) const noexcept {
            return handle_ == other.handle_;
        }
        bool operator!=(const iterator &other) const noexcept {
            return handle_ != other.handle_;
        }

      private:
        prognos_op handle_;
    };

    std::size_t size() const noexcept {
        return count_;
    }
    iterator begin() const noexcept {
        return iterator(1);
    }
    iterator end() const noexcept {
        return iterator(static_cast<prognos_op>(count_) + 1);
    }

  private:
    std::size_t count_ = prognos_op_count();
};

} // namespace prognos

#endif /* PROGNOS_READING_HPP */
