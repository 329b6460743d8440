#!/usr/bin/env bash
# Lets a rank of a training fail in several ways. The job has to end soon, with a code that is not 0 and a sentence that says which
# rank it is, how far it has come, and how to go on.
#
#   tests/mpi/fail.sh PROGRAM OTHER LIBRARY MPIRUN...      PROGRAM is ff-cli for MPIRUN's LIBRARY, OTHER the mpirun of another one
set -euo pipefail
ff=$1 other=$2 library=$3
shift 3
mpirun=("$@")
# shellcheck source=tests/mpi/lib.sh
. "$(dirname "$0")/lib.sh"

"$ff" train "${long[@]}" --out serial > /dev/null

# A rank is frozen. Another one loses its patience.
for how in units layers; do
    dir=frozen-$how
    FF_MPI_PATIENCE=2 start 2 "${endless[@]}" --parallel $how --out "$dir" &
    job=$!
    checkpoint "$dir" 2
    frozen=$(process 1 "$dir")
    since=$(now)
    kill -STOP "$frozen"
    ended $job "$dir" 7
    [ $code != 0 ] || fail "the job of a frozen rank has ended with 0"
    grep -qE "^error: rank 0, (epoch [0-9]+, step|after epoch) [0-9]+: .*rank 0 has waited 2 s for " "$said" ||
        fail "a frozen rank is not named"
    grep -qF "\`ff-cli train --resume $dir\`" "$said" || fail "nothing says how to go on"
    echo "mpi: a frozen rank ($how): ended after $time ms with code $code: $(grep -o "rank 0, .*" "$said" | head -1)"
done

# Each process would be alone in a world of its own.
since=$(now)
if timeout 60 "$other" -np 2 "$ff" train "${long[@]}" --parallel units --out no > "$said" 2>&1; then fail "the wrong launcher is not noticed"; fi
time=$(($(now) - since))
grep -q "use the mpirun of $library" "$said" || fail "the wrong launcher is not named"
[ ! -e no ] || fail "the wrong launcher has left something behind"
[ $time -lt 5000 ] || fail "the wrong launcher: it took $time ms"
echo "mpi: the wrong launcher: ended after $time ms: $(grep -m 1 -o "the launcher has started.*" "$said")"

# The disk of rank 0 is full after the second checkpoint or so.
mkdir disk
size=$((5 * $(stat -c %s serial/model.safetensors) * 3 / 2 / 1024))
if ! mount -t tmpfs -o "size=${size}k" none disk 2> /dev/null; then
    # A limit for the size of a file is no way out: it is one for MPI's own files, too, and Open MPI hangs.
    echo "mpi: SKIPPED: a full disk on rank 0: this machine does not let a tmpfs be mounted"
    exit
fi
trap 'umount "$work/disk"; rm -rf "$work"' EXIT
if job 2 "${long[@]}" --parallel units --out disk/run; then fail "a full disk is not noticed"; fi
end=$(grep -oE "rank 0, after epoch [0-9]+: .*No space left on device" "$said") || fail "a full disk: the sentence is another"
grep -qF "\`ff-cli train --resume disk/run\`" "$said" || fail "a full disk: nothing says how to go on"
[ -z "$(find disk -name '.tmp*')" ] || fail "a full disk has a temporary file on it"
mount -o remount,size=50m disk
goes_on disk/run 2 layers
echo "mpi: a full disk on rank 0 (a tmpfs of $size kB): $end; the run goes on with more room"
