/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, the feature flag, capabilities and diagnostics; profiles. Include <prognos.hpp>. */
#ifndef PROGNOS_LIFECYCLE_HPP
#define PROGNOS_LIFECYCLE_HPP

#include <prognos/dump.h>
#include <prognos/lifecycle.h>

#include "operation.hpp"

#include <string>

namespace prognos {

/** prognos_options with the defaults and the PROGNOS_* variables in it: change what should be otherwise. */
struct options : prognos_options {
    options() noexcept : prognos_options() {
        prognos_options_default(this, sizeof(prognos_options));
    }
    /** Where the log goes: called with a std::string_view. Not copied: it has to stay as long as the process records. */
    template <class F> options &log_to(F &callable) noexcept {
        log = [](const char *message, void *context) {
            (*static_cast<F *>(context))(std::string_view(message));
        };
        log_context = &callable;
        return *this;
    }
};

/** prognos_capabilities. Its texts are never freed. */
struct capabilities : prognos_capabilities {
    bool tracks(std::uint32_t bits) const noexcept {
        return (track & bits) == bits;
    }
    /** Where the live file is; "" while the recording is private memory. */
    std::string_view recording_path() const noexcept {
        const char *path = prognos_capabilities::recording_path;
        return path != nullptr ? path : "";
    }
};

/** prognos_diagnostics. */
struct diagnostics : prognos_diagnostics {
    std::chrono::nanoseconds self_cpu() const noexcept {
        return detail::ns(self_cpu_ns);
    }
    std::chrono::nanoseconds collector_cpu() const noexcept {
        return detail::ns(collector_cpu_ns);
    }
    std::chrono::nanoseconds assessment_cpu() const noexcept {
        return detail::ns(assessment_cpu_ns);
    }
};

/** Starts: memory, I/O, call stacks, predictions. Times and counts are recorded without it. */
inline outcome start(const options &with = options()) noexcept {
    return outcome(prognos_start(&with, sizeof(prognos_options)));
}

inline outcome stop() noexcept {
    return outcome(prognos_stop());
}

/** Started as long as it lives, unless something else had started before: then it stops nothing. */
class started {
  public:
    explicit started(const options &with = options()) noexcept
        : code_(prognos_start(&with, sizeof(prognos_options))), became_(code_) {
    }
    ~started() {
        if (code_ == PROGNOS_OK || code_ == PROGNOS_LIMIT_REACHED) (void)prognos_stop();
    }
    started(const started &) = delete;
    started &operator=(const started &) = delete;

    const outcome &became() const noexcept {
        return became_;
    }

  private:
    prognos_status code_;
    outcome became_;
};

/** The feature flag: instant, any thread, any time. */
inline void set_enabled(bool enabled) noexcept {
    prognos_set_enabled(enabled);
}
inline bool is_enabled() noexcept {
    return prognos_is_enabled();
}

inline result<capabilities> read_capabilities() noexcept {
    capabilities found{};
    outcome became(prognos_capabilities_read(&found, sizeof found));
    return {became, found};
}

inline result<diagnostics> read_diagnostics() noexcept {
    diagnostics found{};
    outcome became(prognos_diagnostics_read(&found, sizeof found));
    return {became, found};
}

/** The form of a profile: prognos_format. */
enum class format : int {
    json = PROGNOS_JSON,
    text = PROGNOS_TEXT,
    folded = PROGNOS_FOLDED,
    chrome_trace = PROGNOS_CHROME_TRACE,
    text_ascii = PROGNOS_TEXT_ASCII
};

/** Writes a profile to a file; "-" is standard output. */
inline outcome dump(const char *path, format as) noexcept {
    return outcome(prognos_dump(path, static_cast<prognos_format>(as)));
}
inline outcome dump(const std::string &path, format as) noexcept {
    return dump(path.c_str(), as);
}

/** Renders a profile. Without memory for it: status::no_memory. */
inline result<std::string> render(format as) noexcept {
    std::size_t needed = 0;
    outcome became(prognos_render(static_cast<prognos_format>(as), nullptr, 0, &needed));
#if defined(__cpp_exceptions)
    try {
#endif
        std::string text;
        while (became) { /* it may grow between two calls */
            text.resize(needed + needed / 8 + 4096);
            became = outcome(
                prognos_render(static_cast<prognos_format>(as), text.data(), text.size(), &needed));
            if (!became || needed >= text.size()) continue;
            text.resize(needed);
            return {became, std::move(text)};
        }
#if defined(__cpp_exceptions)
    } catch (...) {
        became = outcome(status::no_memory, "no memory for the profile's text");
    }
#endif
    return {became, {}};
}

} // namespace prognos

#endif /* PROGNOS_LIFECYCLE_HPP */
