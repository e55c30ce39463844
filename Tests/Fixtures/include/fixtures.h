// SPDX-License-Identifier: Apache-2.0
// Code to unwind through: each function calls `probe` from inside of what its name says.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// `ucontext` is that of the innermost signal handler; NULL outside of one.
typedef void (*fixture_probe)(void *context, const void *ucontext);
typedef void (*fixture_call)(fixture_probe probe, void *context);

void fixture_plain(fixture_probe probe, void *context);
void fixture_recursion(fixture_probe probe, void *context);
void fixture_variable_length(fixture_probe probe, void *context);
void fixture_realigned(fixture_probe probe, void *context);
void fixture_sorting(fixture_probe probe, void *context);
void fixture_no_information(fixture_probe probe, void *context);
void fixture_signal(fixture_probe probe, void *context);
void fixture_signal_on_alternative_stack(fixture_probe probe, void *context);
void fixture_nested_signals(fixture_probe probe, void *context);
void fixture_null_call(fixture_probe probe, void *context);
void fixture_own_stack(fixture_probe probe, void *context);
void fixture_thread(fixture_probe probe, void *context);
void fixture_exception(fixture_probe probe, void *context);

// Where a dlopened library's function is to be called.
void fixture_plugin_set(void *function);
void fixture_plugin(fixture_probe probe, void *context);

// What the C library's unwinder finds here, its caller first.
int fixture_backtrace(void **out, int capacity);

// The exported function around an address, or "?".
const char *fixture_name(uint64_t address);

// Calls probe() before each instruction of a mixed piece of work, by the processor's trap flag; how many
// instructions that were, 0 on another processor.
size_t fixture_single_steps(fixture_probe probe, void *context);

#ifdef __cplusplus
}
#endif
