#!/usr/bin/env bash
# Trains networks over real ranks: the model has the bytes of a training on one rank, and a job whose rank fails ends with a
# sentence and goes on later.
#
#   tests/mpi/train.sh PROGRAM RANKS MPIRUN...      PROGRAM is ff-cli with the feature `mpi`, RANKS such as "1 2 4"
set -euo pipefail
ff=$1 counts=$2
shift 2
mpirun=("$@")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

settings=(--set 'layers=[160,160,160,160]' --set train_samples=3000 --set validation_samples=500)
short=("${settings[@]}" --set epochs=2)
long=("${settings[@]}" --set epochs=12)

fail() {
    echo "error: $1" >&2
    [ ! -e said ] || cat said >&2
    exit 1
}

# Runs a job of $1 ranks, and keeps what it says.
job() {
    local ranks=$1
    shift
    "${mpirun[@]}" -np "$ranks" "$ff" train "$@" > said 2>&1
}

# The process of rank $1.
process() {
    for process in $(pgrep -f "^$ff train"); do
        if tr '\0' '\n' < "/proc/$process/environ" 2> /dev/null | grep -qE "^(OMPI_COMM_WORLD_RANK|PMI_RANK)=$1$"; then
            echo "$process"
            return
        fi
    done
    return 1
}

# Waits until the run in $1 has a checkpoint.
checkpoint() {
    for _ in $(seq 300); do
        compgen -G "$1/checkpoints/epoch-*" > /dev/null && return
        sleep 0.1
    done
    fail "there is no checkpoint after 30 s"
}

# Ends the job in the background, which has to be over after 5 s, with a code that is not 0.
ends() {
    local begun=$SECONDS
    if wait "$1"; then fail "the job of $2 has ended with 0"; fi
    [ $((SECONDS - begun)) -le "${3:-5}" ] || fail "the job of $2 has taken $((SECONDS - begun)) s to end"
    # The launcher may end before its last rank.
    for _ in $(seq 50); do
        pgrep -f "^$ff train" > /dev/null || return 0
        sleep 0.1
    done
    [ "$2" = "a frozen rank" ] || fail "a rank of the job of $2 is still there"
}

"$ff" train "${short[@]}" --threads 1 --out alone > /dev/null
for ranks in $counts; do
    for how in units layers; do
        job "$ranks" "${short[@]}" --parallel $how --out "$how-$ranks" || fail "$how on $ranks ranks have failed"
        cmp alone/model.safetensors "$how-$ranks/model.safetensors" || fail "$how on $ranks ranks: other bytes"
    done
done
echo "mpi: units and layers on $counts ranks have the bytes of one"

"$ff" train "${long[@]}" --out six > /dev/null
for how in units layers; do
    # A rank is killed at some moment. The run goes on on one rank, and ends as if nothing had been.
    for rank in 0 1; do
        dir=killed-$how-$rank
        job 2 "${long[@]}" --parallel $how --out "$dir" &
        checkpoint "$dir"
        kill -KILL "$(process $rank)" || fail "there is no rank $rank"
        ends $! "a killed rank $rank"
        "$ff" train --resume "$dir" > said 2>&1 || fail "the run of a killed rank does not go on"
        cmp six/model.safetensors "$dir/model.safetensors" || fail "a killed rank $rank, $how: other bytes"
    done
    # Rank 0 is asked to stop. All ranks do so after the same step, and the run goes on over ranks.
    job 2 "${long[@]}" --parallel $how --out "stopped-$how" &
    checkpoint "stopped-$how"
    kill -TERM "$(process 0)"
    ends $! "a rank that was asked to stop"
    grep -q "stopped: " said || fail "a run that was asked to stop does not say so"
    job 2 --resume "stopped-$how" --parallel $how || fail "a stopped run does not go on"
    cmp six/model.safetensors "stopped-$how/model.safetensors" || fail "a stopped run, $how: other bytes"
    # A rank is frozen. The others lose their patience.
    FF_MPI_PATIENCE=2 job 2 "${long[@]}" --set epochs=4000 --parallel $how --out "frozen-$how" &
    checkpoint "frozen-$how"
    frozen=$(process 1)
    kill -STOP "$frozen"
    ends $! "a frozen rank" 10
    kill -KILL "$frozen" 2> /dev/null || true
    grep -q "has waited" said || fail "a frozen rank is not named"
done
echo "mpi: killed, stopped and frozen ranks end the job, and it goes on"

# What the ranks do not agree on is refused before anything is written.
refused() {
    local what=$1 sentence=$2
    shift 2
    if "${mpirun[@]}" "$@" > said 2>&1; then fail "$what is not refused"; fi
    grep -q "$sentence" said || fail "$what: the sentence is another"
    [ ! -e no ] || fail "$what has left something behind"
}
mkdir other
"$ff" data show --help > /dev/null
train=("$ff" train "${short[@]}" --out no)
refused "a job without a way to share" "nothing says how 2 ranks share the work" -np 2 "${train[@]}"
refused "a job of too many ranks" "only 4 layers to share out" -np 5 "${train[@]}" --parallel layers
refused "a job of too many ranks" "6 ranks need 192" -np 6 "${train[@]}" --parallel units
refused "a wrong cut" "cannot be cut into" -np 2 "${train[@]}" --parallel layers --stages 3,2
refused "a setting that does not exist" "there is no setting" -np 2 "${train[@]}" --parallel units --set epoch=3
echo "mpi: what the ranks do not agree on is refused"
