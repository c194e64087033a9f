# shellcheck shell=sh
# Ready: PONG, not behind a broken replication link, and known to the peers at the present address.
# Nothing about the cluster's state and nothing about other pods: one lost shard would take all pods
# out, and before the cluster is made no pod could become ready. $1: seconds that an answer may take.

# shellcheck source=lib.sh
. /conf/lib.sh
ROLE=_probe
load_password

not_ready() {
    echo "not ready: $*"
    exit 1
}

answer=$(printf 'PING\nINFO replication\nCLUSTER INFO\n' | ask_own "$1") || not_ready "no answer: $answer"
case $answer in
PONG*) ;;
*) not_ready "PING: $(printf '%s\n' "$answer" | sed -n 1p)" ;;
esac

case $answer in
*role:master*) ;;
*master_link_status:up*) ;;
*) not_ready "this replica's link to its master is down" ;;
esac

# A pod that knows nobody but itself is new, and may be ready: the cluster is made of such. But one that has left would
# tell clients that there is no cluster, and one with slots would take their writes: its volume is of another time.
case $answer in
*cluster_known_nodes:1[!0-9]*)
    if is_retiring; then
        not_ready "this pod has left the cluster, and its place in the spec may be deleted"
    fi
    case $answer in
    *cluster_slots_assigned:0[!0-9]*) ;;
    *) not_ready "this pod serves slots, but knows no other pod: its volume has data of an earlier time" ;;
    esac
    ;;
esac

# The mark comes with the first pass of the heal loop that had nobody to meet, about a second after
# the data is loaded, and at the latest with the twentieth. Without the loop nobody will write it.
# The server's uptime is no measure: it counts the time that loading took.
if [ ! -e "$JOINED" ] && first_line "$HEALER" && kill -0 "$line" 2>/dev/null; then
    not_ready "not all peers know yet where this server is"
fi
