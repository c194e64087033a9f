# shellcheck shell=sh disable=SC2034 # some variables are read by bootstrap.sh
# Moves slots from one master to another while clients read and write. Sourced by bootstrap.sh.
#
# Where the engine moves slots whole by itself (Valkey 9: CLUSTER MIGRATESLOTS on the source; Redis 8.4: CLUSTER MIGRATION
# on the target), it is asked to. A slot is then on one side or on the other at any moment, and the move goes on or is
# undone whoever is killed.
#
# Elsewhere the steps are those of the cluster specification. They can be killed anywhere: the next round finds the
# slots half moved, and goes on with them.
#   1. The target expects keys of the slots; then the source sends it whoever asks for a key that it does not have.
#   2. Keys move a few at a time. A key that a killed step left on both sides is replaced: the source's is the newer
#      one, because the source answers for every key that it has.
#   3. The source has no key left and still gives the slots to this target: another hand would show here.
#   4. The slots belong to the target as soon as it says so. The source gives them up only when a replica of the
#      target has heard of it: a failover in between would leave them to nobody.

# One round moves for so many seconds, or ends with the keys at hand.
MOVE_SECONDS=4
# Slots that are half moved at a time.
MOVE_SLOTS=100
# Slots that the engine moves in one go. It forks for each go, and keeps in memory what is written meanwhile.
MOVE_WHOLE_SLOTS=512
# Keys that the source sends at a time, answering nobody else meanwhile.
MOVE_KEYS=10

# How long the source waits for a target that is silent, answering nobody else meanwhile. A node timeout is longer.
MOVE_MILLISECONDS=1000
# How long keys are sent without another look at how it went. With one more wait this is less than a node timeout.
SEND_SECONDS=3

# move_slots keys|best HOST ADDRESS ID HOST ADDRESS ID WITNESS SLOTS...: from the first pod to the second; WITNESS is
# the address of a replica of the second, or -. Sets progressed to yes if anything moved.
move_slots() {
    how=$1
    source_host=$2 source=$3 source_id=$4 target_host=$5 target=$6 target_id=$7 witness=$8
    shift 8
    move_until=$(($(clock) + MOVE_SECONDS))
    for whole in migrateslots migration; do
        if [ "$how" = best ] && knows "$source" "$whole" && knows "$target" "$whole"; then
            move_whole "$@"
            return
        fi
    done
    move_by_keys "$@"
}

move_failed() {
    say_once "moving slots from $source_host to $target_host: $*"
}

# True if the server at an address has a subcommand of CLUSTER. It says nothing about those that it does not know.
knows() {
    case $(ask 5 "$1" COMMAND INFO "cluster|$2") in
    *"$2"*) return 0 ;;
    esac
    return 1
}

# Prints how the moves stand: "running", or the state and message of the newest one.
whole_moves() {
    case $whole in
    migrateslots) ask 5 "$source" CLUSTER GETSLOTMIGRATIONS ;;
    migration) ask 5 "$target" CLUSTER MIGRATION STATUS ALL ;;
    esac | awk '
        { sub(/\r$/, "") }
        name == "state" {
            if ($0 !~ /^(success|completed|failed|cancel)/) running = 1
            if (state == "") state = $0
            name = ""
            next
        }
        name == "message" || name == "last_error" {
            if (!messages++) message = $0
            name = ""
            next
        }
        $0 == "state" || $0 == "message" || $0 == "last_error" { name = $0 }
        /^ERR|^NOPERM|^Could not/ { state = $0 }
        END { print running ? "running" : state " " message }'
}

move_whole() {
    state=$(whole_moves)
    if [ "$state" != running ]; then
        # The first of the slots, as FROM TO FROM TO.
        # shellcheck disable=SC2046 # words
        set -- $(printf '%s\n' "$@" | awk -F- -v left="$MOVE_WHOLE_SLOTS" '
            left > 0 {
                to = $NF - $1 < left ? $NF : $1 + left - 1
                left -= to - $1 + 1
                print $1, to
            }')
        case $whole in
        migrateslots) answer=$(ask 5 "$source" CLUSTER MIGRATESLOTS SLOTSRANGE "$@" NODE "$target_id") ;;
        migration) answer=$(ask 5 "$target" CLUSTER MIGRATION IMPORT "$@") ;;
        esac
        case $answer in
        OK | [0-9a-f][0-9a-f][0-9a-f][0-9a-f]*) ;;
        *)
            move_failed "$answer"
            return
            ;;
        esac
    fi
    while :; do
        state=$(whole_moves)
        case $state in
        running) ;;
        success* | completed*)
            progressed=yes
            return
            ;;
        *)
            move_failed "$state"
            return
            ;;
        esac
        if [ "$(clock)" -ge "$move_until" ]; then
            # The server ends a move itself that does not get on.
            progressed=yes
            return
        fi
        sleep 0.2
    done
}

move_by_keys() {
    # shellcheck disable=SC2046 # words
    set -- $(printf '%s\n' "$@" | awk -F- '{ for (slot = $1; slot <= $NF; slot++) print slot }')
    while [ $# -gt 0 ] && [ "$(clock)" -lt "$move_until" ]; do
        batch='' batched=0
        while [ $# -gt 0 ] && [ "$batched" -lt "$MOVE_SLOTS" ]; do
            batch="$batch $1"
            batched=$((batched + 1))
            shift
        done
        move_batch || return
        progressed=yes
    done
}

move_batch() {
    set_slots "$target" IMPORTING "$source_id" && set_slots "$source" MIGRATING "$target_id" &&
        move_keys && is_empty && is_given && set_slots "$target" NODE "$target_id" && await_witness &&
        set_slots "$source" NODE "$target_id"
}

# Prints a command for each slot of the batch: words before it, words after it.
for_each_slot() {
    for slot in $batch; do
        printf '%s %s %s\n' "$1" "$slot" "$2"
    done
}

# set_slots ADDRESS WORDS...: CLUSTER SETSLOT for each slot of the batch; false unless each is answered with OK.
set_slots() {
    where=$1
    shift
    wrong=$(for_each_slot 'CLUSTER SETSLOT' "$*" | ask 20 "$where" | awk -v wanted="$batched" '
        /^OK/ { done++; next }
        NF && wrong == "" { wrong = $0 }
        END { if (done != wanted) print (wrong == "" ? done + 0 " of " wanted " answers" : wrong) }')
    [ -n "$wrong" ] || return 0
    move_failed "SETSLOT $*: $wrong"
    return 1
}

# believe HOST ADDRESS OWNER ID SLOT...: the owner of half moved slots died, and HOST, which gets them, is told who took
# over from it. Its marks stay.
believe() {
    source_host=$3 target_host=$1 target=$2 source_id=$4
    shift 4
    batch=$* batched=$#
    set_slots "$target" NODE "$source_id" || return
    say_once "$target_host hears that half moved slots are now served by $source_host"
}

# Moves the keys of the batch; false if there are some left when the time is over, or something is wrong.
move_keys() {
    before=$(keys_left)
    while :; do
        # Keys stay quoted, as redis-cli prints and reads them: they may hold anything. Should the target vanish, each
        # further command holds the source up, which then is silent to clients and does not vote: so they end soon, and
        # none is sent to a target that does not answer.
        seen=$(for_each_slot 'CLUSTER GETKEYSINSLOT' 100 | ask 20 "$source" --no-raw | migrate_commands |
            ask "$SEND_SECONDS" "$source" | awk '
                /^OK|^NOKEY/ { sent++; next }
                NF && wrong == "" { wrong = $0 }
                END { print sent + 0, wrong }')
        case $seen in
        '0 ')
            # All are there, or the target is silent, or it took too long, and what it would have said is lost.
            after=$(keys_left)
            [ "$after" -ge "$before" ] || progressed=yes
            [ "$after" = 0 ]
            return
            ;;
        *[0-9]' ') progressed=yes ;;
        *)
            move_failed "$seen"
            return 1
            ;;
        esac
        [ "$(clock)" -lt "$move_until" ] || return 1
    done
}

# Makes MIGRATE commands of redis-cli's lists of keys, one list for each slot.
migrate_commands() {
    if ! target_login; then
        cat >/dev/null
        return
    fi
    port_at "$target"
    # shellcheck disable=SC2154 # "port" is what port_at sets
    awk -v target="$target" -v port="$port" -v most="$MOVE_KEYS" -v most_ms="$MOVE_MILLISECONDS" \
        -v login_file="$WORK/login" '
        BEGIN { getline login <login_file }
        function send() {
            if (count) print "MIGRATE " target " " port " \"\" 0 " most_ms " REPLACE " login "KEYS" keys
            keys = ""
            count = 0
        }
        /^ *1\) "/ { send() }
        /^ *[0-9]+\) "/ {
            sub(/\r$/, "")
            sub(/^ *[0-9]+\) /, "")
            keys = keys " " $0
            if (++count == most) send()
        }
        END { send() }'
}

# Writes to the file "login" how the source logs in to the target, in the words of MIGRATE. Neither an argument nor in
# the environment of a program. False if the target does not answer.
target_login() {
    (
        umask 077
        pong=$(ask_once 2 "$target" PING </dev/null)
        case $pong in
        PONG*) ;;
        *)
            # It may be too old to know our user.
            if [ -z "$SECRET" ] || ! is_refusal "$pong"; then exit 1; fi
            # shellcheck disable=SC2154 # load_password sets it
            log_in default "$password"
            ;;
        esac
        {
            case $LOGIN in
            '') [ -z "$SECRET" ] || printf 'AUTH %s ' "$(quoted "$SECRET")" ;;
            *) printf 'AUTH2 %s %s ' "$ROLE" "$SECRET" ;;
            esac
            echo
        } >"$WORK/login"
    )
}

# Prints how many keys of the batch the source has; far too many if it does not say so of each slot.
keys_left() {
    for_each_slot 'CLUSTER COUNTKEYSINSLOT' '' | ask 20 "$source" | awk -v wanted="$batched" '
        { sub(/\r$/, "") }
        /^[0-9]+$/ { answers++; keys += $0 }
        END { print (answers == wanted ? keys + 0 : 999999999) }'
}

is_empty() {
    [ "$(keys_left)" = 0 ]
}

# True if the source is giving each slot of the batch to this target and to nobody else.
is_given() {
    ask 5 "$source" CLUSTER NODES | awk -v slots="$batch" -v id="$target_id" '
        { sub(/\r$/, "") }
        $3 ~ /myself/ { for (i = 9; i <= NF; i++) mark[$i] = 1 }
        END {
            count = split(slots, slot, " ")
            for (i = 1; i <= count; i++) if (!(("[" slot[i] "->-" id "]") in mark)) exit 1
        }' && return
    move_failed 'somebody else moves them, too'
    return 1
}

# Waits, for a short time, until a replica of the target has heard what its master serves.
await_witness() {
    [ "$witness" != - ] || return 0
    polls=0
    while [ "$polls" -lt 10 ]; do
        ask 2 "$witness" CLUSTER NODES | awk -v slots="$batch" -v id="$target_id" '
            { sub(/\r$/, "") }
            $1 == id {
                for (i = 9; i <= NF; i++) {
                    if (split($i, ends, "-") < 2) ends[2] = ends[1]
                    for (one = ends[1] + 0; one <= ends[2] + 0; one++) serves[one] = 1
                }
            }
            END {
                count = split(slots, slot, " ")
                for (i = 1; i <= count; i++) if (!(slot[i] + 0 in serves)) exit 1
            }' && return 0
        polls=$((polls + 1))
        sleep 0.1
    done
    # Its master's word spreads by itself all the same.
    return 0
}

# stray KEYS HOST ADDRESS ID OWNER ADDRESS ID WITNESS SLOTS...: HOST has keys, but no slots. If they are in few of the owner's
# slots, and the owner has each of them, they are copies: those slots move to it, so that what the owner has replaces
# them, and go back with the keys. If not, the refusal stands.
stray() {
    [ "$outcome" = refuse ] || return
    stray_keys=$1 stray_host=$2 stray_address=$3 stray_id=$4 owner_host=$5 owner_address=$6 owner_id=$7 stray_witness=$8
    shift 8
    # shellcheck disable=SC2046 # words
    set -- $(printf '%s\n' "$@" | awk -F- '{ for (slot = $1; slot <= $NF; slot++) print slot }')
    batch=$*
    # shellcheck disable=SC2046 # words
    set -- $(for_each_slot 'CLUSTER COUNTKEYSINSLOT' '' | ask 20 "$stray_address" | awk -v slots="$batch" \
        -v keys="$stray_keys" -v most="$MOVE_SLOTS" '
            BEGIN { split(slots, slot, " ") }
            { sub(/\r$/, "") }
            /^[0-9]+$/ {
                answers++
                if (!$0) next
                found += $0
                list = list " " slot[answers]
                count++
            }
            END { if (found == keys && count <= most) print list }')
    [ $# -gt 0 ] || return
    for slot in "$@"; do
        names_in "$slot" "$owner_address" >"$WORK/names"
        name=$(names_in "$slot" "$stray_address" | awk -v file="$WORK/names" '
            BEGIN { while ((getline name <file) > 0) there[name] = 1 }
            !($0 in there) { print; exit }')
        if [ -n "$name" ]; then
            text="$text; $owner_host does not have $name"
            return
        fi
    done
    outcome=step
    say_once "$stray_host took over while slots moved, and has copies of keys of $# slots of $owner_host: bringing them together"
    move_slots keys "$owner_host" "$owner_address" "$owner_id" "$stray_host" "$stray_address" "$stray_id" "$stray_witness" "$@"
}

# names_in SLOT ADDRESS: prints the keys of a slot, quoted.
names_in() {
    echo "CLUSTER GETKEYSINSLOT $1 100000000" | ask 20 "$2" --no-raw | awk '
        /^ *[0-9]+\) "/ {
            sub(/\r$/, "")
            sub(/^ *[0-9]+\) /, "")
            print
        }'
}
