# shellcheck shell=sh
# What the other scripts share. Sourced from /conf/lib.sh; by itself it only sets variables.
#
# Two habits of all scripts: no braces around variable names, so that templating tools leave every byte
# alone, and no timeout(1): that of busybox leaves a watching grandchild behind, which ends as a zombie
# of PID 1. PID 1 is the server here, and it does not collect them.

CONF=/conf
DATA=/data
RUN=/tmp

# Written by heal.sh, read by readiness.sh: this server has told its peers where it is now.
# shellcheck disable=SC2034 # used by the scripts that source this one
JOINED=$RUN/joined
# The process id of heal.sh.
# shellcheck disable=SC2034
HEALER=$RUN/heal.pid
# Lies here as long as heal.sh has shortened the server's node timeout.
# shellcheck disable=SC2034
HURRYING=$RUN/hurrying
# Lies here as long as the server may not log in to any master; the user that it will log in as. Written by
# entrypoint.sh, removed by heal.sh.
# shellcheck disable=SC2034
HELD=$RUN/held
# Lies here as long as no server may copy this one; the user that they log in as. Written by entrypoint.sh, removed by
# heal.sh.
# shellcheck disable=SC2034
CLOSED=$RUN/closed
# A user that no server has.
# shellcheck disable=SC2034
NOBODY=_nobody
# The passwords that the running server accepts, one in a line; the first is for logging in. The mounted file
# may be newer.
ACCEPTED=$RUN/passwords
# The users that the running server has, one in a line, with their rules and the hashes of their passwords.
# shellcheck disable=SC2034
APPLIED_USERS=$RUN/users
# Those of them that are our own, each with its password. Probes come often, and to derive it takes processes.
LOGINS=$RUN/logins
# The live.conf that the server goes by: that of its start, or the last one that heal.sh applied.
# shellcheck disable=SC2034
APPLIED=$RUN/live.conf
# The server's own list of nodes, and the copy of it that heal.sh keeps.
# shellcheck disable=SC2034
NODES=$DATA/nodes.conf
# shellcheck disable=SC2034
SAVED_NODES=$DATA/nodes.conf.saved

# The certificates that the server goes by: those of its start, or the last ones that heal.sh handed over.
# shellcheck disable=SC2034
CERTIFICATES=$RUN/certificates

# The host by which clients outside reach this pod, as the server was last told; no file where there is none.
# shellcheck disable=SC2034
ANNOUNCED=$RUN/announced

# Options of every redis-cli call, and where this pod's server is.
CLI_OPTIONS="-p $CLIENT_PORT"
OWN_PORT=$CLIENT_PORT
if [ -r "$RUN/port-127.0.0.1" ]; then
    read -r OWN_PORT <"$RUN/port-127.0.0.1"
fi
OWN_OPTIONS="-h 127.0.0.1 -p $OWN_PORT"
if [ -n "$TLS_DIR" ]; then
    CLI_OPTIONS="$CLI_OPTIONS --tls --cacert $TLS_DIR/ca.crt --cert $TLS_DIR/tls.crt --key $TLS_DIR/tls.key"
    # Between a renewal in the volume and its arrival in the server the two may not trust each other.
    OWN_OPTIONS="-s $RUN/server.sock"
fi

# Where log lines go, if not to stderr. pre-stop.sh sets it.
LOG=
# Which script speaks.
PART=script
# The user that a script logs in as: one of our own, which may do what the script does and nothing else.
ROLE=default

say() {
    said_line="$(date -u +%Y-%m-%dT%H:%M:%SZ) $POD_NAME $PART: $*"
    if [ -n "$LOG" ]; then
        printf '%s\n' "$said_line" >>"$LOG"
    else
        printf '%s\n' "$said_line" >&2
    fi
}

# Puts the first line of file $1 into variable "line"; false if there is none.
first_line() {
    line=
    [ -r "$1" ] || return
    # read is false for a last line without newline, but sets it.
    IFS= read -r line <"$1"
    [ -n "$line" ]
}

# Puts the whole of a file into variable "text", without a process; nothing if it cannot be read.
slurp() {
    text=
    [ -r "$1" ] || return
    while IFS= read -r line || [ -n "$line" ]; do
        text="$text$line
"
    done <"$1"
}

# Puts what stands about the pod $1, or the pod with the host name $1, in the file "external" into the variables "outside", the host by which clients
# outside reach it, and "port", where it has a client port of its own; false if there is nothing. The file changes
# when the cluster is scaled or hosts are.
outside_of() {
    outside='' port=''
    [ -r "$CONF/external" ] || return
    while read -r pod outside port; do
        case $1. in
        "$pod".*) break ;;
        esac
    done <"$CONF/external"
    [ -n "$outside" ]
}

# remember_port ADDRESS PORT: for "port_at".
remember_port() {
    echo "$2" >"$RUN/port-$1"
}

# Puts the client port of the server at an address into variable "port".
port_at() {
    port=$CLIENT_PORT
    [ -r "$RUN/port-$1" ] || return 0
    read -r port <"$RUN/port-$1"
}

# Prints the SHA-256 of its argument, which no other process sees.
sha256() {
    printf '%s' "$1" | sha256sum | {
        read -r hash _
        printf '%s' "$hash"
    }
}

# Prints the password of $1, a user of our own, where $2 is the cluster's: whoever has it knows neither the
# cluster's nor that of another user.
derived() {
    sha256 "$1:$CLUSTER:$2"
}

# Lets redis-cli log in as user $1; $2 is the cluster's password. What was derived last is remembered.
derived_of=
log_in() {
    LOGIN=
    SECRET=
    [ -n "$2" ] || return 0
    if [ "$1" = default ]; then
        SECRET=$2
        return
    fi
    if [ "$1:$2" != "$derived_of" ]; then
        derived_secret=$(derived "$1" "$2")
        derived_of=$1:$2
    fi
    LOGIN="--user $1"
    SECRET=$derived_secret
}

# Becomes redis-cli. The password is in no environment but its own; an empty one would be sent as well.
cli() {
    unset REDISCLI_AUTH
    [ -z "$SECRET" ] || export REDISCLI_AUTH="$SECRET"
    # shellcheck disable=SC2086 # an option with its value, or nothing
    exec "$ENGINE-cli" $LOGIN "$@"
}

# True if this pod's server has user $1, one of our own, whose password is then in variable "secret". A server that an
# older version started has none of them.
has_user() {
    [ -r "$LOGINS" ] || return
    while read -r user secret; do
        [ "$user" != "$1" ] || return 0
    done <"$LOGINS"
    return 1
}

# Sets "password" to the cluster's and lets redis-cli log in as ROLE.
load_password() {
    password=
    if first_line "$ACCEPTED"; then
        password=$line
        log_in default "$password"
        if has_user "$ROLE"; then
            LOGIN="--user $ROLE"
            SECRET=$secret
        fi
        return
    fi
    if [ -n "$PASSWORD_FILE" ] && first_line "$PASSWORD_FILE"; then
        password=$line
    fi
    log_in "$ROLE" "$password"
}

# Writes each password in file $1, behind the text $3, into a file of its own: $2.1, $2.2 and so on.
split_passwords() {
    count=0
    while IFS= read -r line || [ -n "$line" ]; do
        [ -n "$line" ] || continue
        count=$((count + 1))
        printf '%s' "$3$line" >"$2.$count"
    done <"$1"
}

# write_users FILE USERS LOGINS: writes the users that the server should have, one "user NAME RULES PASSWORDS" in a
# line, and the passwords of our own; FILE holds the cluster's. Nobody can log in as a user whose file is not there.
#
# What is hashed lies in files named by the user's line and the password's, so that one process can do it all.
write_users() {
    work=$RUN/hashing
    rm -rf "$work"
    (
        umask 077
        mkdir "$work" "$work/derived" "$work/all" && : >"$3" || exit
        number=0
        while read -r name from _; do
            number=$((number + 1))
            case $name in
            '' | '#'*) continue ;;
            esac
            case $from in
            none) ;;
            cluster) split_passwords "$1" "$work/all/$number" '' ;;
            derived) split_passwords "$1" "$work/derived/$number" "$name:$CLUSTER:" ;;
            *)
                if [ -s "$from" ]; then
                    split_passwords "$from" "$work/all/$number" ''
                else
                    say "nobody can log in as $name: the file $from is missing or empty"
                fi
                ;;
            esac
        done <"$CONF/users"
        hash_files "$work/derived" | while read -r hash file; do
            printf '%s' "$hash" >"$work/all/$file"
        done
        number=0
        while read -r name from _; do
            number=$((number + 1))
            if [ "$from" = derived ] && first_line "$work/all/$number.1"; then
                printf '%s %s\n' "$name" "$line" >>"$3"
            fi
        done <"$CONF/users"
        hash_files "$work/all" | awk '
            hashing {
                sub(/\..*/, "", $2)
                hashes[$2] = hashes[$2] " #" $1
                next
            }
            NF && $1 !~ /^#/ {
                user = "user " $1
                sub(/^[^ ]+ [^ ]+ /, "")
                print user " " $0 hashes[FNR]
            }' hashing=1 - hashing= "$CONF/users" >"$2"
    )
    written=$?
    rm -rf "$work"
    return "$written"
}

# Prints "HASH NAME" for each file in folder $1.
hash_files() {
    cd "$1" && set -- * && [ -e "$1" ] && sha256sum "$@"
}

# Writes the exporter's password as it reads it: JSON, with a password for each address. File $1 holds the
# cluster's passwords.
write_exporter_password() {
    [ -n "$EXPORTER_FILE" ] && first_line "$1" || return 0
    (
        umask 077
        secret=$(derived _exporter "$line")
        separator='{'
        for address in $EXPORTER_ADDRESSES; do
            printf '%s"%s": "%s"' "$separator" "$address" "$secret"
            separator=', '
        done >"$EXPORTER_FILE.new"
        echo '}' >>"$EXPORTER_FILE.new"
    ) && mv -f "$EXPORTER_FILE.new" "$EXPORTER_FILE"
}

# Prints a text as an argument for a configuration file or for redis-cli's stdin.
quoted() {
    printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# bounded SECONDS PROGRAM ARGUMENTS...: runs a program, or a function that becomes one, and kills it after
# SECONDS. Exit code 124 then.
bounded() {
    bounded_left=$(($1 * 10))
    shift
    # The shell gives background commands an empty stdin, so ours is passed on as 3.
    {
        "$@" <&3 3<&- &
    } 3<&0
    bounded_child=$!
    # An answer from the own machine takes about 10 ms.
    sleep 0.02
    while kill -0 "$bounded_child" 2>/dev/null; do
        if [ "$bounded_left" -le 0 ]; then
            kill -9 "$bounded_child" 2>/dev/null
            wait "$bounded_child" 2>/dev/null
            return 124
        fi
        bounded_left=$((bounded_left - 1))
        sleep 0.1
    done
    wait "$bounded_child"
}

# ask_once SECONDS ADDRESS [COMMAND...]: asks the server at ADDRESS, without COMMAND those on stdin.
# Errors are answers too and come on stdout: exit codes of redis-cli say little (0 for NOAUTH).
ask_once() {
    ask_seconds=$1
    ask_address=$2
    shift 2
    port_at "$ask_address"
    # shellcheck disable=SC2086 # a list of options
    bounded "$ask_seconds" cli -h "$ask_address" $CLI_OPTIONS -p "$port" "$@" 2>&1
}

# True if a server's answer says that the user is not known, or may not do that: a line that begins so, since keys and
# names may contain anything.
is_refusal() {
    case "
$1" in
    *"
NOAUTH "* | *"
(error) NOAUTH "* | *"
AUTH failed: "* | *"
NOPERM "* | *"
(error) NOPERM "*) return 0 ;;
    esac
    return 1
}

# The same, with what is in variable "commands" on stdin.
ask_again() {
    if [ -n "$commands" ]; then
        printf '%s\n' "$commands" | ask_once "$@"
    else
        ask_once "$@" </dev/null
    fi
}

# The same as ask_once, and once more as another user where the one is refused. A pod that an older version started knows no
# user but default, and one that started later may have a newer password.
ask() {
    if [ -z "$SECRET" ]; then
        ask_once "$@"
        return
    fi
    commands=
    # An option of redis-cli is no command.
    case $3 in
    '' | --*) commands=$(cat) ;;
    esac
    answer=$(ask_again "$@")
    mounted=
    [ -n "$PASSWORD_FILE" ] && first_line "$PASSWORD_FILE" && mounted=$line
    for known in "$password" "$mounted"; do
        for user in "$ROLE" default; do
            is_refusal "$answer" || break 2
            answer=$(log_in "$user" "$known" && ask_again "$@")
        done
    done
    printf '%s\n' "$answer"
}

# Lets redis-cli log in at an address as ROLE, or as default where a server is too old to know that user. The next
# load_password ends it.
log_in_at() {
    [ -n "$SECRET" ] || return 0
    ! is_refusal "$(ask_once 5 "$1" PING </dev/null)" || log_in default "$password"
}

# ask_own SECONDS [COMMAND...]: the same for this pod's server.
ask_own() {
    ask_seconds=$1
    shift
    # shellcheck disable=SC2086
    bounded "$ask_seconds" cli $OWN_OPTIONS "$@" 2>&1
}

# own [COMMAND...]: asks this pod's server, without a time limit: as long as it is mute there is
# nothing to do, and if it dies redis-cli ends as well.
own() {
    # shellcheck disable=SC2086
    (cli $OWN_OPTIONS "$@") 2>&1
}

# Prints the address that a name has now, of the wanted family; false if it has none.
#
# A question that got lost is asked again each second, where the C library knows the option; by default after five.
resolve() {
    case $IP_FAMILY in
    IPv4) databases=ahostsv4 ;;
    IPv6) databases=ahostsv6 ;;
    *) databases='ahostsv4 ahostsv6' ;;
    esac
    for database in $databases; do
        # Lines of an address and other words.
        read -r found _ <<FOUND
$(bounded 4 env RES_OPTIONS="$RES_OPTIONS timeout:1 attempts:4" getent "$database" "$1" 2>/dev/null)
FOUND
        case $found in
        # A name with IPv4 only, dressed up as IPv6.
        '' | ::ffff:*) ;;
        *)
            # Whoever asks there next wants this pod.
            if outside_of "$1" && [ -n "$port" ]; then
                remember_port "$found" "$port"
            fi
            printf '%s\n' "$found"
            return 0
            ;;
        esac
    done
    return 1
}

# Prints "HOST SHARD WORDS..." for each pod of the cluster. Of the words, "retiring" marks a pod on its way out. The file
# changes when the cluster is scaled.
topology() {
    awk 'NF >= 2 && $1 !~ /^#/' "$CONF/topology"
}

# True if this pod is to leave the cluster.
is_retiring() {
    [ -r "$CONF/topology" ] || return
    while read -r host _ words; do
        case $host in
        "$POD_NAME".*)
            case " $words " in
            *' retiring '*) return 0 ;;
            esac
            ;;
        esac
    done <"$CONF/topology"
    return 1
}

# Prints the value of a directive as the server reads its files: live.conf is included last, and
# the last one wins.
setting() {
    cat "$CONF/redis.conf" "$CONF/live.conf" 2>/dev/null | awk -v name="$1" '
        tolower($1) == name {
            sub(/^ *[^ ]+ +/, "")
            sub(/ +$/, "")
            if ($0 ~ /^".*"$/) $0 = substr($0, 2, length($0) - 2)
            value = $0
        }
        END { print value }'
}

# Prints how many mebibytes a size of redis.conf has.
mebibytes() {
    mebibytes=$(expr "$1" : '\([0-9]*\)mb$')
    [ -n "$mebibytes" ] || mebibytes=0
    echo "$mebibytes"
}

# True for a maxmemory that is more than what this pod's memory limit leaves for data: it belongs to the larger limit
# that the pod has when it has restarted.
is_for_larger_limit() {
    [ -n "$MAXMEMORY_LIMIT" ] && [ "$(mebibytes "$1")" -gt "$(mebibytes "$MAXMEMORY_LIMIT")" ]
}

# True if $1 is a whole number from 0 to 255 as it stands in an address.
is_octet() {
    case $1 in
    '' | *[!0-9]* | ????* | 0?*) return 1 ;;
    esac
    [ "$1" -le 255 ]
}

is_ipv4() {
    case $1 in
    *[!0-9.]* | .* | *. | *..*) return 1 ;;
    esac
    old_ifs=$IFS
    IFS=.
    # shellcheck disable=SC2086 # splits at the dots
    set -- $1
    IFS=$old_ifs
    [ $# -eq 4 ] && is_octet "$1" && is_octet "$2" && is_octet "$3" && is_octet "$4"
}

is_ipv6() {
    case $1 in
    *[!0-9a-fA-F:]* | *:::* | *::*::* | :[!:]* | *[!:]: | '') return 1 ;;
    *::*) shortened=yes ;;
    *:*) shortened=no ;;
    *) return 1 ;;
    esac
    old_ifs=$IFS
    IFS=:
    # shellcheck disable=SC2086 # splits at the colons
    set -- $1
    IFS=$old_ifs
    groups=0
    for group in "$@"; do
        case $group in
        ?????*) return 1 ;;
        ?*) groups=$((groups + 1)) ;;
        esac
    done
    if [ "$shortened" = yes ]; then [ "$groups" -le 7 ]; else [ "$groups" -eq 8 ]; fi
}

# Prints the pod's own address: the first of POD_IPS that has the wanted family and the shape of an
# address. The server itself would announce any text.
own_address() {
    old_ifs=$IFS
    IFS=', '
    # shellcheck disable=SC2086 # splits at the commas
    set -- $POD_IPS
    IFS=$old_ifs
    for address in "$@"; do
        if is_ipv4 "$address"; then
            [ "$IP_FAMILY" = IPv6 ] && continue
        elif is_ipv6 "$address"; then
            [ "$IP_FAMILY" = IPv4 ] && continue
        else
            return 1
        fi
        printf '%s\n' "$address"
        return 0
    done
    return 1
}

# Judges a file in the form of nodes.conf. Prints one line:
#     good ID ROLE SLOTS REPLICAS WHOLE    own id, master or slave, number of slot ranges it serves,
#                                          replicas it has, yes if the file's last line is there
#     bad REASON
judge_nodes_file() {
    awk '
        $1 == "vars" { whole = 1; next }
        NF == 0 { next }
        length($1) != 40 || $1 ~ /[^0-9a-f]/ || NF < 8 {
            bad = "line " NR " is not that of a node"
            exit
        }
        {
            replicas[$4]++
            if ("," $3 "," ~ /,myself,/) {
                mine++
                id = $1
                role = $3 ~ /master/ ? "master" : "slave"
                slots = NF - 8
            }
        }
        END {
            if (bad) print "bad", bad
            else if (mine == 0) print "bad it has no line for the node itself"
            else if (mine > 1) print "bad it has " mine " lines for the node itself"
            else print "good", id, role, slots, replicas[id] + 0, (whole ? "yes" : "no")
        }' "$1"
}
