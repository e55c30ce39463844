/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest host: two operations, one inside the other, and their profile on standard output. */
#include <prognos.h>

#include <stdio.h>
#include <stdlib.h>

static double sum_of_roots(unsigned terms) {
    PROGNOS_SCOPE("sum_of_roots"); /* ends with this block, whichever way it is left */
    double sum = 0;
    for (unsigned term = 1; term <= terms; term++) {
        double root = term; /* Newton's method */
        for (int step = 0; step < 20; step++)
            root = (root + term / root) / 2;
        sum += root;
    }
    prognos_work(terms);
    return sum;
}

int main(void) {
    prognos_op hello = prognos_op_named("hello");
    prognos_begin(hello);
    for (unsigned terms = 1000; terms <= 64000; terms *= 2)
        printf("%5u terms: %.3f\n", terms, sum_of_roots(terms));
    prognos_end(hello);

    fflush(stdout); /* prognos_dump() writes past stdio's buffer */
    if (prognos_dump("-", PROGNOS_TEXT) != PROGNOS_OK) {
        fprintf(stderr, "hello: %s\n", prognos_last_error());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
