#!/usr/bin/env bash
# On a machine with two GPUs, NCCL and MPI: two processes train on a GPU each. The model has the same bytes, whether signals go
# by NCCL or through the host's memory. Afterwards it says whether one GPU has these bytes too.
set -euo pipefail
cd "$(dirname "$0")/../.."

for program in mpicc mpirun; do
    command -v $program > /dev/null || { echo "ranks of MPI: there is no $program, not run"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for feature in mpi nccl; do
    cargo build --quiet --package ff-cli --features $feature
    cp "${CARGO_TARGET_DIR:-target}/debug/ff-cli" "$work/$feature"
done
settings=(--device cuda --set 'layers=[512,480,500,512]' --set train_samples=6000 --set epochs=2)

fail() {
    printf 'error: ranks of MPI: %s\n' "$1" >&2
    cat "$work/said" >&2
    exit 1
}

"$work/mpi" train "${settings[@]}" --out "$work/alone" > "$work/said" 2>&1 || fail "one rank fails"
for how in units layers; do
    stages=()
    [ $how = units ] || stages=(--stages 2,2)
    for feature in mpi nccl; do
        FF_MPI_PATIENCE=60 mpirun -np 2 --bind-to none "$work/$feature" train "${settings[@]}" --parallel $how \
            "${stages[@]}" --out "$work/$how-$feature" > "$work/said" 2>&1 || fail "$how fail with the feature $feature"
        through_host=$(grep -c "signals go through the host's memory" "$work/said" || true)
        [ "$through_host" = "$([ $feature = mpi ] && echo 1 || echo 0)" ] || fail "$how with $feature: the way is another"
    done
    cmp "$work/$how-mpi/model.safetensors" "$work/$how-nccl/model.safetensors" || fail "$how: NCCL has other bytes"
    and="but not those of one GPU"
    cmp -s "$work/alone/model.safetensors" "$work/$how-nccl/model.safetensors" && and="and those of one GPU"
    echo "ranks of MPI: $how by NCCL have the bytes of $how over the host, $and"
done
