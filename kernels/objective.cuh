// This file computes the objective of a batch. It is the twin of `share_of_batch` in crates/ff-tensor/src/objective.rs. The
// formula, `struct Objective`, comes before this file.

// A derivative with an absolute value below this counts as zero.
constexpr float SMALLEST_DERIVATIVE = FF_SMALLEST_DERIVATIVE;

__device__ inline float share_of(float d, u32 batch) {
    return fabsf(d) < SMALLEST_DERIVATIVE ? 0.0f : d / (float)batch;
}

// Returns a pair's loss and writes the derivatives of the mean over the batch.
__device__ inline float share_of_batch(
    const Objective &objective, float positive, float negative, u32 batch, float &dpositive, float &dnegative) {
    float loss = objective.of_pair(positive, negative, dpositive, dnegative);
    dpositive = share_of(dpositive, batch);
    dnegative = share_of(dnegative, batch);
    return loss;
}
