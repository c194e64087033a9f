# shellcheck shell=sh
# Makes one cluster of the pods in the topology, or finishes making it, or finds nothing to do.
#
# Each round asks every pod, lets converge.awk decide, does what it says, and starts again from the
# top. Every step may be repeated, so this script can be killed at any moment and run again, and two
# of it may run at once. It never flushes, resets, forgets, takes over or covers lost slots.
#
# Exit codes:
#   0  every pod agrees that the cluster is complete, all replicas are linked
#   2  the settings of this script are wrong
#   3  a pod knows a node that is none of ours
#   4  slots or keys without each other: data may be lost
#   5  two names lead to the same server
#   6  not finished before the deadline; the last message says what was missing
#   7  two pods that do not know each other have keys for the same slots
#   8  joined, but slots are not where they belong; moving them is not this script's part

# shellcheck source=lib.sh
. /conf/lib.sh
PART=bootstrap
# Names in DNS may be old for some seconds, and two pods may claim one slot while a failover is under
# way. What must not be, must stay for this long before this script gives up on it.
REFUSE_AFTER=10
# How long --cluster create may take to give out the slots.
CREATE_SECONDS=20
WORK=$RUN/bootstrap

give_up() {
    code=$1
    shift
    say "stopped with code $code: $*"
    exit "$code"
}

clock() {
    date +%s
}

# Says a thing once, until something else is to be said.
say_once() {
    [ "$*" != "$said" ] || return
    said=$*
    say "$*"
}

# One pod's answers, in the form that converge.awk reads.
view() {
    address=$(resolve "$1")
    printf 'view %s %s\n' "$1" "$address"
    [ -n "$address" ] || return
    printf '%s\n' 'CLUSTER MYID' 'CLUSTER INFO' 'CLUSTER NODES' 'INFO replication' 'INFO keyspace' |
        ask 5 "$address"
}

# Several pods at once, so that the views belong together and a silent pod costs no more than its time.
# Not all of many: each takes some memory.
views() {
    printf 'option %s\n' "shards $SHARDS" "replicas $REPLICAS_PER_SHARD" "busport $BUS_PORT" "created $created"
    topology | {
        count=0
        while read -r host shard; do
            printf 'pod %s %s\n' "$host" "$shard"
            count=$((count + 1))
            view "$host" >"$WORK/$count" &
            [ $((count % 12)) -ne 0 ] || wait
        done
        wait
        number=0
        while [ "$number" -lt "$count" ]; do
            number=$((number + 1))
            cat "$WORK/$number"
            echo
        done
    }
}

# Makes a cluster of masters only; replicas are placed afterwards, which create would do by rotation.
# When create has given out the slots and sent its MEETs, it only waits until the masters agree, for ever
# if one cannot be reached. The rounds do that better, so it is ended then.
create_cluster() {
    created=1
    servers=
    for address in "$@"; do
        servers="$servers $address:$CLIENT_PORT"
    done
    say "all pods are new and empty: creating a cluster of the masters$servers"
    # shellcheck disable=SC2086 # lists
    "$ENGINE-cli" $CLI_OPTIONS --cluster create $servers --cluster-replicas 0 --cluster-yes \
        >"$WORK/create" 2>&1 &
    creator=$!
    polls=0
    while kill -0 "$creator" 2>/dev/null; do
        if [ "$polls" -ge $((CREATE_SECONDS * 5)) ] || grep -q 'Waiting for the cluster to join' "$WORK/create"; then
            kill -9 "$creator" 2>/dev/null
        fi
        polls=$((polls + 1))
        sleep 0.2
    done
    if wait "$creator" 2>/dev/null || grep -q 'Waiting for the cluster to join' "$WORK/create"; then
        return
    fi
    say "create did not finish, going on step by step. Its last words: $(tail -n 2 "$WORK/create" | tr '\n' ' ')"
}

# step WHAT ADDRESS COMMAND...: does one thing on one pod. An error is no end: the next round looks
# at what is, and decides again.
step() {
    what=$1
    address=$2
    shift 2
    answer=$(ask 5 "$address" "$@")
    [ "$answer" = OK ] && answer=ok
    # A pod whose bus cannot be reached is met again in each round.
    case $steps_said in
    *"
$what: $answer
"*) return ;;
    esac
    steps_said="$steps_said$what: $answer
"
    say "$what: $answer"
}

# Does one line of what converge.awk prints.
carry_out() {
    verb=$1
    shift
    case $verb in
    create) create_cluster "$@" ;;
    meet) step "$1 meets $3 at $4" "$2" CLUSTER MEET "$4" "$CLIENT_PORT" "$BUS_PORT" ;;
    # MEET between nodes that know each other carries the news of the first one, and changes nothing else.
    tell) ask 5 "$2" CLUSTER MEET "$3" "$CLIENT_PORT" "$BUS_PORT" >/dev/null ;;
    slots)
        host=$1
        address=$2
        shift 2
        step "$host gets slots $*" "$address" CLUSTER ADDSLOTSRANGE "$@"
        ;;
    replicate) step "$1 becomes replica of $4" "$2" CLUSTER REPLICATE "$3" ;;
    esac
}

# One round: sets outcome to wait, refuse, done or step, and text to what goes with it.
round() {
    outcome=step
    plan=$(views | awk -f "$CONF/converge.awk")
    [ -n "$plan" ] || plan='wait no decision: converge.awk failed'
    while read -r verb rest; do
        case $verb in
        note) say_once "note: $rest" ;;
        row) rows="$rows
$rest" ;;
        wait | refuse | done)
            outcome=$verb
            text=$rest
            ;;
        *)
            # shellcheck disable=SC2086 # words
            carry_out "$verb" $rest </dev/null
            ;;
        esac
    done <<PLAN
$plan
PLAN
}

print_rows() {
    printf '%s\n' "$rows" | while read -r shard rest; do
        [ -z "$shard" ] || say "shard $shard: $rest"
    done
}

trap 'exit 143' TERM INT
[ -n "$POD_NAME" ] || POD_NAME=$(hostname 2>/dev/null || echo job)
for value in "$SHARDS" "$REPLICAS_PER_SHARD" "$CLIENT_PORT" "$BUS_PORT"; do
    case $value in
    '' | *[!0-9]*) give_up 2 "SHARDS, REPLICAS_PER_SHARD, CLIENT_PORT and BUS_PORT must be whole numbers" ;;
    esac
done
[ -n "$TIMEOUT_SECONDS" ] || TIMEOUT_SECONDS=600
mkdir -p "$WORK" || give_up 2 "$WORK cannot be made"

begun=$(clock)
deadline=$((begun + TIMEOUT_SECONDS))
created=0 said='' refused='' refused_since=0
steps_said='
'
say "making $SHARDS shards with $REPLICAS_PER_SHARD replicas each, at most $TIMEOUT_SECONDS s"
while :; do
    load_password
    rows=
    round
    now=$(clock)
    case $outcome in
    done)
        print_rows
        say "complete after $((now - begun)) s"
        exit 0
        ;;
    refuse)
        # shellcheck disable=SC2086 # words: the code, then the message
        set -- $text
        if [ "$1" = 8 ]; then
            print_rows
            give_up "$@"
        fi
        if [ "$refused" != "$1" ]; then
            refused=$1
            refused_since=$now
            say_once "looks wrong (code $1), watching for $REFUSE_AFTER s: $text"
        fi
        [ $((now - refused_since)) -lt "$REFUSE_AFTER" ] || give_up "$@"
        ;;
    *) refused='' ;;
    esac
    if [ "$outcome" = wait ]; then
        say_once "waiting: $text"
    fi
    [ "$now" -lt "$deadline" ] || give_up 6 "deadline of $TIMEOUT_SECONDS s: $outcome $text"
    sleep 0.5
done
