#!/usr/bin/env bash
# Trains a network over two machines: two network namespaces of this one, with a link of 1 Gbit/s between them. The model has the
# bytes of a run on one rank. Then the link is cut in the middle of a training, and the job ends with a sentence.
#
#   tests/mpi/hosts.sh PROGRAM                      PROGRAM is ff-cli for Open MPI
#   tests/mpi/hosts.sh PROGRAM --parallel units...  runs `ff-cli train --parallel units...` over both machines, to measure it
#
# FF_LINK=100mbit is another speed. It needs root, Linux, ip, tc and unshare.
set -euo pipefail
ff=$(realpath "$1")
shift

skip() {
    echo "mpi: SKIPPED: two machines with a link between them: $1"
    exit
}
for program in ip tc unshare mpirun.openmpi; do
    command -v $program > /dev/null || skip "there is no $program"
done
[ "$(id -u)" = 0 ] || skip "this is not root"

# Namespaces, machines and links have these names.
one=ffa$$ two=ffb$$ net=10.213.77
ip netns add $one 2> /dev/null || skip "no network namespace can be made here"
agent=$(mktemp)
down() {
    for name in $one $two; do
        ip netns pids $name 2> /dev/null | xargs -r kill -KILL || true
        ip netns del $name 2> /dev/null || true
    done
    rm -rf "$agent" "${work:-}"
}
trap down EXIT
ip netns add $two
ip link add $one netns $one type veth peer name $two netns $two
up() {
    local name=$1 address=$2
    ip -n "$name" addr add "$address/24" dev "$name"
    ip -n "$name" link set lo up
    ip -n "$name" link set "$name" up
    ip netns exec "$name" tc qdisc add dev "$name" root tbf rate "${FF_LINK:-1gbit}" burst 256kb latency 50ms
}
up $one $net.1
up $two $net.2

# Whether the first machine reaches the second one, or the other way round: nothing listens there, so a connection is refused.
reaches() {
    local said
    said=$(ip netns exec "$1" timeout 1 bash -c ": < /dev/tcp/$2/9" 2>&1) || true
    [[ $said == *refused* ]]
}
linked() {
    for _ in $(seq 100); do
        if reaches $one $net.2 && reaches $two $net.1; then return; fi
        sleep 0.1
    done
    echo "error: mpi: the two machines do not reach each other after 10 s" >&2
    exit 1
}
linked

# Open MPI starts its daemon on the other machine with this, in place of ssh: `agent HOST COMMAND...`.
cat > "$agent" << 'END'
#!/bin/sh
host=$1
shift
exec ip netns exec "$host" unshare --uts sh -c "hostname $host; $*"
END
chmod +x "$agent"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun=(ip netns exec $one unshare --uts sh -c "hostname $one; exec \"\$@\"" sh
    mpirun.openmpi --mca plm rsh --mca plm_rsh_agent "$agent" --mca oob_tcp_if_include $net.0/24
    --mca btl_tcp_if_include $net.0/24 --mca btl "tcp,self" --bind-to none --host "$one:1,$two:1")

if [ $# -gt 0 ]; then
    "${mpirun[@]}" -np 2 -x FF_DATA_DIR "$ff" train "$@"
    exit
fi

# shellcheck source=tests/mpi/lib.sh
. "$(dirname "$0")/lib.sh"
trap down EXIT
mpirun+=(-x FF_DATA_DIR -x FF_MPI_PATIENCE)
export FF_MPI_PATIENCE=60

"$ff" train "${long[@]}" --out serial > /dev/null
for how in units layers; do
    job 2 "${long[@]}" --parallel $how --threads 1 --out $how || fail "$how over two machines have failed"
    cmp serial/model.safetensors $how/model.safetensors || fail "$how over two machines: other bytes"
    echo "mpi: $how over two machines have the bytes of one; $(grep "^trained in" "$said")"
done

# The ranks lose their patience. Open MPI's mpirun would wait for the daemon on the other machine for a quarter of an hour, because
# its own way there is cut too. With these options it notices that before it sends something into the cut link.
export FF_MPI_PATIENCE=2
mpirun+=(--mca oob_tcp_keepalive_time 1 --mca oob_tcp_keepalive_intvl 1 --mca oob_tcp_keepalive_probes 1)
for how in units layers; do
    dir=cut-$how
    start 2 "${long[@]}" --parallel $how --threads 1 --out $dir &
    job=$!
    checkpoint $dir 2
    since=$(now)
    ip -n $one link set $one down
    ended $job $dir 8
    [ $code != 0 ] || fail "$how: the job of a cut link has ended with 0"
    sentence=$(grep -oE -m 1 "rank 0, (epoch [0-9]+, step|after epoch) [0-9]+: .*rank 0 has waited 2 s for .* the link is gone" "$said") ||
        fail "$how: nobody says that the link may be gone"
    grep -qF "\`ff-cli train --resume $dir\`" "$said" || fail "$how: nothing says how to go on"
    echo "mpi: a cut link ($how): ended after $time ms with code $code: $sentence"
    goes_on $dir 1 alone
    ip -n $one link set $one up
    linked
done
