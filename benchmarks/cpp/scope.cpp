/* SPDX-License-Identifier: Apache-2.0 */
// What a scope of C++ takes beside one of C: slices of each in turn, the least of them; one run, one machine.
#include <prognos.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>

extern "C" void slice_of_c(int turns);

namespace {

const prognos::operation bench("bench");

void slice_of_calls(int turns) {
    for (int i = 0; i < turns; i++)
        bench.call([] {});
}

void slice_of_scopes(int turns) {
    for (int i = 0; i < turns; i++)
        prognos::scope call(bench);
}

/* What std::uncaught_exceptions() in a scope would take. */
void slice_of_std(int turns) {
    for (int i = 0; i < turns; i++) {
        const int before = std::uncaught_exceptions();
        prognos::plain_scope call(bench);
        if (std::uncaught_exceptions() > before) prognos::fail("exception");
    }
}

struct contender {
    const char *name;
    void (*slice)(int turns);
    double best_ns;
};

} // namespace

int main() {
    constexpr int turns = 20000, rounds = 400;
    contender all[] = {{"PROGNOS_SCOPE in C", slice_of_c, 1e9},
                       {"operation::call", slice_of_calls, 1e9},
                       {"scope", slice_of_scopes, 1e9},
                       {"scope by std::uncaught_exceptions", slice_of_std, 1e9}};
    for (const bool enabled : {true, false}) {
        prognos::set_enabled(enabled);
        for (contender &one : all)
            one.best_ns = 1e9;
        for (int round = 0; round < rounds; round++) {
            for (contender &one : all) {
                const auto begin = std::chrono::steady_clock::now();
                one.slice(turns);
                const std::chrono::duration<double, std::nano> took =
                    std::chrono::steady_clock::now() - begin;
                one.best_ns = std::min(one.best_ns, took.count() / turns);
            }
        }
        std::printf("%s\n", enabled ? "recording" : "switched off");
        for (const contender &one : all)
            std::printf("  %-36s %6.2f ns  %5.2f x C\n", one.name, one.best_ns,
                        one.best_ns / all[0].best_ns);
    }
}
