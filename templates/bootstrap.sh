# shellcheck shell=sh
# Makes one cluster of the pods in the topology, or finishes making it, or finds nothing to do. New pods join and get
# their part of the slots; pods that retire are emptied and leave.
#
# Each round asks every pod, lets converge.awk decide, does what it says, and starts again from the
# top. Every step may be repeated, so this script can be killed at any moment and run again, and two
# of it may run at once. It never flushes, takes over or covers lost slots. Only pods that retire, and serve
# nothing any more, are forgotten and reset: masters without keys, and replicas after all others have forgotten them.
#
# Commands that it uses, for those who grant them one by one: AUTH, PING, INFO, CLIENT SETNAME and LIST, COMMAND INFO,
# MIGRATE (on the target: RESTORE-ASKING, SELECT), and of CLUSTER: MYID, INFO, NODES, MEET, ADDSLOTSRANGE, REPLICATE, SETSLOT,
# GETKEYSINSLOT, COUNTKEYSINSLOT, MIGRATESLOTS, GETSLOTMIGRATIONS, MIGRATION, FAILOVER, FORGET, RESET; BGREWRITEAOF, BGSAVE; and
# those of redis-cli --cluster create: ADDSLOTS and SET-CONFIG-EPOCH.
#
# Exit codes:
#   0  every pod agrees that the cluster is complete, all replicas are linked, no pod that retires is in it
#   2  the settings of this script are wrong
#   3  a pod knows a node that is none of ours
#   4  slots or keys without each other: data may be lost
#   5  two names lead to the same server
#   6  no progress before the deadline; the last message says what was missing
#   7  two pods that do not know each other have keys for the same slots
#   8  joined, but all pods of a shard are replicas elsewhere, which this script does not undo

# shellcheck source=lib.sh
. /conf/lib.sh
# shellcheck source=move.sh
. /conf/move.sh
PART=bootstrap
ROLE=_bootstrap
# Names in DNS may be old for some seconds, and two pods may claim one slot while a failover is under
# way. What must not be, must stay for this long before this script gives up on it.
REFUSE_AFTER=10
# How long --cluster create may take to give out the slots.
CREATE_SECONDS=20
# How long a Job has its turn before it moves anything: whoever had it before has ended its last step then.
TURN_SECONDS=6
# How long clients have to learn that a pod serves nothing any more, before it leaves.
LEARN_SECONDS=10
# After a handover that did not come about, until replicas may stand for election again.
HANDOVER_SECONDS=16
WORK=$RUN/bootstrap
# What connections of Jobs that take turns are called.
TURN_NAME=redis-cluster-gen

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
    printf 'option %s\n' "shards $SHARDS" "replicas $REPLICAS_PER_SHARD" "retiring $RETIRING_PODS" "busport $BUS_PORT" "created $created"
    topology | {
        count=0
        while read -r host shard words; do
            printf 'pod %s %s %s\n' "$host" "$shard" "$words"
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
        port_at "$address"
        servers="$servers $address:$port"
    done
    say "all pods are new and empty: creating a cluster of the masters$servers"
    # shellcheck disable=SC2086 # lists
    cli $CLI_OPTIONS --cluster create $servers --cluster-replicas 0 --cluster-yes \
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
# at what is, and decides again. Sets progressed to yes when it is done for the first time.
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
    [ "$answer" != ok ] || progressed=yes
    say "$what: $answer"
}

# Only one Job at a time moves slots, and takes pods out of the cluster. Each that wants to holds a connection to the
# first pod of the topology, under its own name, and it is the turn of the one whose connection is the oldest. The
# connection ends with the Job, whatever ends it. Sets turn to yes or no.
take_turn() {
    turn=no
    first=$(topology | sed -n '1s/ .*//p')
    keeper=$(resolve "$first") || return
    oldest=$(ask 5 "$keeper" CLIENT LIST | awk -v own="$TURN_NAME:$POD_NAME" -v all="$TURN_NAME" '
        {
            id = name = ""
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^id=/) id = substr($i, 4) + 0
                if (index($i, "name=" all ":") == 1) name = substr($i, 6)
            }
            if (name == "") next
            if (name == own) here = 1
            if (oldest == "" || id < oldest) {
                oldest = id
                who = name
            }
        }
        END { print (here ? who : "absent") }')
    case $oldest in
    absent)
        hold_place "$keeper"
        turn_since=0
        text='to take its turn'
        return
        ;;
    "$TURN_NAME:$POD_NAME") ;;
    *)
        turn_since=0
        text="it is the turn of another Job: $oldest"
        return
        ;;
    esac
    [ "$turn_since" -gt 0 ] || turn_since=$(clock)
    if [ $(($(clock) - turn_since)) -lt "$TURN_SECONDS" ]; then
        text="$TURN_SECONDS s, until whoever moved slots before has ended"
        return
    fi
    turn=yes
}

# Holds a connection to an address, under this Job's name, for as long as this script lives.
hold_place() {
    # Just begun, or lost.
    [ $(($(clock) - held_since)) -ge 3 ] || return
    [ -z "$holder" ] || kill "$holder" 2>/dev/null
    log_in_at "$1"
    port_at "$1"
    # shellcheck disable=SC2086,SC2154 # a list of options; "port" is what port_at sets
    {
        echo "CLIENT SETNAME $TURN_NAME:$POD_NAME"
        while kill -0 "$own_pid" 2>/dev/null; do
            sleep 2
            echo PING
        done
    } | cli -h "$1" $CLI_OPTIONS -p "$port" >/dev/null 2>&1 &
    holder=$!
    load_password
    held_since=$(clock)
}

# Says how far it is, at most every 5 s.
say_progress() {
    now=$(clock)
    if [ "$move_begun" -eq 0 ] || [ "$slots_left" -gt "$slots_before" ]; then
        move_begun=$now slots_before=$slots_left progress_said=0
    fi
    [ $((now - progress_said)) -ge 5 ] || return
    progress_said=$now
    moved=$((slots_before - slots_left))
    if [ "$moved" -gt 0 ] && [ "$now" -gt "$move_begun" ]; then
        seconds=$((now - move_begun))
        say "moving slots from $1 to $2: $slots_left to go, $((moved / seconds)) slots/s," \
            "about $((slots_left * seconds / moved)) s left"
    else
        say "moving slots from $1 to $2: $slots_left to go"
    fi
}

# release HOST ADDRESS SLOT: HOST waits for a slot that nobody gives it any more.
release() {
    case $(ask 5 "$2" CLUSTER COUNTKEYSINSLOT "$3") in
    0) step "$1 no longer waits for slot $3" "$2" CLUSTER SETSLOT "$3" STABLE ;;
    *) say_once "slot $3 is half moved to $1, which has keys of it, and its owner is giving it to somebody else: redis-cli --cluster fix" ;;
    esac
}

# handover HOST ADDRESS MASTER
handover() {
    [ $(($(clock) - handed_over)) -ge "$HANDOVER_SECONDS" ] || return
    handed_over=$(clock)
    say "$1 takes over from $3: $(ask 5 "$2" CLUSTER FAILOVER)"
}

# True if the server at an address says that it serves no slots.
serves_nothing() {
    ask 5 "$1" CLUSTER NODES | awk '$3 ~ /myself/ { found = NF == 8 } END { exit !found }'
}

# retire HOST ADDRESS ID, then HOST ADDRESS of each pod that is to forget it. A replica that retires may have been
# promoted a moment ago, so it is asked once more.
retire() {
    if [ "$emptied" -eq 0 ]; then
        emptied=$(clock)
        say "what retires serves nothing any more; it leaves in $LEARN_SECONDS s, when clients have learnt that"
    fi
    [ $(($(clock) - emptied)) -ge "$LEARN_SECONDS" ] || return
    retired=$1 retired_address=$2 retired_id=$3
    shift 3
    serves_nothing "$retired_address" || return
    while [ $# -ge 2 ]; do
        step "$1 forgets $retired" "$2" CLUSTER FORGET "$retired_id"
        shift 2
    done
    if serves_nothing "$retired_address"; then
        step "$retired forgets the cluster" "$retired_address" CLUSTER RESET
    fi
}

# left HOST ADDRESS: a pod that has left writes down that it is empty. With RESET a replica drops its data from memory
# only; its files would bring it back when it starts again on this volume, and with the data the slots. It does so once for
# each Job, because nobody can see whether an earlier one was killed in between.
left() {
    case " $written_down " in
    *" $1 "*) return ;;
    esac
    persistence=$(ask 5 "$2" INFO persistence)
    case $persistence in
    *bgsave_in_progress:1* | *rewrite_in_progress:1* | *rewrite_scheduled:1*) result=none ;;
    *aof_enabled:1*aof_last_bgrewrite_status:ok* | *rdb_last_bgsave_status:ok*aof_enabled:0*) result=ok ;;
    *) result=wrong ;;
    esac
    case $persistence in
    *aof_enabled:1*) write=BGREWRITEAOF ;;
    *) write=BGSAVE ;;
    esac
    case " $writing_down:$result" in
    *" $1 "*:ok)
        written_down="$written_down $1"
        say "$1 has written down that it is empty"
        return
        ;;
    esac
    left_waits=$1
    [ "$result" != none ] || return
    answer=$(ask 5 "$2" "$write")
    case $answer in
    *started*) writing_down="$writing_down $1 " ;;
    *) say_once "$1 does not write down that it is empty: $answer" ;;
    esac
}

# Does one line of what converge.awk prints.
carry_out() {
    verb=$1
    shift
    case $verb in
    create) create_cluster "$@" ;;
    meet)
        port_at "$4"
        step "$1 meets $3 at $4" "$2" CLUSTER MEET "$4" "$port" "$BUS_PORT"
        ;;
    # MEET between nodes that know each other carries the news of the first one, and changes nothing else.
    tell)
        port_at "$3"
        ask 5 "$2" CLUSTER MEET "$3" "$port" "$BUS_PORT" >/dev/null
        ;;
    slots)
        host=$1
        address=$2
        shift 2
        step "$host gets slots $*" "$address" CLUSTER ADDSLOTSRANGE "$@"
        ;;
    replicate) step "$1 becomes replica of $4" "$2" CLUSTER REPLICATE "$3" ;;
    progress) slots_left=$1 ;;
    left) left "$@" ;;
    *)
        [ -n "$turn" ] || take_turn
        if [ "$turn" = yes ]; then
            carry_out_alone "$verb" "$@"
        else
            outcome='wait'
        fi
        ;;
    esac
}

# The same for what only one Job at a time may do.
carry_out_alone() {
    verb=$1
    shift
    case $verb in
    stray) stray "$@" ;;
    believe) believe "$@" ;;
    stable) step "slot $3 stays with $1" "$2" CLUSTER SETSLOT "$3" STABLE ;;
    release) release "$@" ;;
    finish | move)
        emptied=0
        say_progress "$1" "$4"
        case $verb in
        finish) move_slots keys "$@" ;;
        move) move_slots best "$@" ;;
        esac
        ;;
    handover) handover "$@" ;;
    retire) retire "$@" ;;
    esac
}

# One round: sets outcome to wait, refuse, done or step, and text to what goes with it.
round() {
    outcome=step turn='' progressed=no left_waits=''
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
    if [ "$outcome" = done ] && [ -n "$left_waits" ]; then
        outcome='wait'
        text="until $left_waits has written down that it is empty"
    fi
}

# The shards as a table.
print_rows() {
    printf 'shard master slots keys replicas%s\n' "$rows" | awk '
        NF {
            lines++
            for (i = 1; i <= NF; i++) {
                cell[lines, i] = $i
                if (length($i) > width[i]) width[i] = length($i)
            }
            cells[lines] = NF
        }
        END {
            for (line = 1; line <= lines; line++) {
                text = ""
                for (i = 1; i < cells[line]; i++) text = text sprintf("%-" width[i] "s  ", cell[line, i])
                print text cell[line, i]
            }
        }' | while IFS= read -r row; do say "$row"; done
}

# From here on it runs.
trap 'exit 143' TERM INT
[ -n "$POD_NAME" ] || POD_NAME=$(hostname 2>/dev/null || echo job)
read -r own_pid _ </proc/self/stat
for value in "$SHARDS" "$REPLICAS_PER_SHARD" "$RETIRING_PODS" "$CLIENT_PORT" "$BUS_PORT"; do
    case $value in
    '' | *[!0-9]*) give_up 2 "SHARDS, REPLICAS_PER_SHARD, RETIRING_PODS, CLIENT_PORT and BUS_PORT must be whole numbers" ;;
    esac
done
[ -n "$TIMEOUT_SECONDS" ] || TIMEOUT_SECONDS=600
mkdir -p "$WORK" || give_up 2 "$WORK cannot be made"

begun=$(clock)
deadline=$((begun + TIMEOUT_SECONDS))
created=0 said='' refused='' refused_since=0
holder='' held_since=0 turn_since=0 emptied=0 handed_over=0
writing_down='' written_down=''
move_begun=0 slots_left=0 slots_before=0 progress_said=0
steps_said='
'
say "making $SHARDS shards with $REPLICAS_PER_SHARD replicas each, taking out $RETIRING_PODS pods;" \
    "without progress it ends after $TIMEOUT_SECONDS s"
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
    if [ "$progressed" = yes ]; then
        deadline=$((now + TIMEOUT_SECONDS))
        continue
    fi
    [ "$now" -lt "$deadline" ] || give_up 6 "no progress for $TIMEOUT_SECONDS s: $outcome $text"
    sleep 0.5
done
