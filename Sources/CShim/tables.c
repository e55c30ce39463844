// SPDX-License-Identifier: Apache-2.0
// Replaces entries in the tables through which loaded objects call functions of other objects: the
// procedure linkage table's (JUMP_SLOT), the global offset table's (GLOB_DAT), and pointers in data.
// System V ABI, AMD64 and AArch64 supplements, "Relocation". Stateless: what to put back is known from
// what stands there.
#define _GNU_SOURCE
#include "shim.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

SHIM_SMALL_BEGIN

#if defined(__x86_64__)
enum { jump_slot = R_X86_64_JUMP_SLOT, glob_dat = R_X86_64_GLOB_DAT, pointer = R_X86_64_64 };
#else
enum { jump_slot = R_AARCH64_JUMP_SLOT, glob_dat = R_AARCH64_GLOB_DAT, pointer = R_AARCH64_ABS64 };
#endif

// What an object's dynamic section says, with addresses of this process.
typedef struct object {
    uintptr_t bias, start, end;
    uintptr_t relro, relro_end; // read-only after relocation; equal without
    const Elf64_Sym *symbols;
    const char *strings, *name;
    const uint32_t *gnu_hash;
    const uint16_t *versions;
    const Elf64_Rela *plain, *jumps;
    size_t plain_count, jump_count;
} object;

static uint32_t gnu_hash_of(const char *name) {
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

// The dynamic section's addresses are relocated in place by glibc, but not in the vDSO.
static const void *address(const object *o, Elf64_Addr value) {
    return (const void *)(value < o->bias ? o->bias + value : value);
}

static bool read_object(const struct dl_phdr_info *info, object *o) {
    memset(o, 0, sizeof *o);
    o->bias = info->dlpi_addr;
    o->start = UINTPTR_MAX;
    const Elf64_Dyn *dynamic = NULL;
    Elf64_Addr name = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *p = &info->dlpi_phdr[i];
        uintptr_t at = o->bias + p->p_vaddr;
        if (p->p_type == PT_DYNAMIC) dynamic = (const Elf64_Dyn *)at;
        if (p->p_type == PT_GNU_RELRO) {
            size_t page = shim_page_bytes();
            o->relro = at & ~(page - 1);
            o->relro_end = (at + p->p_memsz) & ~(page - 1);
        }
        if (p->p_type != PT_LOAD) continue;
        if (at < o->start) o->start = at;
        if (at + p->p_memsz > o->end) o->end = at + p->p_memsz;
    }
    if (!dynamic) return false;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        Elf64_Addr value = dynamic->d_un.d_ptr;
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            o->symbols = address(o, value);
            break;
        case DT_SONAME:
            name = value;
            break;
        case DT_STRTAB:
            o->strings = address(o, value);
            break;
        case DT_GNU_HASH:
            o->gnu_hash = address(o, value);
            break;
        case DT_VERSYM:
            o->versions = address(o, value);
            break;
        case DT_RELA:
            o->plain = address(o, value);
            break;
        case DT_RELASZ:
            o->plain_count = value / sizeof(Elf64_Rela);
            break;
        case DT_JMPREL:
            o->jumps = address(o, value);
            break;
        case DT_PLTRELSZ:
            o->jump_count = value / sizeof(Elf64_Rela);
            break;
        }
    }
    if (!o->symbols || !o->strings) return false;
    o->name = o->strings + name; // "" without
    return true;
}

// ---- what a name stands for -------------------------------------------------------------------

// The object's own definition of a name, in its default version; NULL without.
static void *definition(const object *o, const char *name, uint32_t hash) {
    if (!o->gnu_hash) return NULL;
    uint32_t buckets = o->gnu_hash[0], first = o->gnu_hash[1], words = o->gnu_hash[2];
    const uint64_t *bloom = (const uint64_t *)(o->gnu_hash + 4);
    const uint32_t *bucket = (const uint32_t *)(bloom + words), *chain = bucket + buckets;
    if (buckets == 0 || words == 0) return NULL;
    uint64_t both = UINT64_C(1) << (hash % 64) | UINT64_C(1) << ((hash >> o->gnu_hash[3]) % 64);
    if ((bloom[hash / 64 % words] & both) != both) return NULL;
    uint32_t index = bucket[hash % buckets];
    if (index < first) return NULL;
    for (;; index++) {
        uint32_t entry = chain[index - first];
        const Elf64_Sym *s = &o->symbols[index];
        bool hidden = o->versions && (o->versions[index] & 0x8000);
        if ((entry | 1) == (hash | 1) && s->st_shndx != SHN_UNDEF && !hidden &&
            ELF64_ST_TYPE(s->st_info) == STT_FUNC && strcmp(o->strings + s->st_name, name) == 0)
            return (void *)(o->bias + s->st_value);
        if (entry & 1) return NULL;
    }
}

typedef struct search {
    shim_hook *hooks;
    size_t count;
} search;

static int find_in(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    const search *s = context;
    object o;
    if (!read_object(info, &o)) return 0;
    for (size_t i = 0; i < s->count; i++) {
        shim_hook *hook = &s->hooks[i];
        if (hook->original) continue;
        hook->original = definition(&o, hook->name, gnu_hash_of(hook->name));
        hook->object = (const void *)o.start;
        hook->is_libc = strcmp(o.name, "libc.so.6") == 0;
    }
    return 0;
}

void shim_hooks_find(shim_hook *hooks, size_t count) {
    // In the order of loading, which is that of the global scope. dlsym would do the same, but for
    // an executable at a fixed address that takes a function's address: it then names the
    // executable's own table entry, which is to be replaced, and a hook would call itself.
    search s = {hooks, count};
    dl_iterate_phdr(find_in, &s);
}

// ---- replacing entries ------------------------------------------------------------------------

typedef struct patch {
    const shim_hook *hooks;
    size_t count;
    bool install;
    bool (*wants)(const void *object, const shim_hook *hook);
    size_t replaced;
    uint64_t beginnings[4];
    bool unprotected;
} patch;

static unsigned beginning_of(const char *name) {
    return ((unsigned char)name[0] * 37u + (name[0] ? (unsigned char)name[1] : 0)) % 256;
}

// Objects name tens of thousands of functions; nearly all differ in how they begin.
static const shim_hook *hook_named(const patch *p, const char *name) {
    unsigned beginning = beginning_of(name);
    if (!(p->beginnings[beginning / 64] >> beginning % 64 & 1)) return NULL;
    for (size_t i = 0; i < p->count; i++)
        if (p->hooks[i].name[0] == name[0] && strcmp(p->hooks[i].name, name) == 0)
            return &p->hooks[i];
    return NULL;
}

// Whether an entry still leads to the code that looks the function up at its first call: on x86-64
// that pushes the entry's number.
static bool is_unresolved(const object *o, uintptr_t value, size_t number) {
    if (value < o->start || value + 16 > o->end) return false;
#if defined(__x86_64__)
    const unsigned char *code = (const unsigned char *)value;
    static const unsigned char endbr64[4] = {0xf3, 0x0f, 0x1e, 0xfa};
    if (memcmp(code, endbr64, 4) == 0) code += 4;
    uint32_t pushed;
    memcpy(&pushed, code + 1, 4);
    return *code == 0x68 && pushed == number;
#else
    (void)number;
    return true;
#endif
}

static void replace(patch *p, const object *o, const Elf64_Rela *entry, size_t number) {
    uint32_t type = ELF64_R_TYPE(entry->r_info);
    if (type != jump_slot && type != glob_dat && type != pointer) return;
    if (type == pointer && entry->r_addend != 0) return;
    const char *name = o->strings + o->symbols[ELF64_R_SYM(entry->r_info)].st_name;
    const shim_hook *hook = hook_named(p, name);
    if (!hook || !hook->original || !hook->replacement) return;
    uintptr_t *slot = (uintptr_t *)(o->bias + entry->r_offset);
    uintptr_t now = __atomic_load_n(slot, __ATOMIC_RELAXED);
    uintptr_t from = (uintptr_t)(p->install ? hook->original : hook->replacement);
    uintptr_t to = (uintptr_t)(p->install ? hook->replacement : hook->original);
    bool lazy = p->install && type == jump_slot && now != to && is_unresolved(o, now, number);
    if ((now != from && !lazy) || (p->install && p->wants && !p->wants((void *)o->start, hook)))
        return;
    if ((uintptr_t)slot >= o->relro && (uintptr_t)slot < o->relro_end && !p->unprotected) {
        if (mprotect((void *)o->relro, o->relro_end - o->relro, PROT_READ | PROT_WRITE) != 0)
            return;
        p->unprotected = true;
    }
    __atomic_store_n(slot, to, __ATOMIC_RELEASE);
    p->replaced++;
}

static int patch_object(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    patch *p = context;
    object o;
    if (!read_object(info, &o) || o.bias == getauxval(AT_BASE)) return 0; // not the loader itself
    uintptr_t here = (uintptr_t)&shim_hooks_patch;
    if (here >= o.start && here < o.end) return 0; // our own calls go to the originals
    p->unprotected = false;
    for (size_t i = 0; i < o.plain_count; i++)
        replace(p, &o, &o.plain[i], SIZE_MAX);
    for (size_t i = 0; i < o.jump_count; i++)
        replace(p, &o, &o.jumps[i], i);
    if (p->unprotected) mprotect((void *)o.relro, o.relro_end - o.relro, PROT_READ);
    return 0;
}

size_t shim_hooks_patch(const shim_hook *hooks, size_t count, bool install,
                        bool (*wants)(const void *object, const shim_hook *hook)) {
    int saved = errno;
    patch p = {.hooks = hooks, .count = count, .install = install, .wants = wants};
    for (size_t i = 0; i < count; i++) {
        unsigned beginning = beginning_of(hooks[i].name);
        p.beginnings[beginning / 64] |= UINT64_C(1) << beginning % 64;
    }
    dl_iterate_phdr(patch_object, &p); // holds the loader's lock: no object goes away meanwhile
    errno = saved;
    return p.replaced;
}

static int count_loads(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    *(uint64_t *)context = info->dlpi_adds;
    return 1;
}

uint64_t shim_objects_loaded(void) {
    uint64_t loaded = 0;
    dl_iterate_phdr(count_loads, &loaded);
    return loaded;
}

// ---- tables of functions in data ----------------------------------------------------------------

typedef struct pointers {
    const shim_hook *hooks;
    size_t count;
    bool install;
    size_t replaced;
} pointers;

static int patch_pointers(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    pointers *p = context;
    object o;
    if (!read_object(info, &o) || (void *)o.start != p->hooks[0].object) return 0;
    size_t bytes = o.relro_end - o.relro;
    if (bytes == 0 || mprotect((void *)o.relro, bytes, PROT_READ | PROT_WRITE) != 0) return 1;
    for (void **word = (void **)o.relro; word < (void **)o.relro_end; word++) {
        for (size_t i = 0; i < p->count; i++) {
            void *from = p->install ? p->hooks[i].original : p->hooks[i].replacement;
            void *to = p->install ? p->hooks[i].replacement : p->hooks[i].original;
            if (!from || !to || *word != from) continue;
            __atomic_store_n(word, to, __ATOMIC_RELEASE);
            p->replaced++;
            break;
        }
    }
    mprotect((void *)o.relro, bytes, PROT_READ);
    return 1;
}

size_t shim_pointers_patch(const shim_hook *hooks, size_t count, bool install) {
    for (size_t i = 0; i < count; i++)
        if (!hooks[i].original || !hooks[i].is_libc) return 0;
    int saved = errno;
    pointers p = {hooks, count, install, 0};
    dl_iterate_phdr(patch_pointers, &p);
    errno = saved;
    return p.replaced;
}

SHIM_SMALL_END
