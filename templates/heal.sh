# shellcheck shell=sh
# Runs beside the server, as its child, for as long as it lives. Each pass:
#   - finds peers that have moved, by their names, and tells the server where they are (MEET);
#   - writes the mark for the readiness probe when there is nobody left to tell;
#   - shortens the time for which masters that are back stay failed, where it holds this server up;
#   - goes on giving slots away where it took over from a master that did;
#   - lets a replica that has come back copy its master, once it is its master that it dials;
#   - lets others copy this server, once no replica can take it for its own master;
#   - mends a replica that dials an address its master no longer has;
#   - keeps a copy of nodes.conf, for the entrypoint, until the node leaves the cluster;
#   - applies live.conf when it has changed;
#   - hands a renewed certificate, changed users, changed passwords and a changed outside host to the server;
#   - lets a replica log in as a user that its master knows.
# Later than the first minute, a pass in which all is well asks the own server once and nobody else.

# shellcheck source=lib.sh
. /conf/lib.sh
PART=heal
ROLE=_heal

# Seconds that a peer has for its answer.
PATIENCE=2

# Brings the answers to CLUSTER INFO, CLUSTER NODES and INFO replication down to the words that the
# passes need, one "key value" in each line:
#   self ID            own node id
#   state ok|fail      cluster_state
#   role, link, dialled    role; for a replica: link status, the address it dials
#   master ID IP       for a replica: its master, and where the cluster sees it if it is well
#   peers NUMBER       other nodes it knows
#   sick NUMBER        of them: not connected, suspected, failed or without address
#   headless NUMBER    of the sick: those that own slots
#   failed ID          each of the headless that counts as failed
#   owner ID SEEN IPS  each peer that owns slots: yes or no, whether it has been in touch since this loop began;
#                      and where replicas of it are that are well, each with a comma before it, or none
#   known ID=IP@PORT=WELL   every peer, with bus port, and yes or no
#   shape TEXT         changes with ids, roles, slots and addresses, not with time
digest() {
    awk -v began="$began" '
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
            else sick++
            if (well && role == "slave") replicas[$4] = replicas[$4] "," ip
            # What the server has read from its file counts as heard of when it started.
            if (slots != "") seen[$1] = well && $6 > (began + 3) * 1000 ? "yes" : "no"
            if (well || slots == "") next
            headless++
            if ($3 ~ /(^|,)fail(,|$)/) print "failed", $1
        }
        END {
            if (master != "-") print "master", master, address[master]
            for (id in seen) print "owner", id, seen[id], id in replicas ? replicas[id] : "none"
            print "peers", peers + 0
            print "sick", sick + 0
            print "headless", headless + 0
            print "shape", shape
        }'
}

# Asks the own server and sets the variables of "digest"; false while it gives no view (loading).
look() {
    self='' state='' role='' link='' dialled='' master_id='' master_ip='' shape=''
    known=' ' failed=' ' owners='' peers=0 sick=0 headless=0
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
        failed) failed="$failed$value " ;;
        owner) owners="$owners $value $more" ;;
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

# MEET needs the bus port: without it the server answers OK and dials the client port plus 10000.
meet() {
    port_at "$1"
    own CLUSTER MEET "$1" "$port" "$BUS_PORT" >/dev/null
}

# Tells the server where its lost peers are. MEET would join two clusters for good if a name led to a
# pod of another one, so only ids that this node already knows are met.
#
# A peer that is back counts as failed until it has answered a ping, and as long as others hear of it the server may
# send none for ten seconds and more. After a MEET the peer ends the link of before, and a new link begins with a ping.
#
# In the first passes the server's word that a peer is well is not enough: it calls a link connected
# while it still dials, and after a start it dials the addresses of before.
meet_moved_peers() {
    met=0 returned=0
    [ "$peers" -gt 0 ] || return
    [ "$passes" -le 20 ] || [ "$sick" -gt 0 ] || return
    strangers=' '
    keep_settled
    found=$(inspect_all)
    while read -r kind host ip id; do
        # Also where it counts as failed: one that is back stays so for two node timeouts.
        [ "$id" != "$master_id" ] || master_ip=$ip
        case $kind in
        same)
            answered="$answered$host $id=$ip@$BUS_PORT "
            case $failed in
            *" $id "*) returned=$((returned + 1)) ;;
            esac
            case $known in
            *" $id=$ip@$BUS_PORT=no "*) meet "$ip" ;;
            esac
            ;;
        strange)
            answered="$answered$host $id=$ip@$BUS_PORT "
            note_stranger "$host" "$ip" "$id"
            ;;
        moved)
            say "$host (id $id) is at $ip now, the server has another address for it: MEET"
            meet "$ip"
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

# Sets the server's node timeout to $1 milliseconds; if it is refused, says so once and is false.
set_node_timeout() {
    answer=$(own CONFIG SET cluster-node-timeout "$1")
    if [ "$answer" = OK ]; then
        timeout_said=
        return
    fi
    [ "$answer" = "$timeout_said" ] || say "the server refuses a cluster-node-timeout of $1 ms: $answer"
    timeout_said=$answer
    return 1
}

# Sets "usual" to the node timeout that the files give.
usual_node_timeout() {
    usual=$(setting cluster-node-timeout)
    [ -n "$usual" ] || usual=15000
}

# True if masters that count as failed hold this server up: it serves nothing, or it is a replica, which has nothing to
# serve. A master that serves must not hurry: with a short node timeout it takes a busy master for dead.
is_held_up() {
    [ "$failed" != ' ' ] || [ "$state" = fail ] || return
    [ "$state" = fail ] || [ "$role" = slave ]
}

# A failed master that is back stays failed for two node timeouts, so that its replica can take over; and a server for
# which most masters are failed serves nothing, for one more. When all pods have restarted, replicas that have not been
# in touch with their masters cannot take over, and there is nothing to wait for. So where failed masters have answered
# in three passes, this server counts with a fifth of its node timeout until it is no longer held up: once in its life,
# soon after its start, for ten passes. A replica whose own master is away keeps its time for the election.
start_hurry() {
    if [ "$returned" -eq 0 ] || ! is_held_up || { [ "$role" = slave ] && [ -z "$master_ip" ]; }; then
        returned_passes=0
        return
    fi
    returned_passes=$((returned_passes + 1))
    [ "$returned_passes" -ge 3 ] && [ "$passes" -le 60 ] && [ "$hurried_passes" -eq 0 ] && [ ! -e "$HURRYING" ] ||
        return
    usual_node_timeout
    short=$((usual / 5))
    [ "$short" -ge 1000 ] || short=1000
    [ "$short" -lt "$usual" ] && echo hurrying >"$HURRYING" && set_node_timeout "$short" &&
        say "failed masters are back: cluster-node-timeout is $short ms instead of $usual until they count as well"
}

# Before anything that takes time.
end_hurry() {
    [ -e "$HURRYING" ] || return
    hurried_passes=$((hurried_passes + 1))
    [ "$hurried_passes" -gt 10 ] || ! is_held_up || return
    usual_node_timeout
    set_node_timeout "$usual" && rm -f "$HURRYING" &&
        say "cluster-node-timeout is $usual ms again, cluster_state is $state"
}

# Prints "MASTER FROM SLOT..." for each master that gives slots to the server at $1, which is the master MASTER; then
# "answered". All in one piece, since several do so at the same time.
slots_on_their_way() {
    ask "$PATIENCE" "$1" CLUSTER NODES | awk '
        { sub(/\r$/, "") }
        $3 ~ /myself/ {
            for (i = 9; i <= NF && $3 ~ /master/; i++) {
                if ($i !~ /-<-/) continue
                gsub(/[][]/, "", $i)
                split($i, part, "-<-")
                slots[part[2]] = slots[part[2]] " " part[1]
            }
            for (from in slots) text = text $1 " " from slots[from] "\n"
            print text "answered"
        }'
}

# The same of the servers at all addresses, several at once.
all_slots_on_their_way() {
    asked=0
    for address in "$@"; do
        slots_on_their_way "$address" &
        asked=$((asked + 1))
        [ $((asked % 8)) -ne 0 ] || wait
    done
    wait
}

# Prints the addresses of the other masters, from the own answer to CLUSTER NODES, but for those that are dead.
other_masters() {
    awk '
        length($1) == 40 && $3 ~ /master/ && $3 !~ /myself|fail(,|$)|noaddr|handshake/ {
            sub(/,.*/, "", $2)
            sub(/@.*/, "", $2)
            sub(/:[0-9]*$/, "", $2)
            print $2
        }'
}

# Prints the commands that go on giving slots away, from the own answer to CLUSTER NODES and what other masters say: the
# slots that this node serves, and that somebody is getting from a node which serves nothing any more.
giving_commands() {
    awk '
        { sub(/\r$/, "") }
        length($2) == 40 && $2 !~ /[^0-9a-f]/ {
            for (i = 3; i <= NF && !($2 in serves); i++)
                if (($i in own) && !($i in given)) print "CLUSTER SETSLOT", $i, "MIGRATING", $1
            next
        }
        length($1) == 40 && NF > 8 {
            if ($3 !~ /myself/) {
                if ($3 ~ /master/ && $3 !~ /fail|noaddr/) serves[$1] = 1
                next
            }
            for (i = 9; i <= NF; i++) {
                if ($i ~ /^\[/) {
                    gsub(/[][]/, "", $i)
                    given[$i + 0] = 1
                    continue
                }
                if (split($i, ends, "-") < 2) ends[2] = ends[1]
                for (slot = ends[1] + 0; slot <= ends[2] + 0; slot++) own[slot] = 1
            }
        }'
}

# Redis does not tell replicas which slots their master is giving away. One that takes over meanwhile would say of keys that
# have gone already that there are none, until the Job has its turn, and let clients write them anew. So the others are
# asked: until all masters have told and nothing is left to do, but not for ever.
go_on_giving() {
    if [ "$role" = slave ]; then
        took_over=yes giving_passes=0 giving_said=
        return
    fi
    [ "$took_over" = yes ] || return
    giving_passes=$((giving_passes + 1))
    [ "$giving_passes" -lt 12 ] || took_over=no
    # shellcheck disable=SC2046 # words
    set -- $(own CLUSTER NODES | other_masters)
    on_their_way=$(all_slots_on_their_way "$@")
    giving=$({ own CLUSTER NODES && printf '%s\n' "$on_their_way"; } | giving_commands)
    if [ -z "$giving" ]; then
        [ "$(printf '%s\n' "$on_their_way" | grep -c answered)" -lt $# ] || took_over=no
        return
    fi
    answer=$(refused "$giving")
    [ -n "$answer" ] || answer=ok
    [ "$answer" = "$giving_said" ] ||
        say "took over from a master that was giving slots away; going on with $(printf '%s\n' "$giving" | grep -c .): $answer"
    giving_said=$answer
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

# True if this replica dials its master. What this pass has told the server may have changed whom it dials: after a
# MEET, as soon as that peer answers. An address that the master has left is asked nothing: where nobody is, that
# takes long.
dials_master() {
    [ -n "$master_ip" ] || return
    [ "$met" -eq 0 ] || sleep 0.3
    dialled=$(own INFO replication | tr -d '\r' | sed -n 's/^master_host://p')
    [ "$dialled" = "$master_ip" ] && [ "$(id_at "$dialled")" = "$master_id" ]
}

# Gives a server that came back as a replica its login ("hold_back" of entrypoint.sh), once the server that it dials
# is its master.
let_copy() {
    [ -e "$HELD" ] || return
    if [ "$role" = slave ] && ! dials_master; then
        if [ "$passes" -ge 5 ] && [ -z "$held_said" ]; then
            say "this replica dials $dialled, where its master $master_id has not been found yet: it copies nobody"
            held_said=waits
        fi
        return
    fi
    first_line "$HELD"
    answer=$(own CONFIG SET masteruser "$line")
    if [ "$answer" = OK ]; then
        rm -f "$HELD"
        [ -z "$held_said" ] || say "this replica dials its master now, at $dialled: it may copy"
    elif [ "$answer" != "$held_said" ]; then
        say "the server refuses the login to its master: $answer"
        held_said=$answer
    fi
}

# True if one of the servers at these addresses, each with a comma before it, takes this server for its master.
is_dialled_by() {
    for address in $(printf '%s' "$1" | tr ',' ' '); do
        ask "$PATIENCE" "$address" INFO replication | tr -d '\r' | grep -qxF "master_host:$OWN_IP" && return
    done
    return 1
}

# True if a master with slots has neither been in touch nor been found under its name, so that a replica of it may dial
# this server: until it is found, or another one has its slots. A master may be away for long; so its replicas are asked
# when there was time to find them.
may_be_mistaken() {
    # shellcheck disable=SC2086 # triples of ID SEEN IPS
    set -- $owners
    while [ $# -ge 3 ]; do
        case $2$answered in
        yes* | *" $1="*) ;;
        *)
            mistaken_for=$1
            [ "$passes" -ge 20 ] && ! is_dialled_by "$3" || return 0
            ;;
        esac
        shift 3
    done
    return 1
}

# Lets others copy this server, which is at a new address ("close_copies" of entrypoint.sh).
let_be_copied() {
    [ -e "$CLOSED" ] || return
    if may_be_mistaken; then
        [ "$passes" -ne 20 ] ||
            say "nobody may copy this server: master $mistaken_for is away, and a replica of it takes this one for it"
        return
    fi
    first_line "$CLOSED"
    answer=$(own ACL SETUSER "$line" on)
    if [ "$answer" = OK ]; then
        rm -f "$CLOSED"
        [ "$passes" -lt 20 ] || say "others may copy this server now"
    elif [ "$answer" != "$closed_said" ]; then
        say "the server refuses to be copied: $answer"
        closed_said=$answer
    fi
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

# A pod that has left the cluster must not find its way back by a copy of the time before.
drop_nodes_file() {
    [ "$peers" -eq 0 ] && [ -e "$SAVED_NODES" ] && is_retiring || return
    rm -f "$SAVED_NODES"
    saved_shape=
    say "this node has left the cluster: removed the copy of its node list"
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
        *)
            if [ "$name" = maxmemory ] && is_for_larger_limit "$value"; then
                say "live.conf changed: maxmemory $value waits for this pod's restart, which brings the memory for it"
            else
                apply "$config $set $name $value"
            fi
            ;;
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

# Prints the commands that make the users of file $2 out of those of file $1. Each is one command, so a user is
# never without its rules.
user_commands() {
    awk '
        { name = $2; rules = $0; sub(/^user [^ ]+ /, "", rules) }
        NR == FNR { before[name] = rules; next }
        {
            after[name] = 1
            if (!(name in before) || before[name] != rules) print "ACL SETUSER", name, "reset", rules
        }
        END { for (name in before) if (!(name in after)) print "ACL DELUSER", name }' "$1" "$2"
}

# Prints the command that lets the server log in to its master as user $1, or as nobody yet; file $2 holds the
# cluster's passwords.
replication_command() {
    first_line "$2"
    login=$1
    [ ! -e "$HELD" ] || login=$NOBODY
    if [ "$login" = default ]; then
        printf 'CONFIG SET masteruser "" masterauth %s\n' "$(quoted "$line")"
    else
        printf 'CONFIG SET masteruser %s masterauth %s\n' "$login" "$(derived "$1" "$line")"
    fi
}

# Hands commands to the own server and prints what it refuses; nothing if all is well.
refused() {
    { printf '%s\n' "$1" && echo PING; } | own | awk '
        /^(OK|[01])$/ { next }
        $0 == "PONG" { done = 1; next }
        { print }
        END { if (!done) print "no answer" }'
}

# Sets "text" to all that users are made of.
slurp_users() {
    slurp "$PASSWORD_FILE"
    all=$text
    slurp "$CONF/users"
    all=$all$text
    while read -r _ from _; do
        case $from in
        /*)
            slurp "$from"
            all="$all$from $text"
            ;;
        esac
    done <"$CONF/users"
    text=$all
}

# Says what the commands on stdin have changed, but nothing of users of our own.
tell_users() {
    while read -r _ verb user rules; do
        case $verb$user in
        SETUSER_*) ;;
        SETUSER*)
            # shellcheck disable=SC2086,SC2046 # counts the passwords among the words
            set -- $(printf '%s\n' "$rules" | tr ' ' '\n' | grep '^#')
            say "the server has the changed user $user; passwords that it accepts: $#"
            ;;
        DELUSER*) say "the server has no user $user any more" ;;
        esac
    done
}

# Lets the server have the users that the files describe now, and log in to masters with the first password. Who
# is logged in stays so, unless the user is gone.
apply_users() {
    [ -n "$PASSWORD_FILE" ] && first_line "$PASSWORD_FILE" && has_user "$ROLE" || return
    slurp_users
    [ "$text" != "$users_text" ] || return
    (umask 077 && cat "$PASSWORD_FILE" >"$ACCEPTED.new") || return
    write_users "$ACCEPTED.new" "$APPLIED_USERS.new" "$LOGINS.new" || return
    commands=$(user_commands "$APPLIED_USERS" "$APPLIED_USERS.new")
    look_at_login
    answer=$(refused "$commands
$(replication_command "$replicates_as" "$ACCEPTED.new")")
    if [ -n "$answer" ]; then
        [ "$answer" = "$users_said" ] || say "the server refuses the changed users or passwords: $answer"
        users_said=$answer
        return
    fi
    users_text=$text users_said=''
    printf '%s\n' "$commands" | tell_users
    slurp "$ACCEPTED"
    before=$text
    slurp "$ACCEPTED.new"
    mv -f "$APPLIED_USERS.new" "$APPLIED_USERS"
    mv -f "$LOGINS.new" "$LOGINS"
    mv -f "$ACCEPTED.new" "$ACCEPTED"
    [ "$text" != "$before" ] || return
    write_exporter_password "$ACCEPTED"
    say "the server accepts the passwords of the changed Secret: $(grep -c . "$ACCEPTED")"
}

# Sets replicates_as to the user that the server logs in to its master as.
look_at_login() {
    [ -z "$replicates_as" ] || return
    first_line "$HELD" || line=$(own CONFIG GET masteruser)
    case $line in
    *_replication*) replicates_as=_replication ;;
    *) replicates_as=default ;;
    esac
}

# Lets the server tell clients the host that stands in the file now. Its peers hear of it over the bus.
apply_outside_host() {
    outside_of "$POD_NAME" && [ "$outside" != "$announced" ] || return
    answer=$(own CONFIG SET cluster-announce-hostname "$outside")
    if [ "$answer" = OK ]; then
        announced=$outside
        printf '%s\n' "$announced" >"$ANNOUNCED"
        say "clients are told the host $outside"
    else
        say "the server refuses to tell clients the host $outside: $answer"
    fi
}

# Prints the user that a replica can log in to its master as; nothing if nobody answers. A master that an older
# version started knows no user but default. Only the master itself is told the cluster's password: somebody else at
# its address may have the same one, and other data.
login_at_master() {
    case $(log_in _replication "$password" && ask_once "$PATIENCE" "$master_ip" PING) in
    *PONG*) echo _replication ;;
    *NOAUTH* | *WRONGPASS*)
        # One that knows this user lets nobody copy it yet.
        case $(log_in "$ROLE" "$password" && ask_once "$PATIENCE" "$master_ip" PING) in
        *PONG*) return ;;
        esac
        id=$(log_in default "$password" && ask_once "$PATIENCE" "$master_ip" CLUSTER MYID)
        [ "$id" != "$master_id" ] || echo default
        ;;
    esac
}

# Two versions of this may run in one cluster, while its pods are replaced.
mend_login() {
    [ "$role" = slave ] && [ -n "$master_ip" ] && [ -n "$password" ] && [ ! -e "$HELD" ] && has_user _replication ||
        return
    look_at_login
    [ "$link" = down ] || [ "$replicates_as" = default ] || return
    login=$(login_at_master)
    [ -n "$login" ] && [ "$login" != "$replicates_as" ] || return
    answer=$(refused "$(replication_command "$login" "$ACCEPTED")")
    if [ -n "$answer" ]; then
        say "cannot let this replica log in to its master as $login: $answer"
        return
    fi
    replicates_as=$login
    say "this replica logs in to its master as $login now"
}

pass() {
    load_password
    look || return
    passes=$((passes + 1))
    end_hurry
    go_on_giving
    meet_moved_peers
    mend_stale_link
    let_copy
    let_be_copied
    start_hurry
    mark_joined
    save_nodes_file
    drop_nodes_file
    apply_live_conf
    apply_certificates
    apply_users
    mend_login
    apply_outside_host
}

# Each second for the first 20 passes, then every 5 s: replicas that come back elsewhere must be known
# before they have to vote or be voted for. Each second for longer while something is wrong: a name in
# DNS may be 30 s old. A server that is loading for longer than a minute is asked less often.
between_passes() {
    tries=$((tries + 1))
    if [ "$met" -gt 0 ] || { [ "$passes" -lt 20 ] && [ "$tries" -lt 60 ]; } ||
        { [ "$passes" -lt 60 ] && [ "$sick" -gt 0 ]; } || [ -e "$HURRYING" ]; then
        sleep 1
    else
        sleep 5
    fi
}

# From here on it runs.
read -r own_pid _ </proc/self/stat
echo "$own_pid" >"$HEALER"
began=$(date +%s) owners='' mistaken_for=''
passes=0 tries=0 met=0 marked=no stale_passes=0 saved_shape='' save_failed=no sick=0
returned_passes=0 hurried_passes=0 timeout_said='' took_over=no giving_passes=0 giving_said='' held_said='' closed_said=''
answered=' ' strangers_before=' ' strangers_said=' '
slurp "$APPLIED"
live_text=$text
slurp "$CERTIFICATES"
certificates=$text certificate_said=
# The first pass compares what the server has with the files, also where they changed while this loop was dead.
users_text='' users_said='' replicates_as=''
first_line "$ANNOUNCED"
announced=$line

# Alone in its container the server takes this loop with it when it ends.
while between_passes && kill -0 "$SERVER" 2>/dev/null; do
    pass
done
