# shellcheck shell=sh
# Copies every shard's data into a new folder of the volume, as the server's own snapshots.
#
# A replica that is in sync is asked for each snapshot, the master only where there is none: a snapshot forks
# the server. The folder has its final name when everything is in it:
#     CLUSTER/TIME/shard-N.rdb    the snapshots
#     CLUSTER/TIME/index          a line for each: file, bytes, SHA-256, keys, slots
#
# Exit codes:
#   0  the backup is complete
#   2  the settings of this script are wrong, or the volume cannot be written
#   4  slots are not served or are moving: a backup would have holes
#   6  a snapshot could not be fetched

# shellcheck source=lib.sh
. /conf/lib.sh
PART=backup
ROLE=_backup
ROOT=$BACKUP_DIR/$CLUSTER
WORK=$RUN/backup
# Seconds for which a cluster that is not whole may come to rest: a failover takes less.
SETTLE_SECONDS=60

give_up() {
    code=$1
    shift
    say "stopped with code $code: $*"
    [ -z "$partial" ] || rm -rf "$partial"
    exit "$code"
}

# Reads the CLUSTER NODES of one pod and prints "ID ADDRESS SLOTS REPLICAS" for each master with slots, in the order of
# their slots. Lists have commas. A word for open slots is no slot; "moving" in place of the lines says that there is one.
masters() {
    awk '
        function ip_of(address) { sub(/,.*/, "", address); sub(/@.*/, "", address); sub(/:[0-9]*$/, "", address); return address }
        { sub(/\r$/, "") }
        length($1) != 40 || NF < 8 { next }
        $3 ~ /slave/ { if ($3 !~ /fail|noaddr/ && $8 == "connected") replicas[$4] = replicas[$4] "," ip_of($2); next }
        NF > 8 {
            slots = ""
            for (i = 9; i <= NF; i++)
                if ($i ~ /^\[/) moving = 1
                else slots = slots (slots == "" ? "" : ",") $i
            if (slots == "") next
            address[$1] = ip_of($2)
            owned[$1] = slots
            first = slots + 0
            for (i = ++count; i > 1 && first < owned[id[i - 1]] + 0; i--) id[i] = id[i - 1]
            id[i] = $1
        }
        END {
            if (moving) { print "moving"; exit }
            for (i = 1; i <= count; i++)
                print id[i], address[id[i]], owned[id[i]], (replicas[id[i]] == "" ? "-" : substr(replicas[id[i]], 2))
        }'
}

# Writes the masters to file $1, as the first pod sees them that calls the cluster whole. False if there is none.
look() {
    topology >"$WORK/pods"
    why='no pod answers'
    while read -r host _; do
        address=$(resolve "$host") || continue
        info=$(ask 5 "$address" CLUSTER INFO </dev/null)
        case $info in
        *cluster_state:ok*cluster_slots_ok:16384*) ;;
        *cluster_state:*)
            why="$host says that the cluster is not whole"
            continue
            ;;
        *)
            [ -z "$info" ] || why="$host answers $(printf '%s' "$info" | head -n 1)"
            continue
            ;;
        esac
        ask 5 "$address" CLUSTER NODES </dev/null | masters >"$1"
        if [ "$(head -n 1 "$1")" = moving ]; then
            why='slots are being moved'
            return 1
        fi
        [ -s "$1" ] && return 0
    done <"$WORK/pods"
    return 1
}

# The masters, as soon as the cluster is whole.
wait_for_masters() {
    settle_until=$(($(date +%s) + SETTLE_SECONDS))
    until look "$WORK/masters"; do
        [ "$(date +%s)" -lt "$settle_until" ] || give_up 4 "$why"
        sleep 1
    done
}

# Prints the address to take a shard's snapshot from: of the replicas $2 the first that is in sync, else master $1.
source_of() {
    for replica in $(printf '%s' "$2" | tr ',' ' '); do
        case $(ask 5 "$replica" INFO replication </dev/null | tr '\r\n' '  ') in
        *role:slave*master_link_status:up*master_sync_in_progress:0*)
            printf '%s\n' "$replica"
            return
            ;;
        esac
    done
    printf '%s\n' "$1"
}

# Prints the first number in the answer of $1 to the further words.
number() {
    ask 5 "$@" </dev/null | tr -dc '0-9\n' | head -n 1
}

# Copies the shard number $1: id, address, slots and replicas of its master are the other words.
copy_shard() {
    file=shard-$1.rdb
    from=$(source_of "$3" "$5")
    begun=$(date +%s)
    log_in_at "$from"
    # shellcheck disable=SC2086 # a list of options
    (cli -h "$from" $CLI_OPTIONS --rdb "$partial/$file") >"$WORK/rdb" 2>&1 </dev/null ||
        give_up 6 "shard $1 from $from: $(tail -n 1 "$WORK/rdb")"
    load_password
    case $(head -c 6 "$partial/$file") in
    REDIS* | VALKEY) ;;
    *) give_up 6 "shard $1 from $from: what came is no snapshot: $(tail -n 1 "$WORK/rdb")" ;;
    esac
    if command -v "$ENGINE-check-rdb" >/dev/null; then
        "$ENGINE-check-rdb" "$partial/$file" >"$WORK/check" 2>&1 ||
            give_up 6 "shard $1 from $from: the snapshot is damaged: $(tail -n 1 "$WORK/check")"
    fi
    bytes=$(wc -c <"$partial/$file" | tr -d ' ')
    read -r sum _ <<SUM
$(sha256sum "$partial/$file")
SUM
    keys=$(number "$from" DBSIZE)
    printf '%s %s %s %s %s\n' "$file" "$bytes" "$sum" "$keys" "$4" >>"$partial/index"
    say "$file: about $keys keys, $bytes bytes from $from in $(($(date +%s) - begun)) s, slots $4"
}

# Old backups go when a new one is there, and what an interrupted one has left.
prune() {
    for left in "$ROOT"/*.partial; do
        [ ! -d "$left" ] || rm -rf "$left"
    done
    # Names sort by time.
    for old in "$ROOT"/[0-9]*Z; do
        [ ! -s "$old/index" ] || printf '%s\n' "$old"
    done | sort -r | tail -n "+$((KEEP + 1))" | while read -r old; do
        say "removing $old: as many newer ones as are kept ($KEEP) are complete"
        rm -rf "$old"
    done
}

trap 'give_up 6 "told to stop"' TERM INT
partial=
[ -n "$POD_NAME" ] || POD_NAME=$(hostname 2>/dev/null || echo backup)
case $KEEP in
'' | 0 | *[!0-9]*) give_up 2 "KEEP must be a number above 0" ;;
esac
mkdir -p "$WORK" "$ROOT" || give_up 2 "$ROOT cannot be written"

load_password
tries=0
while :; do
    wait_for_masters
    name=$(date -u +%Y%m%dT%H%M%SZ)
    [ ! -e "$ROOT/$name" ] || {
        sleep 1
        continue
    }
    partial=$ROOT/$name.partial
    rm -rf "$partial"
    mkdir "$partial" || give_up 2 "$partial cannot be written"
    say "copying $(wc -l <"$WORK/masters" | tr -d ' ') shards to $partial"
    cp "$WORK/masters" "$WORK/before"
    shard=0
    while read -r id address slots replicas; do
        copy_shard "$shard" "$id" "$address" "$slots" "$replicas"
        shard=$((shard + 1))
    done <"$WORK/before"
    wait_for_masters
    # Slots that have moved in between could be missing from both snapshots.
    if [ "$(awk '{ print $3 }' "$WORK/before")" = "$(awk '{ print $3 }' "$WORK/masters")" ]; then
        break
    fi
    tries=$((tries + 1))
    [ "$tries" -lt 3 ] || give_up 4 "slots have moved during each of $tries tries"
    say "slots have moved meanwhile: copying again"
    rm -rf "$partial"
done
sync
mv "$partial" "$ROOT/$name" || give_up 2 "$partial cannot be renamed"
partial=
prune
say "complete: $CLUSTER/$name"
