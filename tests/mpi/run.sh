#!/usr/bin/env bash
# Checks trainings over real ranks: Open MPI with 1, 2 and 4, MPICH with 2. A rank then misbehaves in several ways, is killed or
# loses its link, and the job has to end soon, with a sentence and a code that is not 0.
#
# It installs both libraries with apt-get, where it may. Where it may not, it says so and checks nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=false
# Open MPI starts nothing for root without these, and looks for ssh even where all ranks are on this machine.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
command -v ssh > /dev/null || export OMPI_MCA_plm=isolated
# The backtrace of a panic that has to happen tells nothing.
export RUST_BACKTRACE=0

# What is missing, one word each. Bindgen reads mpi.h with libclang, and needs clang's own headers.
missing() {
    for program in mpicc.openmpi mpirun.openmpi mpicc.mpich mpirun.mpich pgrep cmp python3; do
        command -v $program > /dev/null || echo $program
    done
    compgen -G '/usr/lib/llvm-*/lib/libclang[.-][0-9s]*' > /dev/null || echo libclang
    compgen -G '/usr/lib/llvm-*/lib/clang/*/include/stddef.h' > /dev/null || echo libclang-common
}

install() {
    local root=() clang
    [ "$(id -u)" = 0 ] || root=(sudo -n)
    command -v apt-get && "${root[@]}" apt-get update -qq || return
    clang=$(apt-cache pkgnames libclang1- | sed -n 's/^libclang1-\(1[4-9]\|[2-9][0-9]\)$/\1/p' | sort -n | head -1)
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
        libopenmpi-dev openmpi-bin libmpich-dev mpich procps diffutils python3 "libclang1-$clang" "libclang-common-$clang-dev"
}

if [ -n "$(missing)" ]; then install > /dev/null 2>&1 || true; fi
if [ -n "$(missing)" ]; then
    echo "mpi: SKIPPED, nothing was checked: this machine has no" $(missing) "and apt-get could not install it"
    exit 0
fi

# Builds ff-cli and the ring of messages for one library, into the folder target/mpi-LIBRARY. Cargo does not see which library a
# build is for, so it has to forget the bindings first.
build() {
    cargo clean --quiet --package mpi-sys
    # With NCCL, which takes MPI along. No GPU is needed for that.
    MPICC=mpicc.$1 cargo build --quiet --package ff-cli --features nccl
    MPICC=mpicc.$1 cargo build --quiet --package ff-mpi --features mpi --example ring
    mkdir -p "target/mpi-$1"
    cp "${CARGO_TARGET_DIR:-target}"/debug/{ff-cli,examples/ring} "target/mpi-$1"
}

fail() {
    printf 'error: mpi: %s\n%s\n' "$1" "$said" >&2
    exit 1
}

# Runs `COMMAND... how`, which has to end within 5 s with a code that is not 0 and a sentence.
ends() {
    local how=$1 sentence=$2 start=${EPOCHREALTIME/./} code=0
    shift 2
    said=$(timeout 20 "$@" "$how" 2>&1) || code=$?
    local time=$(((${EPOCHREALTIME/./} - start) / 1000))
    [ $code != 0 ] || fail "$how: the code is 0"
    grep -qF "$sentence" <<< "$said" || fail "$how: nobody says '$sentence'"
    [ $time -lt 5000 ] || fail "$how: it took $time ms to end"
    echo "mpi: $how: ended after $time ms with code $code"
}

# Runs all misbehaviours that the library notices.
misbehave() {
    ends panic "rank 1 panics as it was told" "$@"
    ends error "rank 1 fails as it was told" "$@"
    ends wrong-length "rank 1 sent 5 bytes, but rank 0 expects 4" "$@"
    FF_MPI_PATIENCE=2 ends freeze "rank 0 has waited 2 s for rank 1: its process" "$@"
    FF_MPI_PATIENCE=2 ends deaf "rank 0 has waited 2 s for another rank to receive its messages" "$@"
}

build openmpi
ring=target/mpi-openmpi/ring
ranks() { mpirun.openmpi --oversubscribe --bind-to none -np "$@"; }
for n in 1 2 4; do
    said=$(ranks $n timeout 60 $ring 2>&1) || fail "$n ranks fail"
    echo "Open MPI, $n: $said"
done
misbehave mpirun.openmpi --oversubscribe --bind-to none -np 2 $ring
# Under MPICH this ends too, but with code 0. Nothing can be done about it from within.
ends exit "has exited due to process rank 1" mpirun.openmpi --oversubscribe --bind-to none -np 2 $ring
# Each process would be alone in a world of its own.
ends wrong-mpirun "use the mpirun of Open MPI" mpirun.mpich -np 2 $ring

# The checks below mostly wait, and the next build takes its time.
build mpich &
builds=$!
trap 'kill $builds 2> /dev/null || true' EXIT
ff=$PWD/target/mpi-openmpi/ff-cli mpirun=(mpirun.openmpi --oversubscribe --bind-to none)
tests/mpi/train.sh "$ff" "1 2 4" "${mpirun[@]}"
tests/mpi/kill.sh "$ff" 20 "1 2 4" "${mpirun[@]}"
tests/mpi/fail.sh "$ff" mpirun.mpich "Open MPI" "${mpirun[@]}"
tests/mpi/hosts.sh "$ff"
tests/mpi/large.sh "$ff" "${mpirun[@]}"

wait $builds
ring=target/mpi-mpich/ring
said=$(timeout 60 mpirun.mpich -np 2 $ring 2>&1) || fail "2 ranks of MPICH fail"
echo "MPICH, 2: $said"
misbehave mpirun.mpich -np 2 $ring
ends wrong-mpirun "use the mpirun of MPICH" mpirun.openmpi --oversubscribe --bind-to none -np 2 $ring
ff=$PWD/target/mpi-mpich/ff-cli
tests/mpi/train.sh "$ff" 2 mpirun.mpich
tests/mpi/kill.sh "$ff" 4 2 mpirun.mpich
tests/mpi/fail.sh "$ff" mpirun.openmpi MPICH mpirun.mpich
echo "mpi: all checks passed"
