# shellcheck shell=sh
# Starts this pod's server as PID 1, if it is safe to start it, and the heal loop beside it.
#
# Edits nothing but shard ids in nodes.conf: the server is told its address on the command line and tells its
# peers.
# Refusing is a safe end: while this pod is down its replica serves. A server with a new id in the
# place of an old one is not safe: its peers cannot tell that the old one is gone.

# shellcheck source=lib.sh
. /conf/lib.sh
PART=entrypoint
ROLE=_heal
CREDENTIALS=$RUN/credentials.conf

refuse() {
    say "not started: $*"
    exit 1
}

# Sleeps so that a signal ends it at once. PID 1 ignores signals for which it has no trap.
pause() {
    sleep "$1" &
    wait $!
}

# True if there is a file with something in it that the server could load.
has_any_data() {
    for file in "$DATA"/*.rdb "$DATA"/*.aof "$DATA/$AOF_DIR"/*; do
        [ -s "$file" ] && return 0
    done
    return 1
}

# True if the server will load an append-only file. With "appendonly yes" it reads nothing else.
has_append_only_file() {
    [ "$(setting appendonly)" = yes ] || return 1
    for file in "$DATA/$AOF_DIR"/*.manifest; do
        [ -s "$file" ] || continue
        for part in "$DATA/$AOF_DIR"/*.rdb "$DATA/$AOF_DIR"/*.aof; do
            [ -s "$part" ] && return 0
        done
    done
    return 1
}

# Puts the last good copy in the place of nodes.conf, or refuses. $1 says what is wrong with it.
restore_nodes_file() {
    saved=missing
    [ -e "$SAVED_NODES" ] && saved=$(judge_nodes_file "$SAVED_NODES")
    case $saved in
    good\ *) ;;
    *) refuse "nodes.conf: $1; no good copy in $SAVED_NODES ($saved), and $DATA has data." \
        "A new node id would leave the cluster without this one and nobody would take over." \
        "If the replica has taken over, empty this pod's volume; it then joins as a new pod." ;;
    esac
    [ -e "$NODES" ] && mv -f "$NODES" "$NODES.broken"
    if ! { cp "$SAVED_NODES" "$NODES.new" && mv -f "$NODES.new" "$NODES"; }; then
        refuse "nodes.conf: $1; cannot write the copy back to $NODES"
    fi
    say "nodes.conf: $1; restored the copy saved when this node was last in a whole cluster"
    restored=yes
}

# A node list that is gone, empty or broken means a new id or a crash at start.
guard_nodes_file() {
    restored=no
    judged='bad it is missing'
    [ -e "$NODES" ] && judged=$(judge_nodes_file "$NODES")
    case $judged in
    good*yes) return ;;
    good*no)
        # The server reads a file without its last line; but the line before may be cut as well.
        if [ -e "$SAVED_NODES" ] || has_any_data; then
            restore_nodes_file 'its end is missing'
        fi
        ;;
    *)
        if [ -e "$SAVED_NODES" ] || has_any_data; then
            restore_nodes_file "$(printf '%s' "$judged" | cut -d ' ' -f 2-)"
        elif [ -e "$NODES" ]; then
            # Left by a first start that was cut short: the server never was in a cluster.
            say "nodes.conf is of no use and there is no data: starting as a new node"
            rm -f "$NODES"
        fi
        ;;
    esac
}

# Gives replicas the shard id of their masters. Servers learn shard ids some time after they have learned who is
# whose replica, and one that ends in between leaves a node list that Redis 7.2 and Valkey up to 8.1.1 call
# corrupted (valkey issue 2171). Newer ones do the same as this does.
align_shard_ids() {
    [ -e "$NODES" ] || return
    if awk '
        NF < 8 { if (NR > FNR) print; next }
        {
            shard = ""
            if (match($2, /,shard-id=[0-9a-f]+/)) shard = substr($2, RSTART + 10, RLENGTH - 10)
        }
        NR == FNR { shard_of[$1] = shard; next }
        shard != "" && shard_of[$4] != "" && shard_of[$4] != shard {
            sub(/,shard-id=[0-9a-f]+/, ",shard-id=" shard_of[$4])
            changed = 1
        }
        { print }
        END { exit !changed }' "$NODES" "$NODES" >"$NODES.new" && mv -f "$NODES.new" "$NODES"; then
        say "nodes.conf: gave replicas the shard id of their masters"
    else
        rm -f "$NODES.new"
    fi
}

# Prints how long a promotion may take: the peers need one node timeout to call a master failed, the election
# up to another.
failover_seconds() {
    timeout=$(setting cluster-node-timeout)
    [ -n "$timeout" ] || timeout=15000
    echo $((2 * timeout / 1000 + 3))
}

# Waits for the replica's promotion where starting at once would cost data: a master that comes back
# empty is copied by its replica, without any error. With a restored node list the role may be out of
# date; a master that returns as a replica would drop its slots, after a promotion it may.
guard_empty_master() {
    [ -e "$NODES" ] || return
    # shellcheck disable=SC2046 # splits into words
    set -- $(judge_nodes_file "$NODES")
    role=$3
    slots=$4
    replicas=$5
    if [ "$restored" = yes ]; then
        why='the restored node list may name an old role'
    elif [ "$role" = master ] && [ "$slots" -gt 0 ] && [ "$replicas" -gt 0 ] && ! has_append_only_file; then
        why='this node was a master and has no append-only file: its replica has more'
    else
        return
    fi
    seconds=$(failover_seconds)
    say "waiting $seconds s before the start, so that a replica is promoted: $why"
    pause "$seconds"
}

# Prints the peers' views of masters with slots at this pod's address. A few peers are enough, they agree.
predecessors() {
    load_password
    topology | {
        asked=0
        while read -r host _; do
            [ "$asked" -lt 8 ] || break
            case $host in
            "$POD_NAME".*) continue ;;
            esac
            { ip=$(resolve "$host") && ask 2 "$ip" CLUSTER NODES; } &
            asked=$((asked + 1))
        done
        wait
    } | awk -v own="$own_ip" '
        NF > 8 && $3 ~ /master/ {
            ip = $2
            sub(/,.*/, "", ip)
            sub(/@.*/, "", ip)
            sub(/:[0-9]*$/, "", ip)
            if (ip == own) print
        }'
}

# A volume can be lost while the pod keeps its address. Where a master was, its replica dials, and would
# copy the nothing that a new server has; and Redis up to 8 never fails a master over whose address somebody
# else answers at. So a new server waits until nobody counts on its predecessor any more.
guard_predecessor() {
    [ ! -e "$NODES" ] || return
    guard_until=$(($(date +%s) + $(failover_seconds)))
    guard_said=no
    while [ -n "$(predecessors)" ]; do
        [ "$guard_said" = yes ] ||
            say "waiting: the peers know a master with slots at $own_ip, and this server is new and empty"
        guard_said=yes
        if [ "$(date +%s)" -ge "$guard_until" ]; then
            say "nobody has taken over in time: starting all the same"
            return
        fi
        pause 1
    done
}

# Writes what the server needs to know its own cluster's masters from those of another one. When a
# master's address moves to a pod of another cluster, its replica dials it within a second and would
# copy that pod's data over its own, long before the failover.
# Not on the command line, where everybody on the node could read a password.
write_credentials() {
    umask 077
    if [ -n "$PASSWORD_FILE" ]; then
        first_line "$PASSWORD_FILE" || refuse "the password file $PASSWORD_FILE is missing or empty"
        cat "$PASSWORD_FILE" >"$ACCEPTED" || refuse "cannot write $ACCEPTED"
        write_users "$ACCEPTED" "$APPLIED_USERS" "$LOGINS" || refuse "cannot write $APPLIED_USERS and $LOGINS"
        write_exporter_password "$ACCEPTED"
        first_line "$ACCEPTED"
        cat "$APPLIED_USERS"
        user=_replication
        printf 'masteruser %s\nmasterauth %s\n' "$user" "$(derived "$user" "$line")"
    else
        # Without a password, a name does it: a user that only this cluster's servers have. Whoever can
        # log in as this user can log in as the default user as well, so it gives nothing away. Valkey 9 moves
        # slots as this user, and checks its right to each write that it carries.
        user=replica-of-$(topology | sed -n '1s/^[^.]*\.\([^ .]*\).*/\1/p')-$BUS_PORT
        printf 'user %s on nopass ~* &* +@all\n' "$user"
        printf 'masteruser %s\nmasterauth %s\n' "$user" "$user"
    fi >"$CREDENTIALS" || refuse "cannot write $CREDENTIALS"
    umask 022
}

# When a master's address moves to a pod of its own cluster, the credentials keep nobody apart. Its replica would copy
# that pod's data over its own, be elected, since it has been in touch with a master, and its master would copy that
# in turn. So a server that comes back as a replica, and may dial an address of before, gets no login until heal.sh
# has seen that it dials its master.
hold_back() {
    [ -e "$NODES" ] || return
    # shellcheck disable=SC2046 # splits into words
    set -- $(judge_nodes_file "$NODES")
    [ "$3" = slave ] || return
    if ! printf '%s\n' "$user" >"$HELD" || ! printf 'masteruser %s\n' "$NOBODY" >>"$CREDENTIALS"; then
        refuse "cannot write $HELD and $CREDENTIALS"
    fi
}

# Prints the address that a node list has for the node itself.
address_before() {
    awk '"," $3 "," ~ /,myself,/ {
        sub(/,.*/, "", $2)
        sub(/@.*/, "", $2)
        sub(/:[0-9]*$/, "", $2)
        print $2
    }' "$NODES"
}

# And a server at an address that it did not have before, which others may dial for somebody else, lets nobody copy
# it until heal.sh has seen where the masters are.
close_copies() {
    [ -e "$NODES" ] && [ "$(address_before)" != "$own_ip" ] || return
    if ! printf '%s\n' "$user" >"$CLOSED" ||
        ! (umask 077 && sed "s/^user $user on /user $user off /" "$CREDENTIALS" >"$CREDENTIALS.new") ||
        ! mv -f "$CREDENTIALS.new" "$CREDENTIALS"; then
        refuse "cannot write $CLOSED and $CREDENTIALS"
    fi
}

# Runs the heal loop beside the server, whose process id is $1, and again should it ever end. Its
# bursts of small processes after a start must not keep the server waiting.
keep_healing() {
    # Not every image has nice.
    yielding=
    if command -v nice >/dev/null; then
        yielding='nice -n 5'
    fi
    while
        # shellcheck disable=SC2086 # nothing, or a command with its option
        OWN_IP=$own_ip SERVER=$1 $yielding /bin/sh "$CONF/heal.sh"
        kill -0 "$1" 2>/dev/null
    do
        say "the heal loop has ended, starting it again"
        sleep 1
    done
}

# From here on it runs.
trap 'exit 143' TERM INT
# /tmp outlives a restart of the container.
rm -f "$JOINED" "$HEALER" "$HURRYING" "$HELD" "$CLOSED" "$ACCEPTED" "$APPLIED_USERS" "$LOGINS" "$CREDENTIALS" \
    "$APPLIED" "$CERTIFICATES" "$ANNOUNCED" "$RUN/server.sock" "$RUN"/port-*

case $ENGINE in
redis | valkey) ;;
*) refuse "ENGINE is '$ENGINE', not redis or valkey" ;;
esac
own_ip=$(own_address) ||
    refuse "POD_IPS is '$POD_IPS': no address of the wanted family ($IP_FAMILY) to announce to the peers"
AOF_DIR=$(setting appenddirname)
[ -n "$AOF_DIR" ] || AOF_DIR=appendonlydir
[ -w "$DATA" ] || refuse "$DATA is not writable by user $(id -u)"

guard_nodes_file
align_shard_ids
guard_empty_master
write_credentials
hold_back
close_copies
guard_predecessor

set -- "$CONF/redis.conf" --include "$CREDENTIALS" --cluster-announce-ip "$own_ip"
announced=$ANNOUNCE_HOSTNAME
if outside_of "$POD_NAME"; then
    announced=$outside
    printf '%s\n' "$outside" >"$ANNOUNCED" || refuse "cannot write $ANNOUNCED"
    if [ -n "$port" ]; then
        remember_port 127.0.0.1 "$port" || refuse "cannot write to $RUN"
        [ -z "$TLS_DIR" ] || set -- "$@" --tls-port "$port"
        [ -n "$TLS_DIR" ] || set -- "$@" --port "$port"
    fi
elif [ -r "$CONF/external" ]; then
    refuse "$CONF/external does not list $POD_NAME: the mounted file is not yet the new one"
fi
[ -z "$announced" ] || set -- "$@" --cluster-announce-hostname "$announced"

# The ConfigMap may be that of a later change.
if is_for_larger_limit "$(setting maxmemory)"; then
    set -- "$@" --maxmemory "$MAXMEMORY_LIMIT"
fi

# Before the server reads them: what changes in between is applied once more.
cp "$CONF/live.conf" "$APPLIED" || refuse "cannot write $APPLIED"
if [ -n "$TLS_DIR" ]; then
    for file in ca.crt tls.crt tls.key; do
        [ -s "$TLS_DIR/$file" ] || refuse "the certificate's file $TLS_DIR/$file is missing or empty"
    done
    cat "$TLS_DIR/ca.crt" "$TLS_DIR/tls.crt" >"$CERTIFICATES" || refuse "cannot write $CERTIFICATES"
fi

say "starting $ENGINE-server, announced as $own_ip"
read -r server _ </proc/self/stat
keep_healing "$server" &
exec "$ENGINE-server" "$@"
