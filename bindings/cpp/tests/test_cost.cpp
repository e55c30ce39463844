/* SPDX-License-Identifier: Apache-2.0 */
// What C++ adds to C, in instructions executed: the program is run step by step, which is the same on every machine.
#include "cost.h"
#include "host.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#if defined(__x86_64__)

extern prognos::operation cost_operation;

extern "C" {

MEASURED(plain_scope) void cost_plain_scope(int *number) {
    prognos::plain_scope call(cost_operation);
    cost_body(number);
}

MEASURED(callable) void cost_callable(int *number) {
    cost_operation.call([number] { cost_body(number); });
}

MEASURED(scope) void cost_scope(int *number) {
    prognos::scope call(cost_operation);
    cost_body(number);
}

#define SECTION(name) extern const char __start_measured_##name, __stop_measured_##name;
SECTION(c)
SECTION(c_scope)
SECTION(plain_scope)
SECTION(callable)
SECTION(scope)
}

namespace {

struct measured {
    void (*function)(int *);
    const char *begin, *end;
};

/* Runs it in a child, warm, and counts the instructions executed within its own section. */
int instructions_of(const measured &one) {
    int status = 0, number = 0, count = 0;
    fflush(nullptr);
    const pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
        for (int i = 0; i < 3; i++)
            one.function(&number);
        raise(SIGUSR1);
        one.function(&number);
        raise(SIGUSR2);
        _exit(number == 4 ? 0 : 1);
    }
    bool counting = false;
    long signal = 0;
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        signal = 0;
        if (WSTOPSIG(status) == SIGUSR1) {
            counting = true;
        } else if (WSTOPSIG(status) == SIGUSR2) {
            counting = false;
        } else if (counting) {
            user_regs_struct registers;
            NEED(ptrace(PTRACE_GETREGS, child, nullptr, &registers) == 0);
            const char *at = reinterpret_cast<const char *>(registers.rip);
            count += at >= one.begin && at < one.end;
        } else {
            signal = WSTOPSIG(status);
        }
        NEED(ptrace(counting ? PTRACE_SINGLESTEP : PTRACE_CONT, child, nullptr, signal) == 0);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return -1;
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return count;
}

#define MEASURED_FUNCTION(name)                                                                    \
    measured {                                                                                     \
        cost_##name, &__start_measured_##name, &__stop_measured_##name                             \
    }

void scopes_are_the_instructions_of_c(bool enabled) {
    cost_operation = prognos::operation("cost");
    cost_op = cost_operation.handle();
    prognos_set_enabled(enabled);
    const int c = instructions_of(MEASURED_FUNCTION(c));
    if (c < 0) {
        printf("skipped: this system does not allow ptrace\n");
        return;
    }
    const int c_scope = instructions_of(MEASURED_FUNCTION(c_scope));
    const int plain_scope = instructions_of(MEASURED_FUNCTION(plain_scope));
    const int callable = instructions_of(MEASURED_FUNCTION(callable));
    const int scope = instructions_of(MEASURED_FUNCTION(scope));
    printf("%s: C %d, PROGNOS_SCOPE in C %d, plain_scope %d, call %d, scope %d instructions\n",
           enabled ? "on" : "off", c, c_scope, plain_scope, callable, scope);
    CHECK_LT(5, c);
    // gcc makes the same of both while it is on. While it is off, C jumps to the body; C++ has something to come back for.
    // clang moves the handle once more, and does not copy what follows the branch.
#if defined(__clang__)
    const int more = 6;
#else
    const int more = enabled ? 0 : 2;
#endif
    CHECK_LE(plain_scope, c + more);
    CHECK_LE(callable, c + more);
#if defined(__cpp_exceptions)
    CHECK_LE(scope, c + 16); // two loads and a comparison at each end, and what they push aside
#else
    CHECK_LE(scope, c + more);
#endif
}

void a_call_in_cpp_is_the_instructions_of_c() {
    scopes_are_the_instructions_of_c(true);
}

void a_call_that_is_switched_off_is_the_instructions_of_c() {
    scopes_are_the_instructions_of_c(false);
}

} // namespace

CHECK_MAIN(CASE(a_call_in_cpp_is_the_instructions_of_c),
           CASE(a_call_that_is_switched_off_is_the_instructions_of_c))

#else

int main() {
    printf("skipped: counts instructions on x86-64 only\n");
}

#endif
