// The twin of crates/ff-cpu/src/augment.rs:
//   out(p) = image(M (p - c) + t + d(p) + c)      c: the image's middle
// Values between pixels are bilinear, and the surroundings of the image are background. M, t and d are drawn for each image. Draw
// k is word k of the image's own stream, whichever thread needs it.
//
// Launch: Each image has a block of 128 threads, which computes 1,024 pixels at a time. A random field that fits into 8 KiB is
// drawn once for these pixels. A larger one is drawn again wherever it is read.

// Five numbers describe a change: its kind, and up to four bounds.
constexpr u32 NUMBERS = FF_NUMBERS;
// The number of pixels at a time, and the largest count of a field's numbers that is kept.
constexpr u32 TILE_PIXELS = 1024, FIELD_ROOM = 2048;

// The matrix `[a, b; c, d]`.
struct Matrix {
    float a, b, c, d;
};

constexpr Matrix IDENTITY = {1.0f, 0.0f, 0.0f, 1.0f};

struct Point {
    float x, y;
};

// A change, applied backwards: it leads from `q` to `m (q - shift)`.
struct Back {
    Matrix m;
    Point shift;
};

__device__ inline Point times(Matrix m, float x, float y) { return {m.a * x + m.b * y, m.c * x + m.d * y}; }

__device__ inline bool is_identity(Matrix m) { return m.a == 1.0f && m.b == 0.0f && m.c == 0.0f && m.d == 1.0f; }

// These two do the same as `Draws` in augment/draws.rs, from the word that is drawn.
__device__ inline float within(u32 word, float bound) { return bound * ((float)(word >> 8) / 8388608.0f - 1.0f); }

__device__ inline float whole(u32 word, u32 bound) {
    return (float)(u32)(((u64)word * (2 * (u64)bound + 1)) >> 32) - (float)bound;
}

// Returns the cosine as x and the sine as y. They come from the series, in the CPU's order.
__device__ inline Point cos_sin(float degrees) {
    double x = (double)degrees * (3.14159265358979323846 / 180.0), sin = 0.0, cos = 1.0, term = 1.0;
    for (u32 k = 1; k <= 28; k++) {
        term *= x / (double)k;
        if (k % 2 == 0) cos += k % 4 == 0 ? term : -term;
        else sin += k % 4 == 1 ? term : -term;
    }
    return {(float)cos, (float)sin};
}

__device__ inline Matrix backward(float rotate, float shear, float width, float height) {
    Point turn = cos_sin(rotate), slope = cos_sin(shear);
    float cos = turn.x, sin = turn.y, slant = slope.y / slope.x;
    return {(slant * sin + cos) / width, (sin - cos * slant) / width, -sin / height, cos / height};
}

// These two make a change from its bounds and its draws.
__device__ inline Back shift_back(const float *change, const u32 *words) {
    u32 pixels = (u32)change[1];
    return {IDENTITY, {whole(words[0], pixels), whole(words[1], pixels)}};
}

__device__ inline Back affine_back(const float *change, const u32 *words) {
    float rotate = within(words[0], change[1]), shear = within(words[1], change[3]);
    float width = 1.0f + within(words[2], change[2]), height = 1.0f + within(words[3], change[2]);
    return {backward(rotate, shear, width, height), {within(words[4], change[4]), within(words[5], change[4])}};
}

// The place from which each pixel of a tile comes: M, t, and each pixel's own displacement, which only its thread uses.
struct Map {
    Matrix m;
    Point t;
    bool bent;      // if it is false, all displacements are 0
    float *dx, *dy; // [pixels]
    u32 first, pixels, width, height;
};

// Extends the map: where it led to `q`, it now leads to `back (q - shift)`.
__device__ inline void then(Map &map, Matrix back, Point shift) {
    Point ac = times(back, map.m.a, map.m.c), bd = times(back, map.m.b, map.m.d);
    map.m = {ac.x, bd.x, ac.y, bd.y};
    map.t = times(back, map.t.x - shift.x, map.t.y - shift.y);
    if (!map.bent || is_identity(back)) return;
    for (u32 i = threadIdx.x; i < map.pixels; i += blockDim.x) {
        Point d = times(back, map.dx[i], map.dy[i]);
        map.dx[i] = d.x, map.dy[i] = d.y;
    }
}

// The first of four neighbouring points of a grid, and the weights of the four.
struct Tap {
    u32 first;
    float weight[4];
};

__device__ inline Tap tap(float start, u32 pixel, float step) {
    float place = start + (float)pixel / step, first = floorf(place);
    float f = place - first, e = 1.0f - f;
    float inner_f = (3.0f * f * f * f - 6.0f * f * f + 4.0f) / 6.0f;
    float inner_e = (3.0f * e * e * e - 6.0f * e * e + 4.0f) / 6.0f;
    return {(u32)first, {e * e * e / 6.0f, inner_f, inner_e, f * f * f / 6.0f}};
}

// Uniform numbers on a grid for each axis, one grid after the other. They are draws `first`, `first + 1`, ... of the image.
struct Field {
    Stream draws;
    u64 first;
    float bound;
    u32 rows, columns;
    const float *kept; // all numbers, or null
};

// This is not inlined, because its code would be there 32 times.
__device__ __noinline__ float drawn_anew(Stream draws, u64 k, float bound) { return within(chacha_word(draws, k), bound); }

__device__ inline float number(const Field &field, u32 i) {
    return field.kept ? field.kept[i] : drawn_anew(field.draws, field.first + i, field.bound);
}

// Draws all numbers of a field. Each thread draws 16 at a time.
__device__ inline void keep(float *kept, const Field &field, u32 count) {
    u64 end = field.first + count;
    for (u64 block = field.first / 16 + threadIdx.x; block * 16 < end; block += blockDim.x) {
        u32 words[16];
        chacha(words, field.draws, block);
        for (u32 i = 0; i < 16; i++) {
            u64 k = block * 16 + i;
            if (k >= field.first && k < end) kept[k - field.first] = within(words[i], field.bound);
        }
    }
}

// Returns the spline between the grid's points. It goes along each of four rows, and then between these rows.
__device__ inline float spline(const Field &field, u32 row, const Tap &across, const Tap &down) {
    float sum = 0.0f;
    for (u32 j = 0; j < 4; j++) {
        u32 at = (row + down.first + j) * field.columns + across.first;
        float line = across.weight[0] * number(field, at);
        for (u32 i = 1; i < 4; i++) line += across.weight[i] * number(field, at + i);
        sum = j == 0 ? down.weight[0] * line : sum + down.weight[j] * line;
    }
    return sum;
}

// Adds a random displacement to each pixel's place. Returns how many numbers were drawn.
__device__ inline u32 bend(Map &map, float strength, float smoothness, const u32 *words, Stream draws, u64 draw,
                           float *room) {
    map.bent = true;
    float step = smoothness * sqrtf(3.0f), bound = strength * sqrtf(1.5f) * (315.0f / 151.0f);
    float right = within(words[0], 0.5f) + 0.5f, below = within(words[1], 0.5f) + 0.5f;
    u32 columns = (u32)((float)map.width / step) + 5, rows = (u32)((float)map.height / step) + 5;
    u32 count = 2 * rows * columns;
    Field field = {draws, draw + 2, bound, rows, columns, count <= FIELD_ROOM ? room : nullptr};
    if (field.kept) keep(room, field, count);
    __syncthreads();
    for (u32 i = threadIdx.x; i < map.pixels; i += blockDim.x) {
        u32 x = (map.first + i) % map.width, y = (map.first + i) / map.width;
        Tap across = tap(right, x, step), down = tap(below, y, step);
        map.dx[i] += spline(field, 0, across, down);
        map.dy[i] += spline(field, rows, across, down);
    }
    return 2 + count;
}

// Returns `x`, or the nearest end of `0..=most` if `x` is outside. It returns 0 for NaN.
__device__ inline float between(float x, float most) {
    x = x > 0.0f ? x : 0.0f;
    return x < most ? x : most;
}

// Returns a pixel of the image with a frame around it. Row and column 0 are the frame. Beyond the frame it is as dark as on it.
__device__ inline float framed(const u8 *image, const Map &map, u32 row, u32 column) {
    bool inside = row - 1 < map.height && column - 1 < map.width;
    return inside ? (float)image[(row - 1) * map.width + column - 1] : 0.0f;
}

// Returns pixel `i` of the tile, seen through the map. A map by whole pixels needs no special case, because all sums are exact.
__device__ inline u8 seen(const u8 *image, const Map &map, u32 i) {
    float cx = ((float)map.width - 1.0f) / 2.0f, cy = ((float)map.height - 1.0f) / 2.0f;
    float x = (float)((map.first + i) % map.width), y = (float)((map.first + i) / map.width);
    Point from = times(map.m, -cx, y - cy);
    float column = between(from.x + map.t.x + cx + 1.0f + map.m.a * x + map.dx[i], (float)map.width + 1.0f);
    float row = between(from.y + map.t.y + cy + 1.0f + map.m.c * x + map.dy[i], (float)map.height + 1.0f);
    float u = column - floorf(column), v = row - floorf(row);
    u32 r = (u32)row, c = (u32)column;
    float p[2] = {framed(image, map, r, c), framed(image, map, r, c + 1)};
    float q[2] = {framed(image, map, r + 1, c), framed(image, map, r + 1, c + 1)};
    float above = p[0] + u * (p[1] - p[0]), below = q[0] + u * (q[1] - q[0]);
    return (u8)rintf(above + v * (below - above));
}

extern "C" __global__ void __launch_bounds__(128) augment(
    u8 *out,             // [N, height * width]
    const u8 *images,    // [N, height * width]
    const float *list,   // [changes, 5]
    u32 changes, u32 width, u32 height, u64 seed, u64 epoch) {
    __shared__ u32 words[8];
    __shared__ Back back;
    __shared__ float room[FIELD_ROOM], dx[TILE_PIXELS], dy[TILE_PIXELS];
    u32 pixels = width * height;
    size_t at = (size_t)blockIdx.x * pixels;
    Stream draws = {seed, epoch, blockIdx.x};
    for (u32 first = 0; first < pixels; first += TILE_PIXELS) {
        Map map = {IDENTITY, {0.0f, 0.0f}, false, dx, dy, first, min(TILE_PIXELS, pixels - first), width, height};
        for (u32 i = threadIdx.x; i < map.pixels; i += blockDim.x) dx[i] = dy[i] = 0.0f;
        u64 draw = 0;
        // The map leads back from the finished image, so the last change comes first.
        for (u32 i = changes; i-- > 0;) {
            const float *change = list + (size_t)i * NUMBERS;
            u32 kind = (u32)change[0];
            if (kind == ELASTIC && change[1] == 0.0f) continue;
            // The threads read the previous change's words before its last barrier, and all its other data before the next one.
            if (threadIdx.x < 8) words[threadIdx.x] = chacha_word(draws, draw + threadIdx.x);
            __syncthreads();
            if (kind == ELASTIC) {
                draw += bend(map, change[1], change[2], words, draws, draw, room);
                continue;
            }
            if (threadIdx.x == 0) back = kind == SHIFT ? shift_back(change, words) : affine_back(change, words);
            __syncthreads();
            then(map, back.m, back.shift);
            draw += kind == SHIFT ? 2 : 6;
        }
        for (u32 i = threadIdx.x; i < map.pixels; i += blockDim.x) out[at + first + i] = seen(images + at, map, i);
    }
}
