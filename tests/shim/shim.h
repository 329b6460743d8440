// The host shim: CUDA's words in plain C++, so that g++ compiles the kernels as they are and the processor runs them.
//
// Blocks run one after the other, the threads of a block as fibers, each up to its next barrier or shuffle before the
// next one has its turn. In which order they have it is the schedule: a result that depends on it lacks a barrier.
//
// What it does not show: races between threads that a barrier does not separate but no schedule here brings out, the
// GPU's own memory model, its `expf`, its speed.

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
#define __noinline__

struct Dim {
    unsigned x, y, z;
};
static Dim threadIdx, blockIdx, blockDim, gridDim;

using std::max;
using std::min;

namespace shim {

constexpr unsigned MOST_THREADS = 1024, STACK = 64 << 10, WARP = 32;
enum class Waits { No, Barrier, Shuffle, Done };
enum Schedule { FORWARD, REVERSE, SHUFFLED };

struct Thread {
    ucontext_t context;
    std::vector<char> stack;
    Waits waits;
    unsigned shuffles; // so far: even and odd ones have a slot each, so that no value is overwritten before it is read
};

static std::vector<Thread> threads;
static ucontext_t scheduler;
static unsigned self, count;
static char slots[2][MOST_THREADS][8];
static void (*body)(void **);
static void **arguments;
static std::string failure;

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
    thread.stack.resize(STACK);
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.data();
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

static bool run_block(const std::vector<unsigned> &order) {
    for (unsigned t = 0; t < count; t++) start(t);
    while (true) {
        for (unsigned t : order) {
            if (threads[t].waits != Waits::No) continue;
            self = t;
            threadIdx = {t % blockDim.x, t / blockDim.x, 0};
            swapcontext(&scheduler, &threads[t].context);
        }
        if (all(0, count, Waits::Done)) return true;
        if (!release()) return failure = "some threads of a block wait at a barrier or shuffle that others never reach", false;
    }
}

static std::vector<unsigned> order_of(unsigned n, int schedule) {
    std::vector<unsigned> order(n);
    std::iota(order.begin(), order.end(), 0);
    if (schedule == REVERSE) std::reverse(order.begin(), order.end());
    if (schedule == SHUFFLED) std::shuffle(order.begin(), order.end(), std::mt19937(n));
    return order;
}

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
    static std::string kinds() { return {kind<A>()...}; }
};

// As cuLaunchKernel takes it; null, or what is wrong.
template <auto kernel>
const char *launch(const unsigned grid[4], const char *kinds, void **args, int schedule) {
    failure.clear();
    if (Call<kernel>::kinds() != kinds) {
        failure = "the kernel takes " + Call<kernel>::kinds() + ", the host gives " + kinds;
        return failure.c_str();
    }
    gridDim = {grid[0], grid[1], 1}, blockDim = {grid[2], grid[3], 1};
    count = grid[2] * grid[3], body = Call<kernel>::now, arguments = args;
    if (count > MOST_THREADS) return failure = "more than 1,024 threads in a block", failure.c_str();
    if (threads.size() < count) threads.resize(count);
    std::vector<unsigned> order = order_of(count, schedule), blocks = order_of(grid[0] * grid[1], schedule);
    for (unsigned block : blocks) {
        blockIdx = {block % grid[0], block / grid[0], 0};
        if (!run_block(order)) return failure.c_str();
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
