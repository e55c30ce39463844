/* SPDX-License-Identifier: Apache-2.0 */
/* Load, scalability, productivity, and what to change. Include <prognos.hpp>. */
#ifndef PROGNOS_LOAD_HPP
#define PROGNOS_LOAD_HPP

#include <prognos/load.h>
#include <prognos/suggestion.h>

#include "list.hpp"
#include "operation.hpp"

namespace prognos {

/** prognos_peak. */
struct peak : prognos_peak {
    std::chrono::system_clock::time_point at() const noexcept {
        return detail::time_point(at_unix_ns);
    }
    /** Whether the peak is above what the process can do. */
    bool exceeds() const noexcept {
        return prognos_peak::exceeds != 0;
    }
    seconds span() const noexcept {
        return seconds(span_s);
    }
    seconds season() const noexcept {
        return seconds(season_s);
    }
    std::string_view saturates() const noexcept {
        return detail::text(prognos_peak::saturates);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_peak::reason);
    }
};

/** prognos_scalability. */
struct scalability : prognos_scalability {
    std::string_view saturates() const noexcept {
        return detail::text(prognos_scalability::saturates);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_scalability::reason);
    }
};

/** prognos_productivity. */
struct productivity : prognos_productivity {
    std::string_view reason() const noexcept {
        return detail::text(prognos_productivity::reason);
    }
};

enum class suggestion_kind : std::uint32_t {
    buffer_reads = PROGNOS_SUGGEST_BUFFER_READS,
    cache_reads = PROGNOS_SUGGEST_CACHE_READS,
    buffer_writes = PROGNOS_SUGGEST_BUFFER_WRITES,
    batch_syncs = PROGNOS_SUGGEST_BATCH_SYNCS,
    keep_open = PROGNOS_SUGGEST_KEEP_OPEN,
    pool_memory = PROGNOS_SUGGEST_POOL_MEMORY,
    split_lock = PROGNOS_SUGGEST_SPLIT_LOCK,
    io_out_of_lock = PROGNOS_SUGGEST_IO_OUT_OF_LOCK,
    cache_result = PROGNOS_SUGGEST_CACHE_RESULT,
    retry_less = PROGNOS_SUGGEST_RETRY_LESS,
    algorithm = PROGNOS_SUGGEST_ALGORITHM,
    fix_leak = PROGNOS_SUGGEST_FIX_LEAK
};

enum class impact : std::uint32_t { low = 0, medium = 1, high = 2 };

/** prognos_suggestion. */
struct suggestion : prognos_suggestion {
    operation op() const noexcept {
        return operation::of(prognos_suggestion::op);
    }
    suggestion_kind kind() const noexcept {
        return static_cast<suggestion_kind>(prognos_suggestion::kind);
    }
    prognos::impact impact() const noexcept {
        return static_cast<prognos::impact>(prognos_suggestion::impact);
    }
    std::chrono::nanoseconds saved() const noexcept {
        return detail::ns(saved_ns);
    }
    std::string_view text() const noexcept {
        return detail::text(prognos_suggestion::text);
    }
    std::string_view reason() const noexcept {
        return detail::text(prognos_suggestion::reason);
    }
};

inline result<peak> read_peak() noexcept {
    peak found{};
    outcome became(prognos_peak_read(&found, sizeof found));
    return {became, found};
}

inline result<scalability> read_scalability() noexcept {
    scalability found{};
    outcome became(prognos_scalability_read(&found, sizeof found));
    return {became, found};
}

inline result<productivity> read_productivity() noexcept {
    productivity found{};
    outcome became(prognos_productivity_read(&found, sizeof found));
    return {became, found};
}

/** What is worth changing, what brings the most first. */
inline result<list<suggestion>> read_suggestions() noexcept {
    return detail::read_list<suggestion>(prognos_suggestions_read);
}

} // namespace prognos

#endif /* PROGNOS_LOAD_HPP */
