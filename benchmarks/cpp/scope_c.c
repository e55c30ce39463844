/* SPDX-License-Identifier: Apache-2.0 */
/* The C side of scope.cpp: the same loop with PROGNOS_SCOPE. */
#include <prognos.h>

void slice_of_c(int turns) {
    for (int i = 0; i < turns; i++) {
        PROGNOS_SCOPE("bench");
    }
}
