/* SPDX-License-Identifier: Apache-2.0 */
/* One function that computes: linked into the host, called through its PLT, and loaded as a plugin. */
#include <stdint.h>

#ifdef __cplusplus
extern "C"
#endif
    uint64_t
    PART(uint64_t steps) {
    uint64_t value = steps | 1;
    for (uint64_t step = 0; step < steps; step++) {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
        __asm__ volatile("" : "+r"(value));
    }
    return value;
}
