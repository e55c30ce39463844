/* SPDX-License-Identifier: Apache-2.0 */
/* The two tracepoints of lttng.c, in the form that LTTng-UST's macros include several times. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER peer

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "lttng_pair.h"

#if !defined(LTTNG_PAIR_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define LTTNG_PAIR_H

#include <lttng/tracepoint.h>
#include <stdint.h>

/* As much as a begin says: which operation. The time-stamp is the tracer's own. */
LTTNG_UST_TRACEPOINT_EVENT(peer, begin, LTTNG_UST_TP_ARGS(uint32_t, operation),
                           LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint32_t, operation,
                                                                       operation)))
LTTNG_UST_TRACEPOINT_EVENT(peer, end, LTTNG_UST_TP_ARGS(uint32_t, operation),
                           LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint32_t, operation,
                                                                       operation)))

#endif

#include <lttng/tracepoint-event.h>
