// SPDX-License-Identifier: Apache-2.0
// What stands in for dlopen and its like, so that objects that come later are hooked, too, and none goes
// away while a stack is being walked.
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>

SHIM_SMALL_BEGIN

static shim_hook hooks[];
enum { at_dlopen, at_dlclose, at_dlsym, at_dlvsym, hook_count };

#define ORIGINAL(call, at) ((__typeof__(&call))hooks[at].original)
#define CALLER ((uint64_t)__builtin_return_address(0))
#define MUST_TAIL __attribute__((musttail))

// What dlopen finds depends on who calls it where the caller's object has a run path; dlsym's RTLD_NEXT
// does, always. There the original is jumped to, so that it sees the true caller, and what it loaded is
// noticed at the next of these calls.
static void *hooked_dlopen(const char *file, int mode) {
    shim_loaded();
    if (shim_has_run_path(CALLER)) {
        MUST_TAIL return ORIGINAL(dlopen, at_dlopen)(file, mode);
    }
    void *handle = ORIGINAL(dlopen, at_dlopen)(file, mode);
    shim_loaded();
    return handle;
}

static void *hooked_dlsym(void *handle, const char *name) {
    shim_loaded();
    MUST_TAIL return ORIGINAL(dlsym, at_dlsym)(handle, name);
}

static void *hooked_dlvsym(void *handle, const char *name, const char *version) {
    shim_loaded();
    MUST_TAIL return ORIGINAL(dlvsym, at_dlvsym)(handle, name, version);
}

static int hooked_dlclose(void *handle) {
    shim_unloading();
    int failed = ORIGINAL(dlclose, at_dlclose)(handle);
    shim_unloaded();
    return failed;
}

static shim_hook hooks[hook_count] = {
    [at_dlopen] = {.name = "dlopen", .replacement = hooked_dlopen},
    [at_dlclose] = {.name = "dlclose", .replacement = hooked_dlclose},
    [at_dlsym] = {.name = "dlsym", .replacement = hooked_dlsym},
    [at_dlvsym] = {.name = "dlvsym", .replacement = hooked_dlvsym},
};

void shim_loader_patch(bool install) {
    if (install) shim_hooks_find(hooks, hook_count);
    shim_hooks_patch(hooks, hook_count, install, NULL);
}

uint64_t shim_own_address(void) {
    return (uint64_t)&shim_own_address;
}

SHIM_SMALL_END
