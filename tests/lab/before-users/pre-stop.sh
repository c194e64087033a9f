# shellcheck shell=sh
# Before the server is stopped: if it is a master with slots, hands its shard to the best replica.
# A server that is only terminated tells nobody; the shard is then without a master until the node
# timeout and an election are over. Always ends well: nothing here may hold up a deletion.

# shellcheck source=lib.sh
. /conf/lib.sh
PART=pre-stop
# What a hook prints is lost. The container's log is the stderr of PID 1, unless the pod shares its
# process ids: then PID 1 is the pause container.
if first_line /proc/1/comm && [ "$line" != pause ] && [ -w /proc/1/fd/2 ]; then
    LOG=/proc/1/fd/2
fi
load_password
[ -n "$HANDOVER_SECONDS" ] || HANDOVER_SECONDS=20

# Seconds since this script began.
clock() {
    echo $(($(date +%s) - begun))
}
begun=$(date +%s)

# Sets role, slots (number of ranges), replicas (that the cluster knows and that are well), and best:
# the address of the online replica with the highest offset.
look() {
    role='' slots=0 replicas=0 best=''
    seen=$(printf 'CLUSTER NODES\nINFO replication\n' | ask_own 2 | awk '
        { sub(/\r$/, "") }
        /^role:/ { print "role", substr($0, 6) }
        $3 ~ /myself/ && NF >= 8 { print "slots", NF - 8; me = $1 }
        NF >= 8 && $3 ~ /slave/ && $3 !~ /fail/ { replica_of[$4]++ }
        /^slave[0-9]+:/ && /state=online/ {
            ip = $0
            sub(/.*[:,]ip=/, "", ip)
            sub(/,.*/, "", ip)
            offset = $0
            sub(/.*,offset=/, "", offset)
            sub(/,.*/, "", offset)
            if (best == "" || offset + 0 > highest) { best = ip; highest = offset + 0 }
        }
        END {
            print "replicas", replica_of[me] + 0
            print "best", best
        }')
    while read -r key value; do
        case $key in
        role) role=$value ;;
        slots) slots=$value ;;
        replicas) replicas=$value ;;
        best) best=$value ;;
        esac
    done <<SEEN
$seen
SEEN
}

# True if there is nothing left to hand over.
is_over() {
    case $role in
    slave) return 0 ;;
    master) [ "$slots" -eq 0 ] ;;
    *)
        say "the server does not answer: nothing can be handed over"
        return 0
        ;;
    esac
}

# Seconds until it is this shard's turn. Two replicas that stand for election at the same moment split the
# votes, and neither may stand again for four node timeouts. Where each shard has a StatefulSet, pods of all
# shards are stopped together.
turn() {
    awk -v pod="$POD_NAME" '
        NF >= 2 && $1 !~ /^#/ {
            split($1, part, ".")
            if (part[1] == pod) mine = $2
            if (!($2 in seen)) shards++
            seen[$2] = 1
        }
        END { printf "%.1f\n", mine * (shards > 8 ? 8 / shards : 1) }' "$CONF/topology"
}

# Waits, for some seconds, until this server is a replica.
wait_for_role() {
    polls=0
    while [ "$polls" -lt 25 ]; do
        case $(ask_own 2 ROLE) in
        slave*) return 0 ;;
        esac
        polls=$((polls + 1))
        sleep 0.2
    done
    return 1
}

look
if is_over; then
    exit 0
fi
if [ -n "$best" ]; then
    sleep "$(turn)"
    look
    if is_over; then
        exit 0
    fi
fi
timeout=$(setting cluster-node-timeout)
[ -n "$timeout" ] || timeout=15000
while [ "$(clock)" -lt "$HANDOVER_SECONDS" ]; do
    if [ -n "$best" ]; then
        say "handing the shard to the replica at $best"
        answer=$(ask 2 "$best" CLUSTER FAILOVER)
        if [ "$answer" = OK ] && wait_for_role; then
            say "the replica at $best is the master now, after $(clock) s"
            # Clients are sent there by this server. One that finds it gone instead may wait for its timeouts.
            sleep 1
            exit 0
        fi
        say "not handed over yet: $answer"
        # Until it may stand again, another request would only keep clients waiting for five seconds.
        [ "$answer" != OK ] || sleep $((4 * timeout / 1000 - 4))
    elif [ "$replicas" -eq 0 ]; then
        say "no replica that is well: the shard goes down with this pod"
        exit 0
    fi
    sleep 0.5
    look
    if is_over; then
        exit 0
    fi
done
say "not handed over within $HANDOVER_SECONDS s: stopping all the same"
exit 0
