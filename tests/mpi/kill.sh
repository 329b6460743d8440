#!/usr/bin/env bash
# Kills a random rank of a training at random moments. The job ends within 5 s, and the run goes on on another number of ranks. It
# ends with the bytes of a run on one rank that nobody disturbed.
#
#   tests/mpi/kill.sh PROGRAM KILLS RANKS MPIRUN...      RANKS such as "1 2 4"; FF_KILL_SEED=N repeats the moments of a seed
set -euo pipefail
ff=$1 kills=$2
# A run can always go on on one rank.
mapfile -t counts < <(tr " " "\n" <<< "1 $3" | sort -nu)
shift 3
mpirun=("$@")
# shellcheck source=tests/mpi/lib.sh
. "$(dirname "$0")/lib.sh"

seed=${FF_KILL_SEED:-$(date +%s)}
echo "mpi: $kills kills, FF_KILL_SEED=$seed"
"$ff" train "${long[@]}" --threads 1 --out serial > /dev/null

ways=(units layers)

# A random number of ranks that is not $1, and that is $2 at least. The result is in `picked`.
pick() {
    local left=() count
    for count in "${counts[@]}"; do
        [ "$count" = "$1" ] || [ "$count" -lt "$2" ] || left+=("$count")
    done
    picked=${left[RANDOM % ${#left[@]}]}
}

# The kill of number $1.
one_kill() {
    # The moments do not depend on which lane is faster.
    RANDOM=$((seed + 1000 * $1))
    local ranks rank way epoch wait other other_way victim job dir=killed-$1 picked where
    pick 0 2 && ranks=$picked
    pick "$ranks" 1 && other=$picked
    rank=$((RANDOM % ranks)) way=${ways[RANDOM % 2]} other_way=${ways[RANDOM % 2]}
    epoch=$((RANDOM % 20)) wait=$((RANDOM % 100))
    start "$ranks" "${long[@]}" --parallel "$way" --out "$dir" &
    job=$!
    if [ $epoch = 0 ]; then
        while [ ! -e "$dir/config.toml" ]; do sleep 0.01; done
    else
        checkpoint "$dir"
    fi
    victim=$(process "$rank" "$dir") || fail "$dir: there is no rank $rank"
    [ $epoch = 0 ] || checkpoint "$dir" $epoch
    sleep "0.$(printf %03d $wait)"
    since=$(now)
    kill -KILL "$victim" || fail "$dir: rank $rank has ended before it was killed"
    ended "$job" "$dir" 5
    [ $code != 0 ] || fail "$dir: the job of a killed rank has ended with 0"
    where="rank $rank of $ranks ($way), $wait ms after epoch $epoch"
    if [ $epoch = 0 ] && ! compgen -G "$dir/checkpoints/epoch-*" > /dev/null; then
        if "$ff" train --resume "$dir" > "$said" 2>&1; then fail "$dir: goes on without a checkpoint"; fi
        grep -q "was stopped before its first checkpoint" "$said" || fail "$dir: nothing says that it has no checkpoint"
        echo "mpi: kill $1: $where: ended after $time ms with code $code, before there was a checkpoint"
        return
    fi
    goes_on "$dir" "$other" "$other_way"
    rm -r "$dir"
    [ "$other" = 1 ] || other="$other ($other_way)"
    echo "mpi: kill $1: $where: ended after $time ms with code $code, went on on $other"
}

# Most of the time a job starts or ends, and the cores have nothing to do. So some lanes run side by side.
lanes=3
lane() {
    local kill
    said=said-$1
    for ((kill = $1; kill <= kills; kill += lanes)); do one_kill $kill; done
}
jobs=()
for ((i = 1; i <= lanes; i++)); do
    lane $i &
    jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done
echo "mpi: $kills killed ranks end their jobs, and the runs go on with the same bytes"
