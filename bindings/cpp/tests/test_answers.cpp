/* SPDX-License-Identifier: Apache-2.0 */
// Reads, predictions, alerts and series as values: what C tells is what C++ tells, and errors have their sentence.
#include "host.hpp"

#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace {

using prognos::operation;
using prognos::status;
using prognos::window;
using std::chrono::nanoseconds;

const operation work_op("work"), leaky("leaky");

void spin(nanoseconds length) {
    const auto end = std::chrono::steady_clock::now() + length;
    while (std::chrono::steady_clock::now() < end) {
    }
}

void an_outcome_is_a_status_and_a_sentence() {
    const prognos::outcome fine;
    CHECK(fine);
    CHECK(fine.error().empty());
    const auto unknown = operation::of(77).read();
    CHECK(!unknown);
    CHECK(unknown.status() == status::unknown_handle);
    CHECK(unknown.error().find("77") != std::string_view::npos);
    CHECK_EQ(unknown->count, 0); // there to be looked at
    const std::string kept(unknown.error());
    (void)work_op.quantile(7.0);
    CHECK(unknown.error() == kept); // a copy, not the thread's latest
    const auto copy = unknown;
    CHECK(copy.error() == kept && copy.status() == unknown.status());
    CHECK(!prognos::to_string(status::no_memory).empty());
    const prognos::outcome longer(status::io_error, std::string(500, 'x') + "\xC3\xA4");
    CHECK_LE(longer.error().size(), 384);
}

void a_result_is_a_value_or_why_there_is_none() {
    work_op.call([] { spin(std::chrono::microseconds(100)); });
    const auto mean = work_op.read().transform(
        [](const prognos::operation_stats &stats) { return stats.wall() / stats.count; });
    CHECK(mean);
    CHECK(*mean >= std::chrono::microseconds(100));
    const auto none = operation().read().transform([](const auto &stats) { return stats.wall(); });
    CHECK(!none);
    CHECK(none.status() == status::unknown_handle);
    CHECK(none.value_or(nanoseconds(5)) == nanoseconds(5));
    CHECK(work_op.quantile(0.5).value_or(nanoseconds(0)) > nanoseconds(0));
    CHECK(work_op.quantile(1.5).status() == status::invalid_argument);
    CHECK(work_op.read(window::last_hour).status() == status::not_enough_data); // not started
}

void answers_are_those_of_c() {
    for (int i = 0; i < 50; i++)
        work_op.call([] { spin(std::chrono::microseconds(20)); });
    const auto stats = work_op.read();
    const prognos_op_stats raw = stats_of(work_op.handle());
    CHECK_EQ(stats->count, raw.count);
    CHECK_EQ(stats->wall().count(), raw.wall_ns);
    CHECK_EQ(stats->wall_p99().count(), raw.wall_p99_ns);
    CHECK_EQ(stats->wall_min().count(), raw.wall_min_ns);
    CHECK_EQ(stats->blocked().count(), raw.blocked_ns);
    CHECK(work_op.quantile(1).value() <= stats->wall_max() * 1.01);
    const auto process = prognos::read_process();
    CHECK(process);
    CHECK(process->uptime() > nanoseconds(0));
    CHECK_LT(0, process->rss_bytes);
    const auto live = prognos::read_capabilities();
    CHECK(live && live->tracks(PROGNOS_TRACK_CPU));
    CHECK(live->recording_path().empty());
    CHECK(!prognos::version().empty());
}

void started_is_started_as_long_as_it_lives() {
    std::vector<std::string> said;
    auto log = [&said](std::string_view line) { said.emplace_back(line); };
    {
        prognos::options options;
        options.log_to(log).track = PROGNOS_TRACK_CPU | PROGNOS_TRACK_MEMORY;
        const prognos::started running(options);
        CHECK(running.became());
        CHECK(!prognos::start());
        CHECK(prognos::start().status() == status::already_started);
        {
            const prognos::started second;
            CHECK(second.became().status() == status::already_started);
        }
        CHECK(prognos::read_capabilities()->tracks(PROGNOS_TRACK_MEMORY));
        CHECK(prognos::assess());
        CHECK(prognos::read_health());
        CHECK(work_op.read(window::last_minute));
    }
    CHECK(prognos::stop().status() == status::not_started);
    CHECK(prognos::assess().status() == status::not_started);
    CHECK_LT(0, said.size());
    prognos::options wrong;
    wrong.sample_hz = 5000000;
    const prognos::outcome refused = prognos::start(wrong);
    CHECK(refused.status() == status::invalid_argument);
    CHECK(refused.error().find("sample_hz") != std::string_view::npos);
}

void predictions_are_read_as_values() {
    prognos::options options;
    options.collect_interval_ms = 20;
    const prognos::started running(options);
    CHECK(running.became());
    static std::vector<std::unique_ptr<char[]>> kept;
    for (int i = 0; i < 300; i++) {
        const auto size = static_cast<std::uint64_t>(1 + i % 20);
        work_op.call([size] {
            prognos::work(size * 1000);
            spin(std::chrono::microseconds(20) * static_cast<int>(size));
        });
        leaky.call([] {
            kept.emplace_back(new char[100000]);
            memset(kept.back().get(), 1, 100000);
        });
        spin(std::chrono::milliseconds(2));
    }
    CHECK(prognos::assess());
    const auto longer = work_op.predict(20000), shorter = work_op.predict(1000);
    CHECK(longer && shorter);
    CHECK(longer->estimate() > shorter->estimate());
    CHECK(longer->low() <= longer->estimate() && longer->estimate() <= longer->high());
    CHECK(!longer->complexity().empty() && !longer->reason().empty());
    CHECK_EQ(longer->work, 20000);
    CHECK(work_op.time_left().status() == status::invalid_state);
    {
        const prognos::scope open(work_op);
        CHECK(work_op.time_left());
        CHECK(work_op.time_left()->elapsed() > nanoseconds(0));
    }
    const auto leaks = prognos::read_leaks();
    CHECK(leaks);
    for (const prognos::leak &leak : *leaks)
        CHECK(!leak.reason().empty() && !leak.resource().empty());
    const auto resources = prognos::read_resources();
    NEED(resources && !resources->empty());
    CHECK(!resources->front().name().empty() && !resources->front().limited_by().empty());
    CHECK(resources->front().to_exhaustion().count() > 0);
    const auto health = prognos::read_health();
    CHECK(health && health->score >= 0 && health->score <= 100 && !health->reason().empty());
    CHECK(work_op.set_objective(std::chrono::milliseconds(50), 0.99));
    CHECK(work_op.set_objective(nanoseconds(0), 5.0).status() == status::invalid_argument);
    const auto bottlenecks = prognos::read_bottlenecks();
    CHECK(bottlenecks && !bottlenecks->empty());
    for (const prognos::bottleneck &one : *bottlenecks)
        CHECK(one.op().valid() && one.method() == "model" && !one.bound_by().empty());
    const auto trend = prognos::read_trend(prognos::metric::memory);
    CHECK(trend || trend.status() == status::not_enough_data);
    CHECK(work_op.trend(prognos::metric::rate) ||
          !work_op.trend(prognos::metric::rate).error().empty());
    const auto suggestions = prognos::read_suggestions();
    CHECK(suggestions);
    for (const prognos::suggestion &one : *suggestions)
        CHECK(!one.text().empty() && !one.reason().empty());
    // Which are there depends on how long it ran; each says what is missing.
    CHECK(prognos::read_crash() || !prognos::read_crash().error().empty());
    CHECK(prognos::read_anomalies());
    CHECK(prognos::read_peak() || !prognos::read_peak().error().empty());
    CHECK(prognos::read_scalability() || !prognos::read_scalability().error().empty());
    CHECK(prognos::read_productivity() || !prognos::read_productivity().error().empty());
    CHECK(!prognos::read_experiment());
    CHECK(work_op.start_experiment(std::chrono::seconds(1)));
    CHECK(prognos::read_experiment()->progress() == work_op);
    CHECK(prognos::stop_experiment());
    CHECK(prognos::read_experiment()->state() == prognos::experiment_state::stopped);
    CHECK(work_op.start_experiment(std::chrono::seconds(-5)).status() == status::invalid_argument);
}

void alerts_reach_the_latest_callable_and_no_other() {
    prognos::options options;
    options.collect_interval_ms = 20;
    const prognos::started running(options);
    std::atomic<int> first{0}, second{0};
    std::string reason;
    auto watch = std::make_unique<prognos::alerts>([&](const prognos::alert &) { ++first; });
    CHECK(watch->became());
    {
        prognos::alerts latest([&, last = std::make_unique<int>(0)](const prognos::alert &alert) {
            if (alert.severity() == prognos::severity::critical && second == 0) {
                reason = alert.reason();
                CHECK(alert.metric() == prognos::metric::threads);
                CHECK(alert.at() > std::chrono::system_clock::now() - std::chrono::minutes(1));
            }
            *last = ++second;
#if defined(__cpp_exceptions)
            throw 1; // is dropped
#endif
        });
        watch.reset(); // does not take the place away
        CHECK(prognos::set_limit(prognos::metric::threads, NAN, 1));
        for (int i = 0; i < 500 && second == 0; i++)
            spin(std::chrono::milliseconds(10));
        prognos::alerts moved(std::move(latest));
        CHECK(moved.became());
    }
    CHECK_EQ(first.load(), 0);
    CHECK_LT(0, second.load());
    CHECK(!reason.empty());
    const int before = second;
    CHECK(prognos::set_limit(prognos::metric::threads, NAN, NAN));
    for (int i = 0; i < 10; i++)
        spin(std::chrono::milliseconds(10));
    CHECK_EQ(second.load(), before); // let go: called no more
    const auto alerts = prognos::read_alerts();
    CHECK(alerts && !alerts->empty());
    CHECK(prognos::to_string((*alerts)[0].severity()) != "unknown");
}

void a_series_is_closed_when_it_goes() {
    prognos_series handle = 0;
    {
        prognos::series first("queue", std::chrono::seconds(1));
        CHECK(first.valid());
        auto at = std::chrono::system_clock::now();
        for (int i = 0; i < 200; i++) {
            const auto verdict = first.add(100 + i % 7, at += std::chrono::seconds(1));
            CHECK(verdict || verdict.status() == status::not_enough_data);
            CHECK(!verdict->is_anomaly());
        }
        const auto strange = first.add(100000, at += std::chrono::seconds(1));
        CHECK(strange && strange->is_anomaly());
        CHECK(strange->kind() != prognos::anomaly_kind::none);
        CHECK(first.trend());
        const auto next = first.forecast(12);
        CHECK(next);
        CHECK_EQ(next->size(), 12);
        CHECK((*next)[0].low <= (*next)[0].value && (*next)[0].value <= (*next)[0].high);
        CHECK(first.forecast(0).status() == status::invalid_argument);
        CHECK(first.forecast(100000).status() == status::invalid_argument);
        prognos::series moved(std::move(first));
        handle = moved.handle();
        CHECK(!first.valid());
        CHECK(first.add(1).status() == status::unknown_handle);
    }
    prognos_verdict verdict;
    CHECK_STATUS(prognos_series_add(handle, 0, 1, &verdict, sizeof verdict),
                 PROGNOS_UNKNOWN_HANDLE);
}

void profiles_are_strings_and_files() {
    work_op.call([] {});
    const auto json = prognos::render(prognos::format::json);
    CHECK(json && json->front() == '{' && json->find("\"work\"") != std::string::npos);
    CHECK(json->find('\0') == std::string::npos);
    CHECK(prognos::render(static_cast<prognos::format>(99)).status() == status::unsupported ||
          prognos::render(static_cast<prognos::format>(99)).status() == status::invalid_argument);
    const auto refused = prognos::dump("/nonexistent/profile.json", prognos::format::json);
    CHECK(refused.status() == status::io_error);
    CHECK(refused.error().find("/nonexistent") != std::string_view::npos);
}

void hosts_tell_what_the_library_cannot_see() {
    work_op.call([] {
        prognos::io_done(prognos::io_kind::other_read, 1000, std::chrono::microseconds(3));
        int block = 0;
        prognos::memory_allocated(&block, 64);
        prognos::memory_freed(&block);
    });
    CHECK_EQ(work_op.read()->read_bytes, 1000);
    CHECK_EQ(work_op.read()->io_wait().count(), 3000);
    CHECK_EQ(work_op.read()->allocations, 1);
}

} // namespace

CHECK_MAIN(CASE(an_outcome_is_a_status_and_a_sentence),
           CASE(a_result_is_a_value_or_why_there_is_none), CASE(answers_are_those_of_c),
           CASE(started_is_started_as_long_as_it_lives), CASE(predictions_are_read_as_values),
           CASE(alerts_reach_the_latest_callable_and_no_other),
           CASE(a_series_is_closed_when_it_goes), CASE(profiles_are_strings_and_files),
           CASE(hosts_tell_what_the_library_cannot_see))
