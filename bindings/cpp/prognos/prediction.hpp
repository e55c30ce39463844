/* SPDX-License-Identifier: Apache-2.0 */
/* What the library concludes: health, trends, anomalies, leaks, exhaustion, crashes, alerts. Include <prognos.hpp>. */
#ifndef PROGNOS_PREDICTION_HPP
#define PROGNOS_PREDICTION_HPP

#include <prognos/prediction.h>

#include "list.hpp"
#include "reading.hpp"

namespace prognos {

/** prognos_metric. */
enum class metric : std::uint32_t {
    none = 0,
    rate = PROGNOS_METRIC_RATE,
    wall_p50 = PROGNOS_METRIC_WALL_P50,
    wall_p95 = PROGNOS_METRIC_WALL_P95,
    wall_p99 = PROGNOS_METRIC_WALL_P99,
    error_ratio = PROGNOS_METRIC_ERROR_RATIO,
    cpu = PROGNOS_METRIC_CPU,
    memory = PROGNOS_METRIC_MEMORY,
    allocation = PROGNOS_METRIC_ALLOCATION,
    io = PROGNOS_METRIC_IO,
    active = PROGNOS_METRIC_ACTIVE,
    heap = PROGNOS_METRIC_HEAP,
    virtual_memory = PROGNOS_METRIC_VIRTUAL,
    fds = PROGNOS_METRIC_FDS,
    threads = PROGNOS_METRIC_THREADS,
    maps = PROGNOS_METRIC_MAPS,
    disk = PROGNOS_METRIC_DISK,
    switches = PROGNOS_METRIC_SWITCHES,
    health = PROGNOS_METRIC_HEALTH,
    crash = PROGNOS_METRIC_CRASH
};

enum class anomaly_kind : std::uint32_t {
    none = 0,
    unusual = PROGNOS_ANOMALY_UNUSUAL,
    degradation = PROGNOS_ANOMALY_DEGRADATION,
    level = PROGNOS_ANOMALY_LEVEL
};

enum class leak_kind : std::uint32_t {
    memory = PROGNOS_LEAK_MEMORY,
    descriptors = PROGNOS_LEAK_DESCRIPTORS,
    sockets = PROGNOS_LEAK_SOCKETS,
    threads = PROGNOS_LEAK_THREADS,
    maps = PROGNOS_LEAK_MAPS
};

enum class crash_kind : std::uint32_t {
    none = PROGNOS_CRASH_NONE,
    exhaustion = PROGNOS_CRASH_EXHAUSTION,
    stall = PROGNOS_CRASH_STALL,
    deadlock = PROGNOS_CRASH_DEADLOCK,
    queue = PROGNOS_CRASH_QUEUE,
    errors = PROGNOS_CRASH_ERRORS,
    precursor = PROGNOS_CRASH_PRECURSOR,
    overload = PROGNOS_CRASH_OVERLOAD
};

enum class severity : std::uint32_t {
    ok = PROGNOS_SEVERITY_OK,
    warn = PROGNOS_SEVERITY_WARN,
    critical = PROGNOS_SEVERITY_CRITICAL
};

inline std::string_view to_string(severity value) noexcept {
    switch (value) {
    case severity::ok:
        return "ok";
    case severity::warn:
        return "warn";
    case severity::critical:
        return "critical";
    }
    return "unknown";
}

/** prognos_health. */
struct health : prognos_health {
    /** The operation that costs the most of the score. */
    operation op() const noexcept {
        return operation::of(prognos_health::op);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_health::reason);
    }
};

/** prognos_trend. */
struct trend : prognos_trend {
    std::string_view reason() const noexcept {
        return detail::text(prognos_trend::reason);
    }
};

/** prognos_anomaly. */
struct anomaly : prognos_anomaly {
    std::chrono::system_clock::time_point at() const noexcept {
        return detail::time_point(at_unix_ns);
    }
    prognos::metric metric() const noexcept {
        return static_cast<prognos::metric>(prognos_anomaly::metric);
    }
    operation op() const noexcept {
        return operation::of(prognos_anomaly::op);
    }
    anomaly_kind kind() const noexcept {
        return static_cast<anomaly_kind>(prognos_anomaly::kind);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_anomaly::reason);
    }
};

/** prognos_leak. */
struct leak : prognos_leak {
    bool is_leak() const noexcept {
        return prognos_leak::is_leak != 0;
    }
    operation op() const noexcept {
        return operation::of(prognos_leak::op);
    }
    leak_kind kind() const noexcept {
        return static_cast<leak_kind>(prognos_leak::kind);
    }
    std::string_view resource() const noexcept {
        return detail::text(prognos_leak::resource);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_leak::reason);
    }
    std::string_view stack() const noexcept {
        return detail::text(prognos_leak::stack);
    }
};

/** prognos_resource. */
struct resource : prognos_resource {
    minutes to_exhaustion() const noexcept {
        return minutes(minutes_to_exhaustion);
    }
    minutes to_exhaustion_low() const noexcept {
        return minutes(minutes_low);
    }
    minutes to_exhaustion_high() const noexcept {
        return minutes(minutes_high);
    }
    std::string_view name() const noexcept {
        return detail::text(prognos_resource::resource);
    }
    std::string_view limited_by() const noexcept {
        return detail::text(prognos_resource::limited_by);
    }
};

/** prognos_crash. */
struct crash : prognos_crash {
    minutes horizon() const noexcept {
        return minutes(horizon_minutes);
    }
    minutes to_failure() const noexcept {
        return minutes(minutes_to_failure);
    }
    minutes to_failure_low() const noexcept {
        return minutes(minutes_low);
    }
    minutes to_failure_high() const noexcept {
        return minutes(minutes_high);
    }
    operation op() const noexcept {
        return operation::of(prognos_crash::op);
    }
    crash_kind kind() const noexcept {
        return static_cast<crash_kind>(prognos_crash::kind);
    }
    std::string_view resource() const noexcept {
        return detail::text(prognos_crash::resource);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_crash::reason);
    }
};

/** prognos_alert. */
struct alert : prognos_alert {
    std::chrono::system_clock::time_point at() const noexcept {
        return detail::time_point(at_unix_ns);
    }
    prognos::severity severity() const noexcept {
        return static_cast<prognos::severity>(prognos_alert::severity);
    }
    prognos::severity previous() const noexcept {
        return static_cast<prognos::severity>(prognos_alert::previous);
    }
    prognos::metric metric() const noexcept {
        return static_cast<prognos::metric>(prognos_alert::metric);
    }
    operation op() const noexcept {
        return operation::of(prognos_alert::op);
    }
    std::string_view subject() const noexcept {
        return detail::text(prognos_alert::subject);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_alert::reason);
    }
};

/** Brings all predictions up to date now. */
inline outcome assess() noexcept {
    return outcome(prognos_assess());
}

inline result<health> read_health() noexcept {
    health found{};
    outcome became(prognos_health_read(&found, sizeof found));
    return {became, found};
}

inline result<crash> read_crash() noexcept {
    crash found{};
    outcome became(prognos_crash_read(&found, sizeof found));
    return {became, found};
}

/** The trend of a metric of the process. */
inline result<trend> read_trend(metric of, window over = window::total) noexcept {
    trend found{};
    outcome became(prognos_trend_read(static_cast<prognos_metric>(of), 0,
                                      static_cast<prognos_window>(over), &found, sizeof found));
    return {became, found};
}

inline result<trend> operation::trend(metric of, window over) const noexcept {
    prognos::trend found{};
    outcome became(prognos_trend_read(static_cast<prognos_metric>(of), handle_,
                                      static_cast<prognos_window>(over), &found, sizeof found));
    return {became, found};
}

inline result<health> operation::health() const noexcept {
    prognos::health found{};
    outcome became(prognos_op_health_read(handle_, &found, sizeof found));
    return {became, found};
}

inline outcome operation::set_objective(std::chrono::nanoseconds latency,
                                        double success_ratio) const noexcept {
    return outcome(prognos_objective_set(handle_, detail::to_ns(latency), success_ratio));
}

/** The latest anomalies, the newest first. */
inline result<list<anomaly>> read_anomalies() noexcept {
    return detail::read_list<anomaly>(prognos_anomalies_read);
}

/** What leaks, the worst first, and what was looked at and is none. */
inline result<list<leak>> read_leaks() noexcept {
    return detail::read_list<leak>(prognos_leaks_read);
}

/** The resources that have a limit, the nearest to it first. */
inline result<list<resource>> read_resources() noexcept {
    return detail::read_list<resource>(prognos_resources_read);
}

/** The latest alerts, the newest first. */
inline result<list<alert>> read_alerts() noexcept {
    return detail::read_list<alert>(prognos_alerts_read);
}

/** Asks for alerts when a metric of the process reaches these; NAN: none. */
inline outcome set_limit(metric of, double warn, double critical) noexcept {
    return outcome(prognos_limit_set(static_cast<prognos_metric>(of), warn, critical));
}

} // namespace prognos

#endif /* PROGNOS_PREDICTION_HPP */
