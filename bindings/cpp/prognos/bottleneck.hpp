/* SPDX-License-Identifier: Apache-2.0 */
/* What is won if an operation gets faster: by a model, and by experiments. Include <prognos.hpp>. */
#ifndef PROGNOS_BOTTLENECK_HPP
#define PROGNOS_BOTTLENECK_HPP

#include <prognos/bottleneck.h>
#include <prognos/experiment.h>

#include "list.hpp"
#include "operation.hpp"

namespace prognos {

/** prognos_bottleneck. */
struct bottleneck : prognos_bottleneck {
    operation op() const noexcept {
        return operation::of(prognos_bottleneck::op);
    }
    operation progress() const noexcept {
        return operation::of(prognos_bottleneck::progress);
    }
    std::string_view bound_by() const noexcept {
        return detail::text(prognos_bottleneck::bound_by);
    }
    std::string_view method() const noexcept {
        return detail::text(prognos_bottleneck::method);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_bottleneck::reason);
    }
};

enum class experiment_state : std::uint32_t {
    none = PROGNOS_EXPERIMENT_NONE,
    running = PROGNOS_EXPERIMENT_RUNNING,
    finished = PROGNOS_EXPERIMENT_FINISHED,
    stopped = PROGNOS_EXPERIMENT_STOPPED
};

/** prognos_experiment. */
struct experiment : prognos_experiment {
    seconds left() const noexcept {
        return seconds(seconds_left);
    }
    std::chrono::nanoseconds delayed() const noexcept {
        return detail::ns(delayed_ns);
    }
    operation progress() const noexcept {
        return operation::of(prognos_experiment::progress);
    }
    experiment_state state() const noexcept {
        return static_cast<experiment_state>(prognos_experiment::state);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_experiment::reason);
    }
};

/** The operations by what is won if they get faster, the most first. */
inline result<list<bottleneck>> read_bottlenecks() noexcept {
    return detail::read_list<bottleneck>(prognos_bottleneck_read);
}

inline outcome operation::start_experiment(std::chrono::seconds length) const noexcept {
    const auto count = length.count();
    const std::uint32_t told =
        count > 0 && count <= 0xFFFFFFFF ? static_cast<std::uint32_t>(count) : 0;
    return outcome(prognos_experiment_start(handle_, told));
}

/** Ends the experiment at once; what it found so far stays. */
inline outcome stop_experiment() noexcept {
    return outcome(prognos_experiment_stop());
}

/** How the latest experiment stands. */
inline result<experiment> read_experiment() noexcept {
    experiment found{};
    outcome became(prognos_experiment_read(&found, sizeof found));
    return {became, found};
}

} // namespace prognos

#endif /* PROGNOS_BOTTLENECK_HPP */
