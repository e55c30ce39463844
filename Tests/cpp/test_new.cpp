// SPDX-License-Identifier: Apache-2.0
// Memory of C++ hosts: operator new and delete in all their forms, containers, exceptions.
#include "../c/host.h"

#include <malloc.h>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

prognos_op tracked() {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track = PROGNOS_TRACK_CPU | PROGNOS_TRACK_MEMORY;
    options.heap_sample_bytes = 1;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    prognos_op op = prognos_op_named("op");
    NEED(op != 0);
    return op;
}

struct alignas(256) wide {
    char bytes[512];
};

// Behind a pointer that the compiler does not see through: it may leave out pairs of new and delete.
template <typename T> T *kept(T *block) {
    T *volatile seen = block;
    return seen;
}

void new_and_delete_count_once() {
    prognos_op op = tracked();
    prognos_begin(op);
    int *one = kept(new int(7));
    char *many = kept(new char[1000]);
    wide *aligned = kept(new wide);
    wide *several = kept(new wide[3]);
    long *quiet = kept(new (std::nothrow) long[10]);
    prognos_end(op);
    uint64_t bytes = 0;
    for (void *block : {(void *)one, (void *)many, (void *)aligned, (void *)several, (void *)quiet})
        bytes += malloc_usable_size(block);
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.allocations, 5);
    CHECK_EQ(stats.allocated_bytes, bytes);
    CHECK_EQ(stats.live_bytes, bytes);
    prognos_begin(op);
    delete one;
    delete[] many;
    delete aligned;
    delete[] several;
    delete[] quiet;
    prognos_end(op);
    stats = stats_of(op);
    CHECK_EQ(stats.frees, 5);
    CHECK_EQ(stats.freed_bytes, bytes);
    CHECK_EQ(stats.live_bytes, 0);
}

void a_new_that_fails_counts_nothing() {
    prognos_op op = tracked();
    volatile size_t huge = SIZE_MAX / 4;
    bool thrown = false;
    prognos_begin(op);
    char *none = new (std::nothrow) char[huge];
    prognos_end(op);
    CHECK(none == nullptr);
    /* libstdc++ throws and catches inside: that memory comes and goes. */
    CHECK_EQ(stats_of(op).allocated_bytes, stats_of(op).freed_bytes);
    CHECK_EQ(stats_of(op).live_bytes, 0);
    try {
        delete[] kept(new char[huge]);
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown);
}

void containers_give_back_what_they_took() {
    prognos_op op = tracked();
    prognos_begin(op);
    {
        std::map<std::string, std::vector<int>> map;
        for (int i = 0; i < 1000; i++)
            map["a key that is too long for the string itself " + std::to_string(i)].resize(100);
        std::shared_ptr<int> shared = std::make_shared<int>(5);
        CHECK_EQ(map.size(), 1000);
    }
    prognos_end(op);
    prognos_op_stats stats = stats_of(op);
    CHECK_LE(3000, stats.allocations);
    CHECK_EQ(stats.allocations, stats.frees);
    CHECK_EQ(stats.allocated_bytes, stats.freed_bytes);
    CHECK_EQ(stats.live_bytes, 0);
}

__attribute__((noinline)) int throws(int levels) {
    std::string local(200, 'x');
    if (levels == 0) throw std::runtime_error(local);
    return throws(levels - 1) + static_cast<int>(local.size());
}

void exceptions_unwind_through_operations() {
    prognos_op op = tracked();
    prognos_begin(op);
    int caught = 0;
    for (int i = 0; i < 100; i++) {
        try {
            throws(20);
        } catch (const std::runtime_error &error) {
            caught += error.what()[0] == 'x';
        }
    }
    prognos_end(op);
    CHECK_EQ(caught, 100);
    prognos_op_stats stats = stats_of(op);
    CHECK_LE(2100, stats.allocations);
    CHECK_EQ(stats.allocated_bytes, stats.freed_bytes);
    CHECK_EQ(stats.live_bytes, 0);
}

struct at_thread_end {
    std::string text = std::string(100, 'x');
    ~at_thread_end() {
        text += std::string(1000, 'y');
    }
};

void *uses_thread_local(void *) {
    static thread_local at_thread_end local;
    local.text += 'z';
    return nullptr;
}

void destructors_of_thread_locals_allocate() {
    prognos_op op = tracked();
    for (int i = 0; i < 50; i++)
        in_a_thread(uses_thread_local, nullptr);
    CHECK_EQ(stats_of(op).allocations, 0);
}

} // namespace

int main(int argc, char **argv) {
    static const check_case cases[] = {
        CASE(new_and_delete_count_once),
        CASE(a_new_that_fails_counts_nothing),
        CASE(containers_give_back_what_they_took),
        CASE(exceptions_unwind_through_operations),
        CASE(destructors_of_thread_locals_allocate),
    };
    if (check_skips_allocator()) return 0;
    return check_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
