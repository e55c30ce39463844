/* SPDX-License-Identifier: Apache-2.0 */
#include "answers.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <sys/timerfd.h>
#include <vector>

namespace {

const prognos::operation load("load"), count("count"), rank("rank");

/* Reads a text that every Debian machine has. */
std::string loaded(const std::string &name) {
    prognos::scope call(load);
    if (name.empty() || name.find('/') != std::string::npos) throw std::runtime_error("bad name");
    std::ifstream file("/usr/share/common-licenses/" + name, std::ios::binary);
    if (!file) throw std::runtime_error("no such text");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    call.work(text.size());
    return text;
}

std::map<std::string, int> counted(const std::string &text) {
    prognos::scope call(count);
    call.work(text.size());
    std::map<std::string, int> found;
    std::string word;
    for (const char c : text + " ") {
        if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        } else if (!word.empty()) {
            found[word]++;
            word.clear();
        }
    }
    return found;
}

std::string ranked(const std::map<std::string, int> &found) {
    return rank.call([&found] {
        std::vector<std::pair<int, std::string>> order;
        for (const auto &[word, number] : found)
            order.emplace_back(-number, word);
        std::sort(order.begin(), order.end());
        std::string body;
        for (std::size_t i = 0; i < order.size() && i < 10; i++)
            body += order[i].second + " " + std::to_string(-order[i].first) + "\n";
        return body;
    });
}

/* Waits without a thread: a timer is a file. */
task<int> passed(workers &pool, long ms) {
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    itimerspec spec{};
    spec.it_value.tv_sec = ms / 1000;
    spec.it_value.tv_nsec = ms % 1000 * 1000000 + 1;
    timerfd_settime(timer, 0, &spec, nullptr);
    co_await pool.until(timer, EPOLLIN);
    close(timer);
    co_return static_cast<int>(ms);
}

/* The last part of "/words/GPL-3". */
std::string rest_of(const std::string &path) {
    return path.substr(path.rfind('/') + 1);
}

} // namespace

prognos::operation route_of(std::string_view path) {
    if (path.substr(0, 7) == "/words/") return words;
    if (path.substr(0, 5) == "/top/") return top;
    if (path.substr(0, 7) == "/later/") return later;
    return other;
}

task<response> answer(prognos::operation route, workers &pool, request asked) {
    if (route == words) {
        int number = 0;
        for (const auto &[word, times] : counted(loaded(rest_of(asked.path))))
            number += times;
        co_return response{200, std::to_string(number) + "\n"};
    }
    if (route == top) co_return response{200, ranked(counted(loaded(rest_of(asked.path))))};
    if (route == later) {
        const int ms =
            co_await passed(pool, std::min(std::atol(rest_of(asked.path).c_str()), 1000L));
        co_return response{200, std::to_string(ms) + "\n"};
    }
    throw std::runtime_error("no such route");
}
