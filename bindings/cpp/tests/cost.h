/* SPDX-License-Identifier: Apache-2.0 */
/* What test_cost compares: the same call of an operation, written in C and in C++. */
#ifndef PROGNOS_CPP_TESTS_COST_H
#define PROGNOS_CPP_TESTS_COST_H

#include <prognos.h>

/* Each measured function is alone in a section: the linker tells where it begins and ends. */
#define MEASURED(name) __attribute__((noinline, section("measured_" #name)))

PROGNOS_EXTERN_C_BEGIN
/* Handles that a compiler can know nothing about, as in a program that made them at its start. */
extern prognos_op cost_op;
void cost_body(int *number);
void cost_c(int *number);       /* begin and end, written out */
void cost_c_scope(int *number); /* PROGNOS_SCOPE */
PROGNOS_EXTERN_C_END

#endif /* PROGNOS_CPP_TESTS_COST_H */
