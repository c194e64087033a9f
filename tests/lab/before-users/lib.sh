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
# The passwords that the running server accepts, one in a line; the first is for logging in. The mounted file
# may be newer.
ACCEPTED=$RUN/passwords
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

# Options of every redis-cli call, and where this pod's server is.
CLI_OPTIONS="-p $CLIENT_PORT"
OWN_OPTIONS="-h 127.0.0.1 -p $CLIENT_PORT"
if [ -n "$TLS_DIR" ]; then
    CLI_OPTIONS="$CLI_OPTIONS --tls --cacert $TLS_DIR/ca.crt --cert $TLS_DIR/tls.crt --key $TLS_DIR/tls.key"
    # Between a renewal in the volume and its arrival in the server the two may not trust each other.
    OWN_OPTIONS="-s $RUN/server.sock"
fi

# Where log lines go, if not to stderr. pre-stop.sh sets it.
LOG=
# Which script speaks.
PART=script

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

# Hands the password to redis-cli. An empty REDISCLI_AUTH would be sent as an empty password.
load_password() {
    unset REDISCLI_AUTH
    if first_line "$ACCEPTED"; then
        export REDISCLI_AUTH="$line"
    elif [ -n "$PASSWORD_FILE" ] && first_line "$PASSWORD_FILE"; then
        export REDISCLI_AUTH="$line"
    fi
}

# Prints " #HASH" for each password on stdin, as rules for users take them.
password_rules() {
    while IFS= read -r line || [ -n "$line" ]; do
        [ -z "$line" ] || printf '%s' "$line" | sha256sum | {
            read -r hash _
            printf ' #%s' "$hash"
        }
    done
}

# Prints a text as an argument for a configuration file or for redis-cli's stdin.
quoted() {
    printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# bounded SECONDS PROGRAM ARGUMENTS...: runs a program, not a function, and kills it after SECONDS.
# Exit code 124 then.
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

# ask SECONDS ADDRESS [COMMAND...]: asks the server at ADDRESS, without COMMAND those on stdin.
# Errors are answers too and come on stdout: exit codes of redis-cli say little (0 for NOAUTH).
ask() {
    ask_seconds=$1
    ask_address=$2
    shift 2
    # shellcheck disable=SC2086 # a list of options
    bounded "$ask_seconds" "$ENGINE-cli" -h "$ask_address" $CLI_OPTIONS "$@" 2>&1
}

# ask_own SECONDS [COMMAND...]: the same for this pod's server.
ask_own() {
    ask_seconds=$1
    shift
    # shellcheck disable=SC2086
    bounded "$ask_seconds" "$ENGINE-cli" $OWN_OPTIONS "$@" 2>&1
}

# own [COMMAND...]: asks this pod's server, without a time limit: as long as it is mute there is
# nothing to do, and if it dies redis-cli ends as well.
own() {
    # shellcheck disable=SC2086
    "$ENGINE-cli" $OWN_OPTIONS "$@" 2>&1
}

# Prints the address that a name has now, of the wanted family; false if it has none.
resolve() {
    case $IP_FAMILY in
    IPv4) databases=ahostsv4 ;;
    IPv6) databases=ahostsv6 ;;
    *) databases='ahostsv4 ahostsv6' ;;
    esac
    for database in $databases; do
        # Lines of an address and other words.
        read -r found _ <<FOUND
$(bounded 4 getent "$database" "$1" 2>/dev/null)
FOUND
        case $found in
        # A name with IPv4 only, dressed up as IPv6.
        '' | ::ffff:*) ;;
        *)
            printf '%s\n' "$found"
            return 0
            ;;
        esac
    done
    return 1
}

# Prints "HOST SHARD" for each pod of the cluster. The file changes when the cluster is scaled.
topology() {
    awk 'NF >= 2 && $1 !~ /^#/ { print $1, $2 }' "$CONF/topology"
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
