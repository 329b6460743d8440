// The host shim: CUDA's words in plain C++, so that g++ compiles the kernels as they are and the processor runs them.
//
// Blocks run one after the other, the threads of a block as fibers, each up to its next barrier or shuffle before the
// next one has its turn. In which order they have it is the schedule: a result that depends on it lacks a barrier.
//
// What it does not show: races between threads that a barrier does not separate but no schedule here brings out, the
// GPU's own memory model, its `expf`, its speed.

// It is compiled anew with each program, so it includes little.

#include <ucontext.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
#define __noinline__

struct Dim {
    unsigned x, y, z;
};
static Dim threadIdx, blockIdx, blockDim, gridDim;

template <typename T>
constexpr T min(T a, T b) { return b < a ? b : a; }
template <typename T>
constexpr T max(T a, T b) { return a < b ? b : a; }

namespace shim {

constexpr unsigned MOST_THREADS = 1024, STACK = 64 << 10, WARP = 32;
enum class Waits { No, Barrier, Shuffle, Done };
enum Schedule { FORWARD, REVERSE, SHUFFLED };

struct Thread {
    ucontext_t context;
    char *stack; // made when it is first used, and kept
    Waits waits;
    unsigned shuffles; // so far: even and odd ones have a slot each, so that no value is overwritten before it is read
};

static Thread threads[MOST_THREADS];
static ucontext_t scheduler;
static unsigned self, count;
static char slots[2][MOST_THREADS][8];
static void (*body)(void **);
static void **arguments;
static char failure[256];

static void pause(Waits waits) {
    unsigned me = self;
    threads[me].waits = waits;
    swapcontext(&threads[me].context, &scheduler);
}

static void fiber() {
    body(arguments);
    threads[self].waits = Waits::Done;
    setcontext(&scheduler);
}

static void start(unsigned t) {
    Thread &thread = threads[t];
    if (!thread.stack) thread.stack = static_cast<char *>(malloc(STACK));
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack;
    thread.context.uc_stack.ss_size = STACK;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, fiber, 0);
    thread.waits = Waits::No;
    thread.shuffles = 0;
}

static bool all(unsigned from, unsigned to, Waits waits) {
    for (unsigned t = from; t < to; t++)
        if (threads[t].waits != waits) return false;
    return true;
}

// Lets those go on for whom all the others have come; false if nobody can.
static bool release() {
    bool some = false;
    if (all(0, count, Waits::Barrier)) {
        for (unsigned t = 0; t < count; t++) threads[t].waits = Waits::No;
        return true;
    }
    for (unsigned from = 0; from < count; from += WARP) {
        unsigned to = min(from + WARP, count);
        if (!all(from, to, Waits::Shuffle)) continue;
        for (unsigned t = from; t < to; t++) threads[t].waits = Waits::No;
        some = true;
    }
    return some;
}

static bool run_block(const unsigned *order) {
    for (unsigned t = 0; t < count; t++) start(t);
    while (true) {
        for (unsigned i = 0; i < count; i++) {
            unsigned t = order[i];
            if (threads[t].waits != Waits::No) continue;
            self = t;
            threadIdx = {t % blockDim.x, t / blockDim.x, 0};
            swapcontext(&scheduler, &threads[t].context);
        }
        if (all(0, count, Waits::Done)) return true;
        if (!release()) return false;
    }
}

// A list of whoever has a turn, in the schedule's order.
struct Order {
    unsigned *of = nullptr, room = 0;

    void make(unsigned n, int schedule) {
        if (n > room) of = static_cast<unsigned *>(realloc(of, (room = n) * sizeof(unsigned)));
        for (unsigned i = 0; i < n; i++) of[i] = schedule == REVERSE ? n - 1 - i : i;
        if (schedule != SHUFFLED) return;
        unsigned draw = n;
        for (unsigned i = n; i > 1; i--) {
            draw = draw * 1664525 + 1013904223;
            std::swap(of[i - 1], of[(draw >> 8) % i]);
        }
    }
};

// `u` u32, `U` u64, `f` float, `p` pointer, `s` struct: as mod.rs names what the host hands over.
template <typename A>
constexpr char kind() {
    if (std::is_pointer_v<A>) return 'p';
    if (std::is_class_v<A>) return 's';
    if (std::is_same_v<A, float>) return 'f';
    return sizeof(A) == 8 ? 'U' : std::is_same_v<A, unsigned> ? 'u' : '?';
}

template <auto kernel>
struct Call;

template <typename... A, void (*kernel)(A...)>
struct Call<kernel> {
    template <size_t... I>
    static void with(void **args, std::index_sequence<I...>) {
        kernel(*static_cast<A *>(args[I])...);
    }
    static void now(void **args) { with(args, std::index_sequence_for<A...>()); }
    static const char *kinds() {
        static const char kinds[] = {kind<A>()..., 0};
        return kinds;
    }
};

static const char *fail(const char *words, const char *more = "", const char *and_more = "", const char *last = "") {
    snprintf(failure, sizeof failure, "%s%s%s%s", words, more, and_more, last);
    return failure;
}

// As cuLaunchKernel takes it; null, or what is wrong.
template <auto kernel>
const char *launch(const unsigned grid[4], const char *kinds, void **args, int schedule) {
    if (strcmp(Call<kernel>::kinds(), kinds) != 0)
        return fail("the kernel takes ", Call<kernel>::kinds(), ", the host gives ", kinds);
    gridDim = {grid[0], grid[1], 1}, blockDim = {grid[2], grid[3], 1};
    count = grid[2] * grid[3], body = Call<kernel>::now, arguments = args;
    if (count > MOST_THREADS) return fail("more than 1,024 threads in a block");
    static Order turns, blocks;
    turns.make(count, schedule), blocks.make(grid[0] * grid[1], schedule);
    for (unsigned i = 0; i < grid[0] * grid[1]; i++) {
        unsigned block = blocks.of[i];
        blockIdx = {block % grid[0], block / grid[0], 0};
        if (!run_block(turns.of)) return fail("some threads of a block wait at a barrier or shuffle that others never reach");
    }
    return nullptr;
}

template <typename T>
T shuffle(T value, unsigned (*from)(unsigned lane, unsigned by, unsigned width), unsigned by, unsigned width) {
    static_assert(sizeof(T) <= 8);
    unsigned turn = threads[self].shuffles++ % 2, lane = self % width;
    std::memcpy(slots[turn][self], &value, sizeof(T));
    pause(Waits::Shuffle);
    std::memcpy(&value, slots[turn][self - lane + from(lane, by, width)], sizeof(T));
    return value;
}

} // namespace shim

static inline void __syncthreads() { shim::pause(shim::Waits::Barrier); }

template <typename T>
T __shfl_down_sync(unsigned, T value, unsigned by, unsigned width = 32) {
    auto from = [](unsigned lane, unsigned by, unsigned width) { return lane + by < width ? lane + by : lane; };
    return shim::shuffle<T>(value, from, by, width);
}

template <typename T>
T __shfl_sync(unsigned, T value, unsigned lane, unsigned width = 32) {
    auto from = [](unsigned, unsigned by, unsigned width) { return by % width; };
    return shim::shuffle<T>(value, from, lane, width);
}

template <typename T>
T atomicAdd(T *at, T x) {
    T before = *at;
    *at += x;
    return before;
}
