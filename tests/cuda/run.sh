#!/usr/bin/env bash
# On a GPU machine: the CUDA device against the CPU, the same under compute-sanitizer, exchanges by NCCL, then the bench. From
# the packed directory (see pack.sh), or in the tree with cargo, where two GPUs are also the ranks of an MPI job.
set -euo pipefail
cd "$(dirname "$0")"

# Where CUDA's libraries usually are, for a program that is not told.
for lib in /usr/local/cuda/lib64 /usr/local/cuda/targets/x86_64-linux/lib; do
    [ -d "$lib" ] && LD_LIBRARY_PATH=$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}

if [ -x ./devices ]; then
    devices=./devices bench=./bench ranks=./ranks
else
    cd ../..
    built() { sed -n 's/^ *Executable .*(\(.*\))$/\1/p'; }
    devices=$(cargo test --test devices --no-run 2>&1 | built)
    bench=$(cargo bench --profile dev --bench cuda --no-run 2>&1 | built)
    ranks=$(cargo test --test ranks --features ff-cuda/nccl --no-run 2>&1 | built)
fi

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
echo "== tests on the GPU";  "$devices" --ignored gpu --nocapture --test-threads=1

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null || true)
if [ -n "$sanitizer" ]; then
    for tool in memcheck racecheck synccheck; do
        echo "== compute-sanitizer $tool"
        "$sanitizer" --tool "$tool" --error-exitcode 9 "$devices" --ignored gpu_every_op --test-threads=1
    done
else
    echo "== compute-sanitizer: not found, not run"
fi

has_nccl() {
    local dir dirs
    IFS=: read -ra dirs <<< "$LD_LIBRARY_PATH"
    for dir in "${dirs[@]}"; do [ ! -e "$dir/libnccl.so" ] || return 0; done
    ldconfig -p | grep -q 'libnccl\.so '
}
if has_nccl; then
    echo "== NCCL, on $(nvidia-smi -L | wc -l) GPU(s)"
    "$ranks" --ignored gpu --nocapture --test-threads=1
    if [ ! -x ./devices ] && [ "$(nvidia-smi -L | wc -l)" -gt 1 ]; then tests/cuda/ranks.sh; fi
else
    echo "== NCCL: there is no libnccl.so, not run"
fi

echo "== bench";  "$bench"
