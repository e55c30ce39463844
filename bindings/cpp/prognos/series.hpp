/* SPDX-License-Identifier: Apache-2.0 */
/* Series: the detectors that watch the process, for a host's own numbers. Include <prognos.hpp>. */
#ifndef PROGNOS_SERIES_HPP
#define PROGNOS_SERIES_HPP

#include <prognos/series.h>

#include "prediction.hpp"

#include <utility>

namespace prognos {

/** prognos_verdict. */
struct verdict : prognos_verdict {
    bool is_anomaly() const noexcept {
        return prognos_verdict::is_anomaly != 0;
    }
    anomaly_kind kind() const noexcept {
        return static_cast<anomaly_kind>(prognos_verdict::kind);
    }
};

/** prognos_forecast. */
struct forecast : prognos_forecast {};

/** A series of numbers, closed when the object goes. Move-only. One that could not be opened says so in each call. */
class series {
  public:
    series() noexcept = default;
    /** Opens it; a period of 0: its values come irregularly. */
    explicit series(std::string_view name,
                    std::chrono::nanoseconds period = std::chrono::nanoseconds(0)) noexcept
        : handle_(prognos_series_open(detail::c_string(name), detail::to_ns(period))) {
    }
    series(series &&other) noexcept : handle_(std::exchange(other.handle_, 0)) {
    }
    series &operator=(series &&other) noexcept {
        if (this != &other) {
            (void)close();
            handle_ = std::exchange(other.handle_, 0);
        }
        return *this;
    }
    ~series() {
        (void)close();
    }

    prognos_series handle() const noexcept {
        return handle_;
    }
    bool valid() const noexcept {
        return handle_ != 0;
    }

    /**
     * Adds a value and tells at once whether it is unusual. The verdict of the first 150 values is there too, with a score
     * of 0; its status is not_enough_data.
     */
    result<verdict>
    add(double value,
        std::chrono::system_clock::time_point at = std::chrono::system_clock::now()) noexcept {
        verdict found{};
        const prognos_status code =
            prognos_series_add(handle_, detail::unix_ns(at), value, &found, sizeof found);
        if (code == PROGNOS_NOT_ENOUGH_DATA)
            return {outcome(status::not_enough_data, "the first 150 values are learnt"), found};
        return {outcome(code), found};
    }

    /** Of the latest 256 values. */
    result<prognos::trend> trend() const noexcept {
        prognos::trend found{};
        outcome became(prognos_series_trend(handle_, &found, sizeof found));
        return {became, found};
    }

    /** The next values: 1 to 1,024. */
    result<list<prognos::forecast>> forecast(std::uint32_t steps) const noexcept {
        list<prognos::forecast> values(steps <= 1024 ? steps : 1);
        if (values.empty() && steps > 0)
            return {outcome(status::no_memory, "no memory for the forecast"), {}};
        outcome became(
            prognos_series_forecast(handle_, steps, values.data(), sizeof(prognos_forecast)));
        if (!became) return {became, {}};
        return {became, std::move(values)};
    }

    outcome close() noexcept {
        const prognos_series closed = std::exchange(handle_, 0);
        return closed != 0 ? outcome(prognos_series_close(closed)) : outcome();
    }

  private:
    prognos_series handle_ = 0;
};

} // namespace prognos

#endif /* PROGNOS_SERIES_HPP */
