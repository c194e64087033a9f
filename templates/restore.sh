# shellcheck shell=sh
# Fills the cluster with a backup: loads each snapshot into a server of its own, in this pod, and hands its keys to
# the masters that serve their slots now.
#
# Nothing of the old cluster but its data gets in: no node list, no ids, no addresses; shards may be more or fewer.
# A key that the cluster already has stays as it is. So this script can be killed at any moment and run again, and the
# cluster may be in use.
#
# Exit codes:
#   0  every key of the backup is in the cluster
#   2  the settings of this script are wrong
#   4  the backup is missing, incomplete or damaged
#   6  not finished before the deadline; the last message says what was missing

# shellcheck source=lib.sh
. /conf/lib.sh
PART=restore
ROLE=_restore
WORK=$RUN/restore
SOCKET=$WORK/server.sock
BACKUP=$BACKUP_DIR/$BACKUP_NAME
# Slots that are looked at together, keys of one slot that are looked at together, and keys in one command.
SLOTS_AT_ONCE=128
KEYS_AT_ONCE=1000
KEYS_IN_COMMAND=100
# Milliseconds for one command; a large key takes its time.
MIGRATE_TIMEOUT=60000

give_up() {
    code=$1
    shift
    say "stopped with code $code: $*"
    stop_server
    exit "$code"
}

# Gives up after the deadline; else waits a second. The words say what is missing.
wait_a_second() {
    [ "$(date +%s)" -lt "$deadline" ] || give_up 6 "deadline of $TIMEOUT_SECONDS s: $*"
    if [ "$*" != "$said" ]; then
        said=$*
        say "waiting: $*"
    fi
    sleep 1
}

# Asks the server with the snapshot, which has no password. Texts come quoted, as its stdin takes them.
loaded() {
    (unset REDISCLI_AUTH && exec "$ENGINE-cli" -s "$SOCKET" --no-raw "$@" 2>&1)
}

# Prints how many keys are still in it.
keys_left() {
    loaded DBSIZE | tr -dc '0-9'
}

# Writes "FIRST LAST ADDRESS" for all slots to the file "owners", as a pod sees it that calls the cluster whole.
look() {
    topology >"$WORK/pods"
    while read -r host _; do
        address=$(resolve "$host") || continue
        case $(ask 5 "$address" CLUSTER INFO </dev/null) in
        *cluster_state:ok*cluster_slots_ok:16384*) ;;
        *) continue ;;
        esac
        ask 5 "$address" CLUSTER NODES </dev/null | awk '
            function ip_of(address) { sub(/,.*/, "", address); sub(/@.*/, "", address); sub(/:[0-9]*$/, "", address); return address }
            { sub(/\r$/, "") }
            length($1) == 40 && NF > 8 {
                for (i = 9; i <= NF; i++) {
                    if ($i ~ /^\[/) continue
                    if (split($i, ends, "-") < 2) ends[2] = ends[1]
                    print ends[1], ends[2], ip_of($2)
                }
            }' >"$WORK/owners"
        [ -s "$WORK/owners" ] && return 0
    done <"$WORK/pods"
    return 1
}

look_until_whole() {
    load_password
    migrate_login
    until look; do
        wait_a_second 'no pod calls the cluster whole'
    done
}

# Reads the index and compares every file with what it says.
check_backup() {
    [ -s "$BACKUP/index" ] || give_up 4 "$BACKUP has no index: it is no backup, or none that was completed"
    while read -r file bytes sum _; do
        [ -r "$BACKUP/$file" ] || give_up 4 "$BACKUP/$file is missing"
        read -r found _ <<SUM
$(sha256sum "$BACKUP/$file")
SUM
        [ "$found" = "$sum" ] || give_up 4 "$BACKUP/$file is not what was backed up ($bytes bytes with SHA-256 $sum)"
    done <"$BACKUP/index"
}

# Starts a server with snapshot $1 and nothing else. As a cluster of its own it takes over the slots whose keys it
# finds, and can be asked for the keys of a slot. It listens on a socket, and its bus to this pod alone.
start_server() {
    rm -f "$WORK/nodes.conf" "$SOCKET"
    set -- --dir "$BACKUP" --dbfilename "$1" --save '' --appendonly no --port 0 --unixsocket "$SOCKET" \
        --bind 127.0.0.1 -::1 --cluster-enabled yes --cluster-config-file "$WORK/nodes.conf" \
        --cluster-port "$BUS_PORT" --cluster-require-full-coverage no --maxmemory 0
    [ -z "$TLS_DIR" ] || set -- "$@" --tls-cluster yes --tls-ca-cert-file "$TLS_DIR/ca.crt" \
        --tls-cert-file "$TLS_DIR/tls.crt" --tls-key-file "$TLS_DIR/tls.key"
    "$ENGINE-server" "$@" >"$WORK/log" 2>&1 &
    server=$!
    until loaded CLUSTER INFO | grep -q '^cluster_state:ok' || [ "$(loaded DBSIZE)" = '(integer) 0' ]; do
        kill -0 "$server" 2>/dev/null ||
            give_up 4 "the server ended while it loaded the snapshot: $(grep -v 'Taking resp' "$WORK/log" | tail -n 2 | tr '\n' ' ')"
        wait_a_second 'the snapshot is being loaded'
    done
}

stop_server() {
    [ -n "$server" ] || return
    loaded SHUTDOWN NOSAVE >/dev/null
    wait "$server" 2>/dev/null
    server=
}

# Writes the words of MIGRATE between the timeout and the keys to the file "login".
migrate_login() {
    (
        umask 077
        if [ -n "$SECRET" ]; then
            printf 'AUTH2 %s %s \n' "$ROLE" "$SECRET"
        else
            echo
        fi >"$WORK/login"
    )
}

# Prints MIGRATE commands for the keys in slots $1 to $2, with up to $3 keys each.
migrations() {
    slot=$1
    while [ "$slot" -le "$2" ]; do
        printf 'CLUSTER GETKEYSINSLOT %s %s\n' "$slot" "$KEYS_AT_ONCE"
        slot=$((slot + 1))
    done | loaded | awk -v slot="$1" -v port="$CLIENT_PORT" -v timeout="$MIGRATE_TIMEOUT" -v most="$3" \
        -v login_file="$WORK/login" '
        BEGIN { getline login <login_file }
        function flush() {
            if (count) print "MIGRATE", target, port, "\"\" 0", timeout, login "KEYS" keys
            keys = ""
            count = 0
        }
        function next_slot() {
            flush()
            target = owner[slot++]
        }
        FILENAME != "-" { for (i = $1; i <= $2; i++) owner[i] = $3; next }
        /^\(/ { next_slot(); next }
        /^ *[0-9]+\) / {
            if ($1 == "1)") next_slot()
            sub(/^ *[0-9]+\) /, "")
            if (count == most) flush()
            keys = keys " " $0
            count++
        }
        END { flush() }' "$WORK/owners" -
}

# Hands over all keys in slots $1 to $2. Those that the cluster has already are dropped here.
hand_over() {
    while :; do
        migrations "$1" "$2" "$KEYS_IN_COMMAND" >"$WORK/commands"
        [ -s "$WORK/commands" ] || return
        loaded <"$WORK/commands" | grep -v -e '^OK' -e '^NOKEY' -e '^$' >"$WORK/errors"
        [ -s "$WORK/errors" ] || continue
        if ! grep -q BUSYKEY "$WORK/errors"; then
            wait_a_second "a master refuses keys: $(head -n 1 "$WORK/errors")"
            look_until_whole
            continue
        fi
        # Which keys they were is told only for a key alone.
        migrations "$1" "$2" 1 >"$WORK/commands"
        loaded <"$WORK/commands" | grep -v '^$' >"$WORK/answers"
        awk 'FILENAME == ARGV[1] { answer[FNR] = $0; next }
            answer[FNR] ~ /BUSYKEY/ { sub(/.* KEYS /, ""); print "UNLINK", $0 }' \
            "$WORK/answers" "$WORK/commands" >"$WORK/known"
        loaded <"$WORK/known" >/dev/null
        kept=$((kept + $(wc -l <"$WORK/known")))
    done
}

# Loads the functions of the snapshot on each master. A library that is there already stays as it is.
hand_over_functions() {
    dump=$(loaded FUNCTION DUMP)
    case $(loaded FUNCTION LIST) in
    '(empty'*) return ;;
    esac
    awk '{ print $3 }' "$WORK/owners" | sort -u | while read -r address; do
        answer=$(printf 'FUNCTION RESTORE %s\n' "$dump" | ask 10 "$address")
        case $answer in
        OK | *'already exists'*) ;;
        *) say "the functions were refused by $address: $answer" ;;
        esac
    done
}

trap 'give_up 6 "told to stop"' TERM INT
server='' said='' kept=0 all=0
[ -n "$POD_NAME" ] || POD_NAME=$(hostname 2>/dev/null || echo restore)
case $TIMEOUT_SECONDS in
'' | *[!0-9]*) give_up 2 "TIMEOUT_SECONDS must be a whole number" ;;
esac
mkdir -p "$WORK" || give_up 2 "$WORK cannot be made"
begun=$(date +%s)
deadline=$((begun + TIMEOUT_SECONDS))

check_backup
look_until_whole
cp "$BACKUP/index" "$WORK/index"
shards=$(wc -l <"$WORK/index" | tr -d ' ')
number=0
while read -r file _; do
    number=$((number + 1))
    start_server "$file"
    keys=$(keys_left)
    say "$file ($number of $shards): $keys keys to hand over"
    all=$((all + keys))
    look_until_whole
    hand_over_functions
    slot=0 tenth=1
    while [ "$slot" -le 16383 ]; do
        hand_over "$slot" "$((slot + SLOTS_AT_ONCE - 1))"
        slot=$((slot + SLOTS_AT_ONCE))
        if [ "$keys" -ge 100000 ] && [ "$((slot * 10 / 16384))" -ge "$tenth" ]; then
            left=$(keys_left)
            say "$file: $left of $keys keys to go, after $(($(date +%s) - begun)) s"
            tenth=$((tenth + 1))
        fi
    done
    left=$(keys_left)
    [ "$left" = 0 ] || give_up 6 "$file: $left keys were not handed over"
    stop_server
done <"$WORK/index"
say "complete after $(($(date +%s) - begun)) s: $all keys in the backup, $kept of them were there already and stayed as they are"
