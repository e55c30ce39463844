/* SPDX-License-Identifier: Apache-2.0 */
// Files compiled with and without exceptions in one program: each notices what it can.
#include "host.hpp"

void work_without_exceptions(prognos::operation op, const prognos::span &request);

namespace {

void both_halves_of_a_program_record_as_they_were_compiled() {
    const prognos::operation serve("serve"), with("with"), without("without");
    for (int i = 0; i < 10; i++) {
        prognos::span request(serve);
        work_without_exceptions(without, request);
        try {
            prognos::scope call(with);
            request.run([i] {
                if (i % 2 == 0) throw i;
            });
        } catch (int) {
        }
        work_without_exceptions(without, request);
    }
    CHECK_EQ(serve.read()->count, 10);
    CHECK_EQ(serve.read()->failed, 5);
    CHECK_EQ(with.read()->failed, 5);
    CHECK_EQ(without.read()->count, 20);
    CHECK_EQ(without.read()->work, 20);
    CHECK_EQ(without.read()->failed, 0);
}

} // namespace

CHECK_MAIN(CASE(both_halves_of_a_program_record_as_they_were_compiled))
