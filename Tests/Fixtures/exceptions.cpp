// SPDX-License-Identifier: Apache-2.0
#include "fixtures.h"

namespace {
// Its destructor runs while an exception looks for its handler.
struct Guard {
    fixture_probe probe;
    void *context;
    ~Guard() {
        probe(context, nullptr);
    }
};

__attribute__((noinline)) void raise(int number) {
    if (number > 0) throw number;
}

__attribute__((noinline)) void guarded(fixture_probe probe, void *context) {
    Guard guard{probe, context};
    raise(1);
}
} // namespace

extern "C" void fixture_exception(fixture_probe probe, void *context) {
    try {
        guarded(probe, context);
    } catch (int) {
    }
}
