/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads that wait for files together, and go on with the coroutine whose file is ready: any of them, each time. */
#pragma once

#include <coroutine>
#include <cstdint>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

class workers {
  public:
    explicit workers(int threads)
        : epoll_(epoll_create1(EPOLL_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)) {
        if (epoll_ < 0 || stop_ < 0) throw std::runtime_error("no epoll");
        epoll_event event{};
        event.events = EPOLLIN;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_, &event);
        for (int i = 0; i < threads; i++)
            threads_.emplace_back([this] { run(); });
    }
    workers(const workers &) = delete;
    ~workers() {
        const std::uint64_t one = 1;
        if (write(stop_, &one, sizeof one) == sizeof one)
            for (std::thread &thread : threads_)
                thread.join();
        close(stop_);
        close(epoll_);
    }

    /* co_await pool.until(file, EPOLLIN): goes on on some worker when the file is ready. */
    auto until(int file, std::uint32_t events) {
        struct awaiter {
            int epoll, file;
            std::uint32_t events;
            bool await_ready() const noexcept {
                return false;
            }
            void await_suspend(std::coroutine_handle<> waiting) const {
                epoll_event event{};
                event.events = events | EPOLLONESHOT;
                event.data.ptr = waiting.address();
                if (epoll_ctl(epoll, EPOLL_CTL_MOD, file, &event) == 0) return;
                if (epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) == 0) return;
                throw std::runtime_error("cannot wait for a file");
            }
            void await_resume() const noexcept {
            }
        };
        return awaiter{epoll_, file, events};
    }

  private:
    void run() {
        for (;;) {
            epoll_event event{};
            if (epoll_wait(epoll_, &event, 1, -1) != 1) continue;
            if (event.data.ptr == nullptr) return;
            std::coroutine_handle<>::from_address(event.data.ptr).resume();
        }
    }

    int epoll_, stop_;
    std::vector<std::thread> threads_;
};
