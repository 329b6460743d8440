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
# One text for the kernels without formulas, and one for each kernel with each of the engine's formulas, and with a user's.
cargo run --quiet --package ff-tests --example compile -- text "$out"

# One text, with the same options as in kernels/lib.rs.
compile() {
    "$cuda/bin/nvcc" -arch="compute_${arch#sm_}" --ptx --fmad=false --std=c++17 -Werror all-warnings "$1.cu" -o "$1.ptx" &&
        "$cuda/bin/ptxas" -arch="$arch" -v -warn-spills -Werror "$1.ptx" -o "$1.cubin" 2> "$1.said" ||
        { echo "error: $(basename "$1") does not compile:" >&2; cat "$1.said" >&2; return 1; }
}
export -f compile
export cuda arch
find "$out" -name '*.cu' -print0 | sed -z 's/\.cu$//' | xargs -0 -P "$(nproc)" -I{} bash -c 'compile "$1"' _ {}

cargo run --quiet --package ff-tests --example compile -- "$arch"
cargo test --quiet --package ff-cuda -- --ignored nvrtc > "$out/said-by-tests" || { cat "$out/said-by-tests"; exit 1; }

# The most registers that a kernel of these texts uses.
registers() { cat "$@" | sed -n 's/.*Used \([0-9]*\) registers.*/\1/p' | sort -n | tail -1; }
echo "kernels: $(cat "$out"/*.said | grep -c 'Compiling entry function') in $(ls "$out"/*.cu | wc -l) programs compiled for $arch" \
    "by nvcc and NVRTC $version, no warnings, no spills, at most $(registers "$out"/*.said) registers," \
    "$(registers "$out"/local_grad-*.said) in local_grad; not run"
