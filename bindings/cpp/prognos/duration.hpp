/* SPDX-License-Identifier: Apache-2.0 */
/* How long an operation will take, and how much longer one that is under way. Include <prognos.hpp>. */
#ifndef PROGNOS_DURATION_HPP
#define PROGNOS_DURATION_HPP

#include <prognos/duration.h>

#include "operation.hpp"

namespace prognos {

/** prognos_duration. */
struct duration_estimate : prognos_duration {
    std::chrono::nanoseconds estimate() const noexcept {
        return detail::ns(estimate_ns);
    }
    std::chrono::nanoseconds low() const noexcept {
        return detail::ns(low_ns);
    }
    std::chrono::nanoseconds high() const noexcept {
        return detail::ns(high_ns);
    }
    std::string_view complexity() const noexcept {
        return detail::text(prognos_duration::complexity);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_duration::reason);
    }
};

/** prognos_time_left. */
struct time_left : prognos_time_left {
    std::chrono::nanoseconds estimate() const noexcept {
        return detail::ns(estimate_ns);
    }
    std::chrono::nanoseconds low() const noexcept {
        return detail::ns(low_ns);
    }
    std::chrono::nanoseconds high() const noexcept {
        return detail::ns(high_ns);
    }
    std::chrono::nanoseconds elapsed() const noexcept {
        return detail::ns(elapsed_ns);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_time_left::reason);
    }
};

inline result<duration_estimate> operation::predict(std::uint64_t work) const noexcept {
    duration_estimate found{};
    outcome became(prognos_duration_predict(handle_, work, &found, sizeof found));
    return {became, found};
}

inline result<time_left> operation::time_left() const noexcept {
    prognos::time_left found{};
    outcome became(prognos_time_left_read(handle_, &found, sizeof found));
    return {became, found};
}

} // namespace prognos

#endif /* PROGNOS_DURATION_HPP */
