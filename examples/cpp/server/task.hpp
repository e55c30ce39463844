/* SPDX-License-Identifier: Apache-2.0 */
/* Coroutines of the example: a task is awaited by its caller, a job runs by itself. Both carry spans. */
#pragma once

#include <prognos.hpp>

#include <exception>
#include <utility>

template <class T> class task {
  public:
    /* With prognos::span_promise as its base, a coroutine that is given an operation is a call of it. */
    struct promise_type : prognos::span_promise {
        using span_promise::span_promise;

        task get_return_object() {
            return task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        auto initial_suspend() noexcept {
            return suspending(std::suspend_always{});
        }
        auto final_suspend() noexcept {
            struct back_to_caller {
                std::coroutine_handle<> caller;
                bool await_ready() noexcept {
                    return false;
                }
                std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
                    return caller;
                }
                void await_resume() noexcept {
                }
            };
            return ending(back_to_caller{caller});
        }
        void return_value(T given) {
            value = std::move(given);
        }
        void unhandled_exception() noexcept {
            failed();
            error = std::current_exception();
        }

        std::coroutine_handle<> caller;
        std::exception_ptr error;
        T value{};
    };

    explicit task(std::coroutine_handle<promise_type> handle) : handle_(handle) {
    }
    task(task &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {
    }
    ~task() {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const noexcept {
        return false;
    }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
        handle_.promise().caller = caller;
        return handle_;
    }
    T await_resume() {
        if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
        return std::move(handle_.promise().value);
    }

  private:
    std::coroutine_handle<promise_type> handle_;
};

/* Starts at once, and frees itself when it ends. */
struct job {
    struct promise_type {
        job get_return_object() noexcept {
            return {};
        }
        std::suspend_never initial_suspend() noexcept {
            return {};
        }
        std::suspend_never final_suspend() noexcept {
            return {};
        }
        void return_void() noexcept {
        }
        void unhandled_exception() noexcept {
            std::terminate();
        }
    };
};
