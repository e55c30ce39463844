/* SPDX-License-Identifier: Apache-2.0 */
/* A host with AddressSanitizer: threads come and go, and nobody waits for a lock of the C library for ever. */
#include "host.h"

#include <pthread.h>
#include <stdlib.h>

static prognos_op op;

static void *work(void *unused) {
    (void)unused;
    for (int i = 0; i < 1000; i++) {
        prognos_begin(op);
        free(malloc(100));
        prognos_end(op);
    }
    return NULL;
}

static void threads_of_a_sanitized_host_come_and_go(void) {
    CHECK_EQ(prognos_start(NULL, 0), PROGNOS_OK);
    op = prognos_op_named("op");
    for (int round = 0; round < 50; round++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, work, NULL), 0);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
    CHECK_EQ(count_of(op), 200000);
#if defined(__SANITIZE_ADDRESS__)
    prognos_capabilities found;
    CHECK_EQ(prognos_capabilities_read(&found, sizeof found), PROGNOS_OK);
    CHECK_EQ(found.track & PROGNOS_TRACK_MEMORY, 0);
    CHECK(strstr(found.memory_reason, "AddressSanitizer") != NULL);
#endif
    CHECK_EQ(prognos_stop(), PROGNOS_OK);
}

CHECK_MAIN(CASE(threads_of_a_sanitized_host_come_and_go))
