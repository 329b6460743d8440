#!/usr/bin/env bash
# Trains networks over real ranks: the model has the bytes of a training on one rank. A job that is asked to stop does so after the
# same step on all ranks, and goes on later. What the ranks do not agree on is refused.
#
#   tests/mpi/train.sh PROGRAM RANKS MPIRUN...      PROGRAM is ff-cli with the feature `mpi`, RANKS such as "1 2 4"
set -euo pipefail
ff=$1 counts=$2
shift 2
mpirun=("$@")
# shellcheck source=tests/mpi/lib.sh
. "$(dirname "$0")/lib.sh"

"$ff" train "${long[@]}" --threads 1 --out serial > /dev/null
for ranks in $counts; do
    for how in units layers; do
        job "$ranks" "${long[@]}" --parallel $how --out "$how-$ranks" || fail "$how on $ranks ranks have failed"
        cmp serial/model.safetensors "$how-$ranks/model.safetensors" || fail "$how on $ranks ranks: other bytes"
    done
done
echo "mpi: units and layers on $counts ranks have the bytes of one"

# Asks a job of 2 ranks to stop: `stops HOW SIGNAL WHOM`. A launcher and a batch system ask all ranks, perhaps both of them.
# Open MPI's mpirun takes a second or two to hand a signal on, so these runs are longer.
reference=serial-long
"$ff" train "${settings[@]}" --set epochs=80 --out $reference > /dev/null
stops() {
    local dir=stopped-$1-$2-$3 job whom stopped
    start 2 "${settings[@]}" --set epochs=80 --parallel "$1" --out "$dir" &
    job=$!
    checkpoint "$dir" 3
    case $3 in
        mpirun) whom=("$job") ;;
        *) whom=("$(process 0 "$dir")" "$(process 1 "$dir")") ;;
    esac
    since=$(now)
    for _ in $(seq "$([ "$3" = twice ] && echo 2 || echo 1)"); do kill "-$2" "${whom[@]}"; done
    ended $job "$dir" 5
    # MPICH's mpirun ends with 0 if it is asked to stop.
    [ "$3" = mpirun ] || [ $code != 0 ] || fail "$dir: the code is 0"
    grep -q "^stopped: .*all of it is saved" "$said" || fail "$dir: nothing says that the run is saved"
    grep -qF "\`ff-cli train --resume $dir\`" "$said" || fail "$dir: nothing says how to go on"
    stopped=$(grep "^stopped: " "$said")
    goes_on "$dir" "$4" "$5"
    echo "mpi: $1, $2 to $3: $stopped; ended after $time ms with code $code"
}
stops units TERM all-ranks 2 layers
stops layers INT twice 2 units
stops units INT mpirun 1 alone
stops layers TERM mpirun 2 layers

# What the ranks do not agree on is refused before anything is written.
refused() {
    local what=$1 sentence=$2
    shift 2
    if timeout 60 "${mpirun[@]}" "$@" > "$said" 2>&1; then fail "$what is not refused"; fi
    grep -q "$sentence" "$said" || fail "$what: the sentence is another"
    [ ! -e no ] || fail "$what has left something behind"
}
train=("$ff" train "${settings[@]}" --set epochs=2 --out no)
refused "a job without a way to share" "nothing says how 2 ranks share the work" -np 2 "${train[@]}"
refused "a job of too many ranks" "only 4 layers to share out" -np 5 "${train[@]}" --parallel layers
refused "a job of too many ranks" "6 ranks need 192" -np 6 "${train[@]}" --parallel units
refused "a wrong cut" "cannot be cut into" -np 2 "${train[@]}" --parallel layers --stages 3,2
refused "a setting that does not exist" "there is no setting" -np 2 "${train[@]}" --parallel units --set epoch=3
train+=(--parallel units)
# Another folder with the same files is the same data set.
cp -r a c
refused "another data set" "rank 1: b (.*/b) is not the data set of rank 0" \
    -np 1 "${train[@]}" : -np 1 env FF_DATA_DIR="$work/b" "${train[@]}"
"${mpirun[@]}" -np 1 "${train[@]}" : -np 1 env FF_DATA_DIR="$work/c" "${train[@]}" > "$said" 2>&1 ||
    fail "a copy of the data set is refused"
rm -r no

# A binary that names another commit is as good as another build.
commit=$(sed -n 's/^ *"commit": "\([0-9a-f]*\).*/\1/p' serial/summary.json)
if [ -z "$commit" ]; then
    echo "mpi: SKIPPED: another build on rank 1: this build does not know its commit"
else
    LC_ALL=C sed "s/$commit/0123456789/g" "$ff" > other
    chmod +x other
    refused "another build" "rank 1: this is ff-cli .* of commit 0123456789.*, but rank 0 is ff-cli .* of commit $commit" \
        -np 1 "${train[@]}" : -np 1 ./other "${train[@]:1}"
fi
echo "mpi: what the ranks do not agree on is refused"
