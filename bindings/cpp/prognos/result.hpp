/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values: what a call gives back that can fail. Include <prognos.hpp>. */
#ifndef PROGNOS_RESULT_HPP
#define PROGNOS_RESULT_HPP

#include <prognos/status.h>

#include <chrono>
#include <cstring>
#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>

namespace prognos {

/** prognos_status. */
enum class status : int {
    ok = PROGNOS_OK,
    already_started = PROGNOS_ALREADY_STARTED,
    not_started = PROGNOS_NOT_STARTED,
    invalid_argument = PROGNOS_INVALID_ARGUMENT,
    unknown_handle = PROGNOS_UNKNOWN_HANDLE,
    limit_reached = PROGNOS_LIMIT_REACHED,
    no_memory = PROGNOS_NO_MEMORY,
    io_error = PROGNOS_IO_ERROR,
    not_enough_data = PROGNOS_NOT_ENOUGH_DATA,
    unsupported = PROGNOS_UNSUPPORTED,
    invalid_state = PROGNOS_INVALID_STATE
};

/** What a status means, in one sentence. */
inline std::string_view to_string(status value) noexcept {
    return prognos_status_text(static_cast<prognos_status>(value));
}

/** The version of the loaded library, such as "1.0.0". */
inline std::string_view version() noexcept {
    return prognos_version();
}

/**
 * What became of a call: a status, and the sentence of prognos_last_error() that names the bad value and what is
 * accepted. True when it is status::ok. It owns its text, never throws and never allocates.
 */
class [[nodiscard]] outcome {
  public:
    /** All went well. */
    outcome() noexcept {
    }

    /** Takes what a C call returned, on the thread that made the call. */
    explicit outcome(prognos_status code) noexcept : status_(static_cast<prognos::status>(code)) {
        if (code == PROGNOS_OK) return;
        std::string_view sentence = prognos_last_error();
        if (sentence.empty()) sentence = prognos_status_text(code);
        set(sentence);
    }

    /** An error found on this side of the C calls. */
    outcome(prognos::status code, std::string_view sentence) noexcept : status_(code) {
        set(sentence);
    }

    outcome(const outcome &other) noexcept : status_(other.status_) {
        set(other.error());
    }
    outcome &operator=(const outcome &other) noexcept {
        if (this == &other) return *this;
        status_ = other.status_;
        set(other.error());
        return *this;
    }

    explicit operator bool() const noexcept {
        return status_ == prognos::status::ok;
    }
    prognos::status status() const noexcept {
        return status_;
    }
    /** "" when all went well; valid as long as this object. */
    std::string_view error() const noexcept {
        return {text_, length_};
    }

  private:
    void set(std::string_view sentence) noexcept {
        length_ = sentence.size() < sizeof text_ ? sentence.size() : sizeof text_;
        /* Cut on a character's boundary. */
        while (length_ > 0 && length_ < sentence.size() &&
               (static_cast<unsigned char>(sentence[length_]) & 0xC0u) == 0x80u)
            length_--;
        if (length_ > 0) std::memcpy(text_, sentence.data(), length_);
    }

    prognos::status status_ = prognos::status::ok;
    std::size_t length_ = 0;
    char text_[384]; /* the first length_ of them */
};

/**
 * A value, or why there is none: an outcome with a value. The value is always there to be looked at (all zero after
 * an error), so that nothing throws and nothing is undefined.
 */
template <class T> class [[nodiscard]] result : public outcome {
  public:
    result() noexcept(std::is_nothrow_default_constructible_v<T>) = default;
    /** What a C call returned, and what it wrote. */
    result(outcome became, T value) noexcept(std::is_nothrow_move_constructible_v<T>)
        : outcome(became), value_(std::move(value)) {
    }

    const T &value() const &noexcept {
        return value_;
    }
    T &value() &noexcept {
        return value_;
    }
    T &&value() &&noexcept {
        return std::move(value_);
    }
    const T &operator*() const &noexcept {
        return value_;
    }
    T &operator*() &noexcept {
        return value_;
    }
    T &&operator*() &&noexcept {
        return std::move(value_);
    }
    const T *operator->() const noexcept {
        return &value_;
    }
    T *operator->() noexcept {
        return &value_;
    }

    /** The value, or this one after an error. */
    template <class U> T value_or(U &&other) const & {
        return *this ? value_ : static_cast<T>(std::forward<U>(other));
    }
    template <class U> T value_or(U &&other) && {
        return *this ? std::move(value_) : static_cast<T>(std::forward<U>(other));
    }

    /** The result of `function` of the value; an error stays what it is. */
    template <class F>
    auto transform(F &&function) const
        -> result<std::decay_t<decltype(function(std::declval<const T &>()))>> {
        using U = std::decay_t<decltype(function(std::declval<const T &>()))>;
        if (!*this) return {static_cast<const outcome &>(*this), U{}};
        return {outcome(), std::forward<F>(function)(value_)};
    }

  private:
    T value_{};
};

namespace detail {

/** A text in an array of a C struct. */
template <std::size_t N> std::string_view text(const char (&array)[N]) noexcept {
    const void *end = std::memchr(array, 0, N);
    return {array, end ? static_cast<std::size_t>(static_cast<const char *>(end) - array) : N};
}

/** A name for a C call that copies it: NUL-terminated, and cut where the library cuts in any case. */
class c_string {
  public:
    explicit c_string(std::string_view text) noexcept {
        const std::size_t length = text.size() < sizeof bytes_ ? text.size() : sizeof bytes_ - 1;
        std::memcpy(bytes_, text.data(), length);
        bytes_[length] = 0;
    }
    operator const char *() const noexcept {
        return bytes_;
    }

  private:
    char bytes_[260];
};

inline std::chrono::nanoseconds ns(std::uint64_t count) noexcept {
    return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(count));
}

/** A duration as the C calls take it: 0 for a negative one. */
template <class R, class P> std::uint64_t to_ns(std::chrono::duration<R, P> time) noexcept {
    const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
    return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

inline std::chrono::system_clock::time_point time_point(std::int64_t unix_ns) noexcept {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::nanoseconds(unix_ns)));
}

inline std::int64_t unix_ns(std::chrono::system_clock::time_point time) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

} // namespace detail

using seconds = std::chrono::duration<double>;                    /**< of what C has as _s */
using minutes = std::chrono::duration<double, std::ratio<60, 1>>; /**< of what C has in minutes */

} // namespace prognos

#endif /* PROGNOS_RESULT_HPP */
