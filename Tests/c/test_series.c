/* SPDX-License-Identifier: Apache-2.0 */
/* Series: verdicts, trends and forecasts of a host's own numbers, and whatever a host may put in. */
#include "host.h"

#include <math.h>
#include <pthread.h>

#define SECOND 1000000000ll

static int64_t now_ns = 1700000000ll * SECOND;

/* A number in 0..1 that depends on its argument alone. */
static double noise(uint64_t i) {
    i = (i + 1) * 0x9E3779B97F4A7C15ull;
    i ^= i >> 31;
    i *= 0xBF58476D1CE4E5B9ull;
    i ^= i >> 29;
    return (double)(i >> 11) / 9007199254740992.0;
}

static prognos_verdict add(prognos_series series, double value) {
    prognos_verdict verdict;
    memset(&verdict, 0xA5, sizeof verdict);
    now_ns += SECOND;
    prognos_status status = prognos_series_add(series, now_ns, value, &verdict, sizeof verdict);
    CHECK(status == PROGNOS_OK || status == PROGNOS_NOT_ENOUGH_DATA);
    CHECK(verdict.score >= 0 && verdict.score <= 1);
    CHECK(verdict.confidence >= 0 && verdict.confidence <= 1);
    CHECK(verdict.is_anomaly <= 1);
    return verdict;
}

static void a_jump_is_told_at_once_and_once(void) {
    prognos_series series = prognos_series_open("queue length", SECOND);
    CHECK(series != 0);
    prognos_verdict verdict;
    for (int i = 0; i < 600; i++)
        verdict = add(series, 10 + noise((uint64_t)i));
    CHECK_EQ(verdict.samples, 600);
    CHECK_EQ(verdict.is_anomaly, 0);
    CHECK(verdict.score < 0.5);
    CHECK(verdict.low < 10.5 && verdict.high > 10.5);
    CHECK(fabs(verdict.expected - 10.5) < 0.5);
    int anomalies = 0, first = -1;
    for (int i = 0; i < 20; i++) {
        verdict = add(series, 30 + noise((uint64_t)i));
        if (verdict.is_anomaly) {
            anomalies++;
            if (first < 0) first = i;
            CHECK(verdict.score >= 0.5);
            CHECK(verdict.kind == PROGNOS_ANOMALY_UNUSUAL || verdict.kind == PROGNOS_ANOMALY_LEVEL);
            CHECK(verdict.high < 30);
        } else {
            CHECK_EQ(verdict.kind, 0);
        }
    }
    CHECK_EQ(anomalies, 1);
    CHECK(first <= 3);
}

static void the_first_values_are_learnt(void) {
    prognos_series series = prognos_series_open("s", 0);
    prognos_verdict verdict;
    for (int i = 0; i < 149; i++) {
        CHECK_STATUS(
            prognos_series_add(series, i * SECOND, i == 100 ? 1e9 : 5, &verdict, sizeof verdict),
            PROGNOS_NOT_ENOUGH_DATA);
        CHECK(verdict.score == 0 && verdict.confidence == 0 && !verdict.is_anomaly);
    }
    CHECK_STATUS(prognos_series_add(series, 149 * SECOND, 5, &verdict, sizeof verdict), PROGNOS_OK);
    CHECK_STATUS(prognos_series_add(series, 150 * SECOND, 5, NULL, 0), PROGNOS_OK);
}

static void no_number_is_not_learnt(void) {
    prognos_series series = prognos_series_open("s", 0);
    for (int i = 0; i < 300; i++)
        add(series, noise((uint64_t)i));
    const double none[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        prognos_verdict verdict = add(series, none[i]);
        CHECK_EQ(verdict.samples, 300);
        CHECK(verdict.score == 0 && !verdict.is_anomaly && verdict.kind == 0);
    }
    CHECK_EQ(add(series, 0.5).samples, 301);
}

static void whatever_comes_leaves_finite_verdicts(void) {
    const double values[] = {1e300, -1e300, 1e-300, 0, 1.7e308, -1.7e308, 5e-324, 1, 1e150, -0.0};
    const int64_t times[] = {INT64_MIN, 0, INT64_MAX, -1, 86400 * SECOND, 1};
    for (uint64_t seed = 0; seed < 4; seed++) {
        prognos_series series = prognos_series_open("s", seed);
        for (uint64_t i = 0; i < 2000; i++) {
            prognos_verdict verdict;
            double value = values[(size_t)(noise(i * 4 + seed) * 10)];
            if (seed == 3 && i % 400 > 3) value = 7; /* mostly constant */
            (void)prognos_series_add(series, times[(size_t)(noise(i + seed) * 6)], value, &verdict,
                                     sizeof verdict);
            CHECK(isfinite(verdict.score) && isfinite(verdict.expected));
            CHECK(!isnan(verdict.low) && !isnan(verdict.high));
        }
        prognos_trend trend;
        CHECK_STATUS(prognos_series_trend(series, &trend, sizeof trend), PROGNOS_OK);
        CHECK(trend.direction >= -1 && trend.direction <= 1);
        CHECK(trend.p_value >= 0 && trend.p_value <= 1);
        prognos_forecast forecast[10];
        CHECK_STATUS(prognos_series_forecast(series, 10, forecast, sizeof *forecast), PROGNOS_OK);
        CHECK(isfinite(forecast[9].value));
    }
}

static void a_constant_stays_quiet_until_it_moves(void) {
    prognos_series series = prognos_series_open("s", 0);
    for (int i = 0; i < 1000; i++) {
        prognos_verdict verdict = add(series, 42);
        CHECK(verdict.score == 0 && !verdict.is_anomaly);
    }
    CHECK_EQ(add(series, 43).is_anomaly, 1);
}

static void trends_are_told_from_noise(void) {
    prognos_series series = prognos_series_open("s", SECOND);
    prognos_trend trend;
    CHECK_STATUS(prognos_series_trend(series, &trend, sizeof trend), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "16");
    for (int i = 0; i < 100; i++)
        add(series, 1000 + 2 * i + 10 * noise((uint64_t)i));
    CHECK_STATUS(prognos_series_trend(series, &trend, sizeof trend), PROGNOS_OK);
    CHECK_EQ(trend.direction, 1);
    CHECK(fabs(trend.slope_per_s - 2) < 0.2);
    CHECK(fabs(trend.change_ratio - 0.2) < 0.03);
    CHECK(trend.p_value < 0.01);
    CHECK_EQ(trend.samples, 100);
    CHECK_CONTAINS(trend.reason, "rises by");
    for (int i = 0; i < 256; i++)
        add(series, 5 + noise((uint64_t)i));
    CHECK_STATUS(prognos_series_trend(series, &trend, sizeof trend), PROGNOS_OK);
    CHECK_EQ(trend.direction, 0);
    CHECK_EQ(trend.samples, 256);
}

static void forecasts_repeat_a_season(void) {
    prognos_series series = prognos_series_open("s", SECOND);
    prognos_forecast forecast[24];
    CHECK_STATUS(prognos_series_forecast(series, 24, forecast, sizeof *forecast),
                 PROGNOS_NOT_ENOUGH_DATA);
    for (int i = 0; i < 240; i++)
        add(series, i % 24 * 10 + noise((uint64_t)i));
    CHECK_STATUS(prognos_series_forecast(series, 24, forecast, sizeof *forecast), PROGNOS_OK);
    for (int i = 0; i < 24; i++) {
        CHECK(fabs(forecast[i].value - i * 10) < 2);
        CHECK(forecast[i].low <= forecast[i].value && forecast[i].value <= forecast[i].high);
        CHECK(forecast[i].high - forecast[i].low < 4);
    }
    CHECK_STATUS(prognos_series_forecast(series, 0, forecast, sizeof *forecast),
                 PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_series_forecast(series, 1025, forecast, sizeof *forecast),
                 PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "1025");
    CHECK_STATUS(prognos_series_forecast(series, 1, NULL, sizeof *forecast),
                 PROGNOS_INVALID_ARGUMENT);
}

static double week(int hour) {
    double day = 100 + 60 * sin(2 * 3.14159265 * (hour - 8) / 24);
    return hour / 24 % 7 < 5 ? day : 40 + 0.2 * day; /* weekends are quiet */
}

static void days_and_weeks_are_found(void) {
    prognos_series series = prognos_series_open("requests", 3600 * SECOND);
    for (int i = 0; i < 24 * 7 * 5 + 12; i++)
        add(series, week(i) + 4 * noise((uint64_t)i));
    prognos_forecast forecast[168];
    CHECK_STATUS(prognos_series_forecast(series, 168, forecast, sizeof *forecast), PROGNOS_OK);
    int within = 0;
    for (int i = 0; i < 168; i++) {
        double truth = week(24 * 7 * 5 + 12 + i) + 2;
        CHECK(fabs(forecast[i].value - truth) < 0.1 * truth);
        within += forecast[i].low <= truth && truth <= forecast[i].high;
    }
    CHECK(within > 150);
    CHECK(forecast[0].confidence > 0.7 && forecast[167].confidence > 0.5);
}

static void without_a_season_the_level_is_kept(void) {
    prognos_series series = prognos_series_open("s", SECOND);
    for (int i = 0; i < 1500; i++)
        add(series, (i < 1200 ? -50 : 1000) + 10 * noise((uint64_t)i));
    prognos_forecast forecast[1024];
    CHECK_STATUS(prognos_series_forecast(series, 1024, forecast, sizeof *forecast), PROGNOS_OK);
    for (int i = 0; i < 1024; i += 31)
        CHECK(fabs(forecast[i].value - 1005) < 100);
    CHECK(forecast[1023].high - forecast[1023].low > forecast[0].high - forecast[0].low);
    for (int i = 0; i < 1100; i++)
        add(series, 0);
    CHECK_STATUS(prognos_series_forecast(series, 1024, forecast, sizeof *forecast), PROGNOS_OK);
    CHECK(forecast[1023].value == 0 && forecast[1023].low == 0 && forecast[1023].high == 0);
}

static void a_closed_series_stays_unknown(void) {
    prognos_series series = prognos_series_open("s", 0), again;
    CHECK_STATUS(prognos_series_close(series), PROGNOS_OK);
    CHECK_STATUS(prognos_series_close(series), PROGNOS_UNKNOWN_HANDLE);
    CHECK_CONTAINS(prognos_last_error(), "closed");
    for (int i = 0; i < 100000; i++) {
        again = prognos_series_open("again", 0);
        CHECK(again != 0 && again != series);
        CHECK_STATUS(prognos_series_close(again), PROGNOS_OK);
    }
    CHECK_STATUS(prognos_series_add(series, 0, 1, NULL, 0), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_series_add(0, 0, 1, NULL, 0), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_series_add(UINT32_MAX, 0, 1, NULL, 0), PROGNOS_UNKNOWN_HANDLE);
    prognos_trend trend;
    CHECK_STATUS(prognos_series_trend(series, &trend, sizeof trend), PROGNOS_UNKNOWN_HANDLE);
    CHECK_EQ(prognos_series_open(NULL, 0), 0);
    CHECK_EQ(prognos_series_open("", 0), 0);
    CHECK_CONTAINS(prognos_last_error(), "empty");
}

static void a_million_opens_end_at_the_limit(void) {
    int opened = 0;
    prognos_series last = 0;
    for (int i = 0; i < 1000000; i++) {
        prognos_series series = prognos_series_open("many", 0);
        if (series == 0) continue;
        opened++;
        last = series;
    }
    CHECK_CONTAINS(prognos_last_error(), "an eighth");
    CHECK(opened > 10);
    CHECK_STATUS(prognos_series_add(last, 0, 1, NULL, 0), PROGNOS_NOT_ENOUGH_DATA);
    /* Operations still have their room. */
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    prognos_end(op);
    prognos_op_stats stats;
    CHECK_STATUS(prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats), PROGNOS_OK);
    CHECK_EQ(stats.count, 1);
    CHECK_STATUS(prognos_series_close(last), PROGNOS_OK);
    CHECK(prognos_series_open("room again", 0) != 0);
}

static void *add_many(void *series) {
    for (int i = 0; i < 20000; i++) {
        (void)prognos_series_add(*(prognos_series *)series, i, noise((uint64_t)i), NULL, 0);
    }
    return NULL;
}

static void threads_add_one_after_the_other(void) {
    prognos_series series = prognos_series_open("shared", 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(threads + i, NULL, add_many, &series), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    prognos_verdict verdict;
    CHECK_STATUS(prognos_series_add(series, 0, 0.5, &verdict, sizeof verdict), PROGNOS_OK);
    CHECK_EQ(verdict.samples, 80001);
}

CHECK_MAIN(CASE(a_jump_is_told_at_once_and_once), CASE(the_first_values_are_learnt),
           CASE(no_number_is_not_learnt), CASE(whatever_comes_leaves_finite_verdicts),
           CASE(a_constant_stays_quiet_until_it_moves), CASE(trends_are_told_from_noise),
           CASE(forecasts_repeat_a_season), CASE(days_and_weeks_are_found),
           CASE(without_a_season_the_level_is_kept), CASE(a_closed_series_stays_unknown),
           CASE(a_million_opens_end_at_the_limit), CASE(threads_add_one_after_the_other))
