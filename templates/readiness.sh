# shellcheck shell=sh
# Ready: PONG, not behind a broken replication link, and known to the peers at the present address.
# Nothing about the cluster's state and nothing about other pods: one lost shard would take all pods
# out, and before the cluster is made no pod could become ready.

# shellcheck source=lib.sh
. /conf/lib.sh
load_password

not_ready() {
    echo "not ready: $*"
    exit 1
}

answer=$(printf 'PING\nINFO replication\nINFO server\n' | ask 3 127.0.0.1) || not_ready "no answer: $answer"
case $answer in
PONG*) ;;
*) not_ready "PING: $(printf '%s\n' "$answer" | sed -n 1p)" ;;
esac

case $answer in
*role:master*) ;;
*master_link_status:up*) ;;
*) not_ready "this replica's link to its master is down" ;;
esac

# The mark comes with the first pass of the heal loop that had nobody to meet, about a second after
# the start. If it does not come, the pod must not stay out for ever.
[ ! -e "$JOINED" ] || exit 0
uptime=$(printf '%s\n' "$answer" | sed -n 's/^uptime_in_seconds:\([0-9]*\).*/\1/p')
[ "0$uptime" -ge 20 ] || not_ready "the peers do not all know yet where this server is"
