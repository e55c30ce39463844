// SPDX-License-Identifier: Apache-2.0
// Everything at once, for as many seconds as the argument says (10): threads that allocate, throw, begin,
// end and fail, fork, load and unload; readers; hooks that come and go; a high rate of samples.
//
//     PROGNOS_SAMPLE_HZ=2000 build/cmake/stress_cpp17 60
//
// Nothing may crash, hang, or lose a block. Whoever hangs is shown by gdb, if there is one.
#include "../c/host.h"

#include <atomic>
#include <csignal>
#include <dlfcn.h>
#include <malloc.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <vector>

namespace {

std::atomic<bool> stopping{false};
std::atomic<uint64_t> progress{0}, starts{0}, forks{0}, loads{0}, throws{0}, reads{0}, threads{0};

prognos_op named(const char *name) {
    prognos_op op = prognos_op_named(name);
    NEED(op != 0);
    return op;
}

struct dice {
    uint64_t state;
    uint64_t roll(uint64_t sides) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state % sides;
    }
};

// A block that knows what it is, so that one which was handed out twice shows.
struct block {
    unsigned char *at = nullptr;
    size_t bytes = 0;

    void fill(dice &d) {
        at[0] = at[bytes - 1] = static_cast<unsigned char>(d.roll(256));
    }
    void check() const {
        NEED(at[0] == at[bytes - 1]);
    }
};

void allocate(dice &d, std::vector<block> &blocks) {
    block &b = blocks[d.roll(blocks.size())];
    if (b.at) {
        b.check();
        if (d.roll(3) == 0) {
            size_t bytes = 1 + d.roll(20000);
            unsigned char *moved = static_cast<unsigned char *>(realloc(b.at, bytes));
            NEED(moved);
            b = {moved, bytes};
            b.fill(d);
            return;
        }
        free(b.at);
        b = {};
        return;
    }
    b.bytes = 1 + d.roll(d.roll(100) == 0 ? 1 << 20 : 2000);
    switch (d.roll(4)) {
    case 0:
        b.at = static_cast<unsigned char *>(calloc(1, b.bytes));
        break;
    case 1:
        b.at = static_cast<unsigned char *>(memalign(64, b.bytes));
        break;
    default:
        b.at = static_cast<unsigned char *>(malloc(b.bytes));
    }
    NEED(b.at);
    b.fill(d);
}

__attribute__((noinline)) int fails_deep_inside(int levels, prognos_op op) {
    PROGNOS_SCOPE("level");
    std::string local(100 + static_cast<size_t>(levels), 'x');
    if (levels == 0) throw std::runtime_error(local);
    prognos_begin(op); // left open: closed as abandoned
    return fails_deep_inside(levels - 1, op) + static_cast<int>(local.size());
}

void throw_through_frames(dice &d, prognos_op op) {
    try {
        fails_deep_inside(1 + static_cast<int>(d.roll(20)), op);
    } catch (const std::runtime_error &) {
        prognos_fail("thrown");
        throws++;
    }
}

void map_and_unmap(dice &d) {
    size_t bytes = (1 + d.roll(16)) * 4096;
    void *at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    static_cast<char *>(at)[0] = 1;
    if (d.roll(2)) {
        at = mremap(at, bytes, 2 * bytes, MREMAP_MAYMOVE);
        NEED(at != MAP_FAILED);
        bytes *= 2;
    }
    munmap(at, bytes);
}

void burn(dice &d) {
    volatile double x = 1;
    for (uint64_t i = d.roll(20000); i > 0; i--)
        x = x * 1.0000001 + 1;
}

void *worker(void *seed) {
    setpriority(PRIO_PROCESS, 0, 10); // this thread: the others have their turn, too
    dice d{0x9E3779B97F4A7C15u * (reinterpret_cast<uintptr_t>(seed) + 1)};
    std::vector<block> blocks(200);
    prognos_op outer = named("outer"), inner = named("inner");
    for (uint64_t rounds = 200 + d.roll(2000); rounds > 0 && !stopping; rounds--) {
        prognos_begin(outer);
        for (int i = 0; i < 20; i++) {
            prognos_begin(inner);
            allocate(d, blocks);
            prognos_end(inner);
        }
        prognos_work(20);
        switch (d.roll(16)) {
        case 0:
            throw_through_frames(d, inner);
            break;
        case 1:
            map_and_unmap(d);
            break;
        case 2:
            usleep(static_cast<useconds_t>(d.roll(200)));
            break;
        case 3:
            burn(d);
        }
        if (d.roll(8) == 0) prognos_fail("chance");
        prognos_end(outer);
        progress++;
    }
    for (block &b : blocks)
        free(b.at);
    return nullptr;
}

// Keeps so many workers alive: each ends after a while, another one takes its place.
void *spawner(void *seed) {
    uintptr_t next = reinterpret_cast<uintptr_t>(seed) << 32;
    while (!stopping) {
        joined(started(worker, reinterpret_cast<void *>(next++)));
        threads++;
    }
    return nullptr;
}

void *forker(void *) {
    prognos_op op = named("in a child");
    while (!stopping) {
        pid_t child = fork();
        NEED(child >= 0);
        if (child == 0) {
            alarm(60);
            dice d{12345};
            std::vector<block> blocks(50);
            for (int i = 0; i < 100; i++) {
                prognos_begin(op);
                allocate(d, blocks);
                prognos_end(op);
            }
            // No dlopen: glibc does not offer it here, when another thread was in it at the fork.
            prognos_op_stats stats;
            if (prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats) != PROGNOS_OK) _exit(2);
            _exit(0);
        }
        int status = 0;
        while (waitpid(child, &status, 0) != child) {
        }
        if (status != 0) fprintf(stderr, "stress: child %d: status %x\n", (int)child, status);
        NEED(status == 0);
        forks++;
        progress++;
        usleep(2000);
    }
    return nullptr;
}

// Through the plugin's frames, which the unwinder may meet while they go away.
int innermost() {
    dice d{static_cast<uint64_t>(clock_ns(CLOCK_MONOTONIC)) | 1};
    for (int i = 0; i < 20; i++)
        free(malloc(1 + d.roll(100000)));
    burn(d);
    return 0;
}

void *loader(void *) {
    prognos_op op = named("load");
    while (!stopping) {
        PROGNOS_SCOPE("loading");
        void *plugin = dlopen(PLUGIN, loads % 2 ? RTLD_NOW : RTLD_LAZY);
        NEED(plugin);
        void *(*make)(size_t);
        int (*deep)(int, int (*)());
        *reinterpret_cast<void **>(&make) = dlsym(plugin, "plugin_allocate");
        *reinterpret_cast<void **>(&deep) = dlsym(plugin, "plugin_deep");
        NEED(make && deep);
        prognos_begin(op);
        free(make(100));
        NEED(deep(10, innermost) == 10);
        prognos_end(op);
        NEED(dlclose(plugin) == 0);
        loads++;
        progress++;
    }
    return nullptr;
}

void *reader(void *) {
    prognos_op op = named("outer");
    while (!stopping) {
        size_t needed = 0;
        NEED(prognos_render(PROGNOS_JSON, nullptr, 0, &needed) == PROGNOS_OK);
        prognos_op_stats stats;
        NEED(prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats) == PROGNOS_OK);
        NEED(stats.self_wall_ns <= stats.wall_ns + stats.self_wall_ns);
        reads++;
        progress++;
        usleep(1000);
    }
    return nullptr;
}

void *switcher(void *) {
    while (!stopping) {
        NEED(prognos_start(nullptr, 0) == PROGNOS_OK);
        if (starts % 4 == 0) usleep(starts % 16 == 0 ? 10000 : 200);
        NEED(prognos_stop() == PROGNOS_OK);
        if (starts % 8 == 0) usleep(1000);
        starts++;
        progress++;
    }
    return nullptr;
}

// Hangs are told by a process of its own, which nothing in this one can hold up.
pid_t watch(unsigned seconds) {
    pid_t watched = getpid();
    pid_t dog = fork();
    NEED(dog >= 0);
    if (dog != 0) {
        prctl(PR_SET_PTRACER, dog, 0, 0, 0);
        return dog;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sleep(seconds);
    fprintf(stderr, "stress: hangs after %u s; all stacks:\n", seconds);
    char command[200];
    snprintf(command, sizeof command,
             "command -v gdb >/dev/null && gdb -p %d -batch -ex 'thread apply all bt 30' "
             "2>/dev/null >&2",
             (int)watched);
    if (system(command) != 0) fprintf(stderr, "stress: no gdb\n");
    kill(watched, SIGKILL);
    _exit(1);
}

} // namespace

int main(int argc, char **argv) {
    unsigned seconds = argc > 1 ? static_cast<unsigned>(atoi(argv[1])) : 10;
    pid_t dog = watch(seconds + 120);
    std::vector<pthread_t> all;
    for (uintptr_t i = 0; i < 32; i++)
        all.push_back(started(spawner, reinterpret_cast<void *>(i)));
    for (void *(*run)(void *) : {forker, loader, loader, reader, switcher})
        all.push_back(started(run, nullptr));
    for (unsigned left = seconds; left > 0; left = sleep(left)) {
    }
    stopping = true;
    for (pthread_t thread : all)
        joined(thread);
    kill(dog, SIGKILL);
    printf(
        "%llu rounds, %llu starts, %llu threads, %llu children, %llu loads, %llu exceptions, %llu "
        "profiles\n",
        (unsigned long long)progress, (unsigned long long)starts, (unsigned long long)threads,
        (unsigned long long)forks, (unsigned long long)loads, (unsigned long long)throws,
        (unsigned long long)reads);
    NEED(progress > 0 && starts > 0 && forks > 0 && loads > 0 && throws > 0 && reads > 0);
    return check_failures != 0;
}
