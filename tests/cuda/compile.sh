#!/usr/bin/env bash
# Compiles the kernels as NVRTC gets them, without a GPU: with nvcc to PTX and with ptxas to an image, where a warning or a
# register that spills is an error; then by ff-cuda's own call of NVRTC.
#
# NVIDIA's compilers come from PyPI (100 MB, once, into the user's cache): this needs Python's pip, and a network the
# first time. What it does not show: that an image runs.
set -euo pipefail
cd "$(dirname "$0")/../.."

arch=${1:-sm_90}
version=13.0.88
packages=(nvidia-cuda-nvcc==$version nvidia-nvvm==$version nvidia-cuda-crt==$version nvidia-cuda-runtime==13.0.96
    nvidia-cuda-cccl==13.0.85 nvidia-cuda-nvrtc==$version)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/forward-forward
toolkit=$cache/nvcc-$version

if [ ! -e "$toolkit" ]; then
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/nvcc.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    if ! python3 -m pip install --quiet --no-deps --disable-pip-version-check --root-user-action=ignore \
        --target "$fresh" "${packages[@]}"; then
        echo "error: the kernels were not compiled: pip could not install nvcc ${version} (see above)" >&2
        exit 1
    fi
    mv "$fresh" "$toolkit"
    trap - EXIT
fi
cuda=$toolkit/nvidia/cu13
export LD_LIBRARY_PATH=$cuda/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cargo run --quiet --package ff-cuda --example compile -- text > "$out/kernels.cu"
# The same options as in kernels/lib.rs.
"$cuda/bin/nvcc" -arch="compute_${arch#sm_}" --ptx --fmad=false --std=c++17 -Werror all-warnings \
    "$out/kernels.cu" -o "$out/kernels.ptx"
"$cuda/bin/ptxas" -arch="$arch" -v -warn-spills -Werror "$out/kernels.ptx" -o "$out/kernels.cubin" 2> "$out/said" ||
    { cat "$out/said" >&2; exit 1; }
cargo run --quiet --package ff-cuda --example compile -- "$arch" > "$out/nvrtc.cubin"
cargo test --quiet --package ff-cuda -- --ignored nvrtc > "$out/said-by-tests" || { cat "$out/said-by-tests"; exit 1; }
registers=$(sed -n 's/.*Used \([0-9]*\) registers.*/\1/p' "$out/said" | sort -n | tail -1)
echo "kernels: $(grep -c 'Compiling entry function' "$out/said") compiled for $arch by nvcc and NVRTC $version, no warnings," \
    "no spills, at most $registers registers; not run"
