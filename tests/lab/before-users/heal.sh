# shellcheck shell=sh
# Runs beside the server, as its child, for as long as it lives. Each pass:
#   - finds peers that have moved, by their names, and tells the server where they are (MEET);
#   - writes the mark for the readiness probe when there is nobody left to tell;
#   - mends a replica that dials an address its master no longer has;
#   - keeps a copy of nodes.conf, for the entrypoint;
#   - applies live.conf when it has changed;
#   - hands a renewed certificate and changed passwords to the server.
# Later than the first minute, a pass in which all is well asks the own server once and nobody else.

# shellcheck source=lib.sh
. /conf/lib.sh
PART=heal

# Seconds that a peer has for its answer.
PATIENCE=2

# Brings the answers to CLUSTER INFO, CLUSTER NODES and INFO replication down to the words that the
# passes need, one "key value" in each line:
#   self ID            own node id
#   state ok|fail      cluster_state
#   role, link, dialled    role; for a replica: link status, the address it dials
#   master ID IP       for a replica: its master, as the cluster sees it, if it is well
#   peers NUMBER       other nodes it knows
#   sick NUMBER        of them: not connected, suspected, failed or without address
#   headless NUMBER    of the sick: those that own slots
#   known ID=IP@PORT=WELL   every peer, with bus port, and yes or no
#   shape TEXT         changes with ids, roles, slots and addresses, not with time
digest() {
    awk '
        function ip_of(address) { sub(/,.*/, "", address); sub(/@.*/, "", address); sub(/:[0-9]*$/, "", address); return address }
        function bus_of(address) { sub(/,.*/, "", address); sub(/.*@/, "", address); return address }
        { sub(/\r$/, "") }
        /^cluster_state:/ { print "state", substr($0, 15) }
        /^role:/ { print "role", substr($0, 6) }
        /^master_link_status:/ { print "link", substr($0, 20) }
        /^master_host:/ { print "dialled", substr($0, 13) }
        length($1) == 40 && $1 !~ /[^0-9a-f]/ && NF >= 8 {
            ip = ip_of($2)
            slots = ""
            for (i = 9; i <= NF; i++) slots = slots " " $i
            role = $3 ~ /master/ ? "master" : "slave"
            if ($3 ~ /handshake/) next
            shape = shape $1 " " role " " $4 " " ip slots ";"
            if ($3 ~ /myself/) { print "self", $1; master = $4; next }
            peers++
            well = $8 == "connected" && $3 !~ /fail|noaddr/
            print "known", $1 "=" ip "@" bus_of($2) "=" (well ? "yes" : "no")
            if (well) address[$1] = ip
            else { sick++; if (slots != "") headless++ }
        }
        END {
            if (master in address) print "master", master, address[master]
            print "peers", peers + 0
            print "sick", sick + 0
            print "headless", headless + 0
            print "shape", shape
        }'
}

# Asks the own server and sets the variables of "digest"; false while it gives no view (loading).
look() {
    self='' state='' role='' link='' dialled='' master_id='' master_ip='' shape=''
    known=' ' peers=0 sick=0 headless=0
    seen=$(printf 'CLUSTER INFO\nCLUSTER NODES\nINFO replication\n' | own | digest)
    while read -r key value more; do
        case $key in
        self) self=$value ;;
        state) state=$value ;;
        role) role=$value ;;
        link) link=$value ;;
        dialled) dialled=$value ;;
        master) master_id=$value master_ip=$more ;;
        peers) peers=$value ;;
        sick) sick=$value ;;
        headless) headless=$value ;;
        known) known="$known$value " ;;
        shape) shape="$value $more" ;;
        esac
    done <<SEEN
$seen
SEEN
    [ -n "$self" ]
}

# Prints the node id of the server at an address; nothing if it does not tell.
id_at() {
    id=$(ask "$PATIENCE" "$1" CLUSTER MYID)
    case $id in
    *NOAUTH* | *WRONGPASS*)
        # That pod may have started with a newer password than this one.
        if [ -n "$PASSWORD_FILE" ] && first_line "$PASSWORD_FILE"; then
            id=$(export REDISCLI_AUTH="$line" && ask "$PATIENCE" "$1" CLUSTER MYID)
        fi
        ;;
    esac
    case $id in
    '' | *[!0-9a-f]*) ;;
    *) printf '%s\n' "$id" ;;
    esac
}

# Looks who answers under the name $1 and prints what that means for this node:
#   same HOST IP ID      a peer at the address that this node has for it
#   moved HOST IP ID     a peer at another address
#   strange HOST IP ID   somebody whom this node does not know
# Nothing if nobody answers.
inspect() {
    ip=$(resolve "$1") || return
    [ "$ip" != "$OWN_IP" ] || return
    id=$(id_at "$ip")
    case $known in
    *" $id=$ip@$BUS_PORT="*) printf 'same %s %s %s\n' "$1" "$ip" "$id" ;;
    *" $id="*) printf 'moved %s %s %s\n' "$1" "$ip" "$id" ;;
    *) [ -z "$id" ] || printf 'strange %s %s %s\n' "$1" "$ip" "$id" ;;
    esac
}

# Sets settled to the names that need not be asked again: those under which an earlier pass found a
# server that this node still reaches there, and strangers as long as no peer is missing.
keep_settled() {
    # shellcheck disable=SC2086 # pairs of HOST ID=IP@PORT
    set -- $answered
    answered=' ' settled=' '
    while [ $# -ge 2 ]; do
        case "$known$sick" in
        *" $2=yes "* | *" 0")
            answered="$answered$1 $2 "
            settled="$settled$1 "
            ;;
        esac
        shift 2
    done
}

# Several names at once: a pass must not take the sum of all silences. Not all of them: each takes
# some memory, of which the server must not run short.
inspect_all() {
    topology | {
        asked=0
        while read -r host _; do
            case $settled in
            *" $host "*) continue ;;
            esac
            inspect "$host" &
            asked=$((asked + 1))
            [ $((asked % 8)) -ne 0 ] || wait
        done
        wait
    }
}

# Tells the server where its lost peers are. MEET would join two clusters for good if a name led to a
# pod of another one, so only ids that this node already knows are met. MEET needs the bus port:
# without it the server answers OK and dials the client port plus 10000.
#
# In the first passes the server's word that a peer is well is not enough: it calls a link connected
# while it still dials, and after a start it dials the addresses of before.
meet_moved_peers() {
    met=0
    [ "$peers" -gt 0 ] || return
    [ "$passes" -le 20 ] || [ "$sick" -gt 0 ] || return
    strangers=' '
    keep_settled
    found=$(inspect_all)
    while read -r kind host ip id; do
        case $kind in
        same) answered="$answered$host $id=$ip@$BUS_PORT " ;;
        strange)
            answered="$answered$host $id=$ip@$BUS_PORT "
            note_stranger "$host" "$ip" "$id"
            ;;
        moved)
            say "$host (id $id) is at $ip now, the server has another address for it: MEET"
            own CLUSTER MEET "$ip" "$CLIENT_PORT" "$BUS_PORT" >/dev/null
            met=$((met + 1))
            ;;
        esac
    done <<FOUND
$found
FOUND
    strangers_before=$strangers
}

# Says once that somebody unknown has a peer's name, if a peer is missing and it is so in two passes.
# While a cluster is being made, pods do not know all of the others yet.
note_stranger() {
    [ "$sick" -gt 0 ] || return
    strangers="$strangers$1=$3 "
    case $strangers_before in
    *" $1=$3 "*) ;;
    *) return ;;
    esac
    case $strangers_said in
    *" $1=$3 "*) return ;;
    esac
    strangers_said="$strangers_said$1=$3 "
    say "at $2, the address of $1, answers node $3, which this node does not know: not met"
}

# Silent or unknown peers do not hold the mark back, only those of which the server had to be told
# something; and those not for ever.
mark_joined() {
    [ "$marked" = no ] || return
    [ "$met" -eq 0 ] || [ "$passes" -ge 20 ] || return
    # Not with ":", a failed redirection of which ends the shell.
    echo joined >"$JOINED"
    marked=yes
    say "joined ($peers peers known, $sick of them not well, $met just told to the server)"
}

# A replica can go on dialling its master's old address although the cluster shows the new one. Two
# passes in a row without a MEET between them, since right after one the views are only settling.
is_stale_link() {
    [ "$met" -eq 0 ] && [ "$role" = slave ] && [ "$link" = down ] &&
        [ -n "$master_ip" ] && [ "$dialled" != "$master_ip" ]
}

mend_stale_link() {
    if ! is_stale_link; then
        stale_passes=0
        return
    fi
    stale_passes=$((stale_passes + 1))
    [ "$stale_passes" -ge 2 ] || return
    say "link down: this replica dials $dialled, its master $master_id is at $master_ip: REPLICATE it again"
    say "answer: $(own CLUSTER REPLICATE "$master_id")"
    stale_passes=0
}

# Keeps a copy of nodes.conf from a time at which the cluster was whole and this node in it. An older
# or a lonely one would bring the node back without its peers.
save_nodes_file() {
    [ "$marked" = yes ] && [ "$state" = ok ] && [ "$peers" -gt 0 ] && [ "$headless" -eq 0 ] || return
    [ "$shape" != "$saved_shape" ] || return
    case $(judge_nodes_file "$NODES") in
    "good $self $role "*" yes") ;;
    # Not written yet, or a disk problem: the next pass looks again.
    *) return ;;
    esac
    if cp "$NODES" "$SAVED_NODES.new" 2>/dev/null && mv -f "$SAVED_NODES.new" "$SAVED_NODES"; then
        saved_shape=$shape
        return
    fi
    rm -f "$SAVED_NODES.new"
    [ "$save_failed" = yes ] || say "cannot save a copy of nodes.conf: is the volume full?"
    save_failed=yes
}

# Prints one "CONFIG SET name value" for each directive of the text on stdin. CONFIG SET wants the
# values of a repeated directive, such as save, as one.
config_commands() {
    awk '
        NF == 0 || /^ *#/ { next }
        {
            name = tolower($1)
            sub(/^ *[^ ]+ */, "")
            sub(/[ \r]+$/, "")
            if (name in value) value[name] = value[name] " " $0
            else { value[name] = $0; order[++count] = name }
        }
        END {
            for (i = 1; i <= count; i++) {
                text = value[order[i]]
                if (text ~ / / && text !~ /^"[^"]*"$/) {
                    gsub(/"/, "", text)
                    text = "\"" text "\""
                }
                print "CONFIG SET", order[i], text
            }
        }'
}

# Applies one line of "config_commands".
apply() {
    answer=$(printf '%s\n' "$1" | own)
    case $answer in
    OK) say "live.conf changed: $1" ;;
    *) say "live.conf changed, but the server refuses '$1': $answer" ;;
    esac
}

# A directive that has left live.conf falls back to redis.conf.
apply_removed() {
    fallback=$(grep -i "^$1 " "$CONF/redis.conf" | config_commands)
    if [ -n "$fallback" ]; then
        apply "$fallback"
    else
        say "live.conf no longer has $1: the server keeps the value until its next start"
    fi
}

apply_live_conf() {
    [ -r "$CONF/live.conf" ] || return
    slurp "$CONF/live.conf"
    [ "$text" != "$live_text" ] || return
    before=$(printf '%s' "$live_text" | config_commands)
    after=$(printf '%s' "$text" | config_commands)
    live_text=$text
    while read -r config set name value; do
        [ -n "$name" ] || continue
        case "
$before
" in
        *"
$config $set $name $value
"*) ;;
        *) apply "$config $set $name $value" ;;
        esac
    done <<AFTER
$after
AFTER
    while read -r config set name value; do
        [ -n "$name" ] || continue
        case "
$after" in
        *"
CONFIG SET $name "*) ;;
        *) apply_removed "$name" ;;
        esac
    done <<BEFORE
$before
BEFORE
    printf '%s' "$live_text" >"$APPLIED"
}

# Hands a renewed certificate to the server. Certificate, key and authority go in one command: what does not
# belong together is refused, and the old ones stay.
apply_certificates() {
    [ -n "$TLS_DIR" ] || return
    slurp "$TLS_DIR/ca.crt"
    renewed=$text
    slurp "$TLS_DIR/tls.crt"
    renewed=$renewed$text
    [ "$renewed" != "$certificates" ] || return
    answer=$(own CONFIG SET tls-ca-cert-file "$TLS_DIR/ca.crt" tls-cert-file "$TLS_DIR/tls.crt" \
        tls-key-file "$TLS_DIR/tls.key")
    if [ "$answer" = OK ]; then
        certificates=$renewed
        printf '%s' "$certificates" >"$CERTIFICATES"
        say "the server has the renewed certificate"
    elif [ "$answer" != "$certificate_said" ]; then
        say "the server refuses the renewed certificate: $answer"
    fi
    certificate_said=$answer
}

# Lets the server accept the passwords that the mounted file has now, and log in to masters with the first one.
# Who is logged in stays so.
apply_passwords() {
    [ -n "$PASSWORD_FILE" ] && first_line "$PASSWORD_FILE" || return
    password=$line
    slurp "$PASSWORD_FILE"
    [ "$text" != "$passwords" ] || return
    rules=$(password_rules <"$PASSWORD_FILE")
    answer=$(printf 'ACL SETUSER default resetpass%s\nCONFIG SET masterauth %s\n' "$rules" "$(quoted "$password")" | own)
    case $answer in
    OK*OK)
        passwords=$text
        (umask 077 && printf '%s' "$passwords" >"$ACCEPTED")
        # shellcheck disable=SC2086 # counts the words
        set -- $rules
        say "the server accepts the passwords of the changed Secret: $#"
        ;;
    *) say "the server refuses the passwords of the changed Secret: $answer" ;;
    esac
}

pass() {
    load_password
    look || return
    passes=$((passes + 1))
    meet_moved_peers
    mark_joined
    mend_stale_link
    save_nodes_file
    apply_live_conf
    apply_certificates
    apply_passwords
}

# Each second for the first 20 passes, then every 5 s: replicas that come back elsewhere must be known
# before they have to vote or be voted for. Each second for longer while something is wrong: a name in
# DNS may be 30 s old. A server that is loading for longer than a minute is asked less often.
between_passes() {
    tries=$((tries + 1))
    if [ "$met" -gt 0 ] || { [ "$passes" -lt 20 ] && [ "$tries" -lt 60 ]; } ||
        { [ "$passes" -lt 60 ] && [ "$sick" -gt 0 ]; }; then
        sleep 1
    else
        sleep 5
    fi
}

# From here on it runs.
read -r own_pid _ </proc/self/stat
echo "$own_pid" >"$HEALER"
passes=0 tries=0 met=0 marked=no stale_passes=0 saved_shape='' save_failed=no sick=0
answered=' ' strangers_before=' ' strangers_said=' '
slurp "$APPLIED"
live_text=$text
slurp "$CERTIFICATES"
certificates=$text certificate_said=
slurp "$ACCEPTED"
passwords=$text

# Alone in its container the server takes this loop with it when it ends.
while between_passes && kill -0 "$SERVER" 2>/dev/null; do
    pass
done
