#!/usr/bin/env bash
# Trains a network that one rank has no room for. Under the same limit of memory for each rank, one rank alone fails with a sentence,
# and four ranks train it.
#
#   tests/mpi/large.sh PROGRAM MPIRUN...      PROGRAM is ff-cli with the feature `mpi`
set -euo pipefail
ff=$1
shift
mpirun=("$@")
# shellcheck source=tests/mpi/lib.sh
. "$(dirname "$0")/lib.sh"

# The second layer has 49 million weights. With two moments and a gradient for each, they take 784 MB, and the largest part of
# 450 MB more to save and to measure them. Of the address space of a rank, MPI and its threads take 560 MB.
large=(--threads 1 --set 'layers=[7000,7000]' --set batch=80 --set train_samples=80 --set validation_samples=0 --set epochs=1)
limit=1200000
limited=(bash -c 'ulimit -v "$0" && exec "$@"' $limit "$ff" train "${large[@]}")

if "${limited[@]}" --out alone > "$said" 2>&1; then fail "one rank has room for the whole network"; fi
grep -q "there is no room for [0-9]* bytes" "$said" || fail "a rank without room says something else"
timeout 60 "${mpirun[@]}" -np 4 "${limited[@]}" --parallel units --out four > "$said" 2>&1 || fail "four ranks have failed"
[ -s four/model.safetensors ] || fail "four ranks leave no model"
echo "mpi: four ranks train a network that one rank has no room for"
