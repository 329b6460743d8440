#!/usr/bin/env bash
# Packs the tests, the bench and the command line for a GPU machine without Rust (x86-64 Linux, the same glibc or newer):
#
#   tests/cuda/pack.sh                          here: writes target/ff-gpu.tar.gz
#   tar xzf ff-gpu.tar.gz && ff-gpu/run.sh      there: needs NVIDIA's driver, NVRTC and, if at hand, cuBLAS and NCCL
set -euo pipefail
cd "$(dirname "$0")/../.."

# The program that cargo built for a test or bench.
built() { sed -n 's/^ *Executable .*(\(.*\))$/\1/p'; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/ff-gpu"
cargo build --quiet --package ff-cli
cp target/debug/ff-cli "$dir/ff-gpu/"
cp "$(cargo test --test devices --no-run 2>&1 | built)" "$dir/ff-gpu/devices"
cp "$(cargo bench --profile dev --bench cuda --no-run 2>&1 | built)" "$dir/ff-gpu/bench"
cp "$(cargo test --test ranks --features ff-cuda/nccl --no-run 2>&1 | built)" "$dir/ff-gpu/ranks"
cp tests/cuda/run.sh "$dir/ff-gpu/"
tar czf target/ff-gpu.tar.gz -C "$dir" ff-gpu
echo "target/ff-gpu.tar.gz"
