// SPDX-License-Identifier: Apache-2.0
// What Swift has no operators for: libm's functions, called without a step between.
#pragma once

#define SHIM_MATH static inline __attribute__((always_inline))

SHIM_MATH double shim_log(double x) {
    return __builtin_log(x);
}
SHIM_MATH double shim_log2(double x) {
    return __builtin_log2(x);
}
SHIM_MATH double shim_exp(double x) {
    return __builtin_exp(x);
}
SHIM_MATH double shim_expm1(double x) {
    return __builtin_expm1(x);
}
SHIM_MATH double shim_pow(double x, double y) {
    return __builtin_pow(x, y);
}
SHIM_MATH double shim_tanh(double x) {
    return __builtin_tanh(x);
}
SHIM_MATH double shim_erfc(double x) {
    return __builtin_erfc(x);
}
SHIM_MATH double shim_cos(double x) {
    return __builtin_cos(x);
}
SHIM_MATH double shim_sin(double x) {
    return __builtin_sin(x);
}
