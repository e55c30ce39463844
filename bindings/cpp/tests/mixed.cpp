/* SPDX-License-Identifier: Apache-2.0 */
// The half of test_mixed.cpp that is compiled without exceptions and without run-time types.
#include <prognos.hpp>

void work_without_exceptions(prognos::operation op, const prognos::span &request) {
    prognos::scope call(op);
    request.run([] {});
    {
        auto here = request.enter();
        if (!here.entered()) return;
    }
    call.work(1);
}
