/* SPDX-License-Identifier: Apache-2.0 */
#include "cost.h"

MEASURED(c) void cost_c(int *number) {
    prognos_op op = 0;
    if (*prognos_recording_flag != 0) {
        op = cost_op;
        if (op != 0) prognos_begin(op);
    }
    cost_body(number);
    if (op != 0) prognos_end(op);
}

MEASURED(c_scope) void cost_c_scope(int *number) {
    PROGNOS_SCOPE("scope of C");
    cost_body(number);
}
