/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts as calls of a callable. Include <prognos.hpp>. */
#ifndef PROGNOS_ALERTS_HPP
#define PROGNOS_ALERTS_HPP

#include "prediction.hpp"

#include <memory>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>

namespace prognos {

/**
 * Has alerts handed to a callable, until this object goes:
 *
 *     prognos::alerts watch([](const prognos::alert &alert) { log(alert.reason()); });
 *
 * The callable runs on the collector's thread, once for each change (prognos_on_alert()); it may call everything but start,
 * stop and assess, and an exception that it lets out is dropped. The library has one place for a callback: the latest
 * object has it, and an older one that goes changes nothing. Neither make nor let go such objects from within a callable.
 */
class alerts {
  public:
    template <class F,
              class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, const alert &>>>
    explicit alerts(F &&callable) noexcept {
        using callable_type = std::decay_t<F>;
        callable_type *kept = new (std::nothrow) callable_type(std::forward<F>(callable));
        if (kept == nullptr) {
            became_ = outcome(status::no_memory, "no memory for the callable");
            return;
        }
        holder_ = {kept, [](void *gone) { delete static_cast<callable_type *>(gone); }};
        std::lock_guard<std::mutex> one_at_a_time(place().lock);
        place().holder = kept;
        became_ = outcome(prognos_on_alert(hand_over<callable_type>, kept));
    }

    alerts(alerts &&other) noexcept = default;
    alerts &operator=(alerts &&other) noexcept {
        if (this != &other) {
            give_back();
            holder_ = std::move(other.holder_);
            became_ = other.became_;
        }
        return *this;
    }
    ~alerts() {
        give_back();
    }

    /** Whether alerts come. */
    const outcome &became() const noexcept {
        return became_;
    }

  private:
    template <class F> static void hand_over(const prognos_alert *raw, void *context) {
        alert one{};
        static_cast<prognos_alert &>(one) = *raw;
#if defined(__cpp_exceptions)
        try {
            (*static_cast<F *>(context))(static_cast<const alert &>(one));
        } catch (...) {
        }
#else
        (*static_cast<F *>(context))(static_cast<const alert &>(one));
#endif
    }

    /** The library's one place, and whose it is. */
    struct the_place {
        std::mutex lock;
        void *holder = nullptr;
    };
    static the_place &place() noexcept {
        static the_place one;
        return one;
    }

    void give_back() noexcept {
        if (!holder_) return;
        {
            std::lock_guard<std::mutex> one_at_a_time(place().lock);
            if (place().holder == holder_.get()) {
                (void)prognos_on_alert(nullptr, nullptr);
                place().holder = nullptr;
            }
        }
        holder_.reset();
    }

    std::unique_ptr<void, void (*)(void *)> holder_{nullptr, [](void *) {}};
    outcome became_;
};

} // namespace prognos

#endif /* PROGNOS_ALERTS_HPP */
