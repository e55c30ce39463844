/* SPDX-License-Identifier: Apache-2.0 */
/* A library that tests load and unload while hooks are in place. */
#include <stdlib.h>
#include <string.h>

static char *kept; /* from the constructor to the destructor */
static void *(*const allocate)(size_t) = malloc;

__attribute__((constructor)) static void loaded(void) {
    kept = malloc(1000);
    if (kept) memset(kept, 1, 1000);
}

__attribute__((destructor)) static void unloaded(void) {
    free(kept);
}

void *plugin_allocate(size_t bytes);
void *plugin_allocate(size_t bytes) {
    return malloc(bytes);
}

void *plugin_allocate_by_pointer(size_t bytes);
void *plugin_allocate_by_pointer(size_t bytes) {
    return allocate(bytes);
}

void plugin_free(void *block);
void plugin_free(void *block) {
    free(block);
}

/* Frames that an unwinder finds in tables which dlclose takes away. */
int plugin_deep(int levels, int (*innermost)(void));
int plugin_deep(int levels, int (*innermost)(void)) {
    return levels > 0 ? plugin_deep(levels - 1, innermost) + 1 : innermost();
}
