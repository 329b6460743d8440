# shellcheck shell=bash
# What the checks of trainings over ranks have in common. It is sourced, and expects `ff`, the program, and `mpirun`, the launcher
# with its options. It leaves the shell in a new folder, with a small data set in `a` and another one in `b`.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir a b
python3 "$here/digits.py" a 1
python3 "$here/digits.py" b 2
export FF_DATA_DIR=$work/a

settings=(--set 'layers=[160,160,160,160]' --set validation_samples=500)
long=("${settings[@]}" --set epochs=24)
endless=("${settings[@]}" --set epochs=10000)

# What the job says goes to this file.
said=said

fail() {
    echo "error: $1" >&2
    [ ! -e "$said" ] || cat "$said" >&2
    exit 1
}

# Runs a job of $1 ranks.
job() {
    local ranks=$1
    shift
    timeout 60 "${mpirun[@]}" -np "$ranks" "$ff" train "$@" > "$said" 2>&1
}
# The same for a job in the background, whose process is that of the launcher.
start() {
    local ranks=$1
    shift
    exec "${mpirun[@]}" -np "$ranks" "$ff" train "$@" > "$said" 2>&1
}

# The process of rank $1 that trains the run in $2.
process() {
    local process
    for process in $(pgrep -f "^$ff train .*$2( |$)"); do
        if tr '\0' '\n' < "/proc/$process/environ" 2> /dev/null | grep -qE "^(OMPI_COMM_WORLD_RANK|PMI_RANK)=$1$"; then
            echo "$process"
            return
        fi
    done
    return 1
}

# Waits until the run in $1 has a checkpoint of epoch $2 or a later one.
checkpoint() {
    local newest
    for _ in $(seq 1500); do
        newest=$(find "$1/checkpoints" -name 'epoch-????.safetensors' 2> /dev/null | sort | tail -1) || true
        newest=${newest##*/epoch-}
        newest=${newest%.safetensors}
        [ -z "$newest" ] || [ "$((10#$newest))" -lt "${2:-1}" ] || return 0
        sleep 0.02
    done
    fail "$1 has no checkpoint of epoch ${2:-1} after 30 s"
}

# The job $1 in the background trains the run in $2. It has to be over $3 s after the moment `since`, with all of its ranks.
# `code` and `time` are its code and its time in ms.
since=0 code=0 time=0
ended() {
    while kill -0 "$1" 2> /dev/null || pgrep -f "^$ff train .*$2( |$)" > /dev/null; do
        if [ "$(now)" -gt $((since + 1000 * $3)) ]; then
            kill -KILL "$1" 2> /dev/null || true
            fail "$2: the job has not ended after $3 s"
        fi
        sleep 0.02
    done
    time=$(($(now) - since)) code=0
    wait "$1" || code=$?
}

now() {
    echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# Goes on with the run in $1 on $2 ranks, shared out as $3 says. Its model has to have the bytes of the run in `reference`, and
# no temporary file and no checkpoint may be left.
reference=serial
goes_on() {
    if [ "$2" = 1 ]; then
        "$ff" train --resume "$1" > "$said" 2>&1 || fail "$1 does not go on on one rank"
    else
        job "$2" --resume "$1" --parallel "$3" || fail "$1 does not go on on $2 ranks"
    fi
    cmp "$reference/model.safetensors" "$1/model.safetensors" || fail "$1: other bytes"
    [ -z "$(find "$1" -name '.tmp*' -o -name 'epoch-*')" ] || fail "$1: something is left behind"
}
