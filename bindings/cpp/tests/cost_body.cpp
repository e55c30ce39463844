/* SPDX-License-Identifier: Apache-2.0 */
// What neither side of the comparison can look into.
#include "cost.h"

#include <prognos.hpp>

prognos_op cost_op;
prognos::operation cost_operation;

void cost_body(int *number) {
    ++*number;
}
