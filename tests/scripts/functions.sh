# shellcheck shell=sh disable=SC1090,SC1091,SC2034,SC2154,SC2317
# Checks single functions of the pods' scripts. TEMPLATES is their folder. Fails at the first wrong answer.

set -f
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

ENGINE=redis CLIENT_PORT=6379 BUS_PORT=17000 POD_NAME=r-0-0 TLS_DIR='' IP_FAMILY=''
. "$TEMPLATES/lib.sh"
CONF=$TMP
for script in heal entrypoint; do
    sed -e '/^\. \/conf\/lib.sh/d' -e '/^# From here on it runs/,$d' "$TEMPLATES/$script.sh" >"$TMP/$script.sh"
    . "$TMP/$script.sh"
done

checks=0
# equal WHAT GOT WANTED
equal() {
    checks=$((checks + 1))
    [ "$2" = "$3" ] && return
    printf '%s\n  got:    %s\n  wanted: %s\n' "$1" "$2" "$3"
    exit 1
}

# yes and no COMMAND...
yes() {
    checks=$((checks + 1))
    "$@" || { printf 'not true: %s\n' "$*" && exit 1; }
}
no() {
    checks=$((checks + 1))
    ! "$@" || { printf 'true: %s\n' "$*" && exit 1; }
}

# The list of pods
printf '%s\n' '# host shard' 'r-0-0.r 0' 'r-0-1.r 0 port=7000 retiring' 'r-1-0.r 1 later' >"$TMP/topology"
equal 'lines of pods' "$(topology | grep -c .)" 3
no is_retiring
POD_NAME=r-0-1
yes is_retiring
POD_NAME=r-0
no is_retiring
POD_NAME=r-0-0

# Addresses
for good in 10.0.0.1 0.0.0.0 255.255.255.255 192.168.100.1; do yes is_ipv4 "$good"; done
for bad in '' 1.2.3 1.2.3.4.5 1.2.3.256 1.2.3. .1.2.3 1..2.3 01.2.3.4 1.2.3.4444 a.b.c.d 'x' '1.2.3.4 ' localhost; do
    no is_ipv4 "$bad"
done
for good in :: ::1 fd00::1 fd00:1:2:3:4:5:6:7 2001:db8::a:b fe80::1 1::; do yes is_ipv6 "$good"; done
for bad in '' : ::: 1 fd00:1 fd00::1::2 12345::1 fd00:1:2:3:4:5:6:7:8 g::1 ::ffff:10.0.0.1 1: :1 10.0.0.1; do
    no is_ipv6 "$bad"
done
POD_IPS=10.0.0.1,fd00::1
equal 'first address' "$(own_address)" 10.0.0.1
IP_FAMILY=IPv6
equal 'IPv6 wanted' "$(own_address)" fd00::1
IP_FAMILY=IPv4 POD_IPS=fd00::1
no own_address
IP_FAMILY=''
for POD_IPS in '' 'nonsense' 'nonsense,10.0.0.1' '10.0.0.300'; do no own_address; done

# Settings: the last one wins, live.conf is last
printf 'port 6379\ncluster-node-timeout 5000\nappenddirname "aof dir"\nmaxmemory 1\n' >"$TMP/redis.conf"
printf 'maxmemory 2\nCLUSTER-NODE-TIMEOUT 3000\n' >"$TMP/live.conf"
equal 'last one wins' "$(setting cluster-node-timeout)" 3000
equal 'quotes go' "$(setting appenddirname)" 'aof dir'
equal 'live.conf is last' "$(setting maxmemory)" 2
equal 'not set' "$(setting nothing)" ''

# Node lists
A=a100000000000000000000000000000000000000
B=b200000000000000000000000000000000000000
# judged TEXT
judged() {
    printf '%b' "$1" >"$TMP/nodes"
    judge_nodes_file "$TMP/nodes"
}
mine="$A 10.0.0.1:6379@17000,,tls-port=0 myself,master - 0 0 1 connected 0-5460 5470\n"
peer="$B 10.0.0.2:6379@17000 slave $A 0 0 1 connected\n"
vars='vars currentEpoch 6 lastVoteEpoch 0\n'
equal 'whole list' "$(judged "$mine$peer$vars")" "good $A master 2 1 yes"
equal 'padded list' "$(judged "$mine$peer$vars\n\n\n")" "good $A master 2 1 yes"
equal 'no last line' "$(judged "$mine$peer")" "good $A master 2 1 no"
equal 'own line is last' "$(judged "$peer$mine$vars")" "good $A master 2 1 yes"
equal 'never met anybody' "$(judged "$A :6379@17000 myself,master - 0 0 0 connected\n$vars")" "good $A master 0 0 yes"
equal 'empty' "$(judged '')" 'bad it has no line for the node itself'
equal 'no own line' "$(judged "$peer$vars")" 'bad it has no line for the node itself'
equal 'two own lines' "$(judged "$mine$mine$vars")" 'bad it has 2 lines for the node itself'
equal 'cut' "$(judged "$mine$B 10.0.0.2:63")" 'bad line 2 is not that of a node'
case $(head -c 300 /dev/zero >"$TMP/nodes" && judge_nodes_file "$TMP/nodes") in
bad*) yes true ;;
*) no true ;;
esac

# The address that a node had
for address in 10.0.0.1 fd00:1::a ''; do
    judged "$(printf '%s' "$mine" | sed "s/10.0.0.1:/$address:/")$peer$vars" >/dev/null
    equal 'own address' "$(NODES=$TMP/nodes && address_before)" "$address"
done

# live.conf
commands() { printf '%b' "$1" | config_commands; }
equal 'one word' "$(commands 'maxmemory 100mb\n')" 'CONFIG SET maxmemory 100mb'
equal 'repeated' "$(commands 'save 900 1\nsave 300 10\n')" 'CONFIG SET save "900 1 300 10"'
equal 'empty text' "$(commands 'save ""\n')" 'CONFIG SET save ""'
equal 'quoted' "$(commands 'notify-keyspace-events "KEA"\n')" 'CONFIG SET notify-keyspace-events "KEA"'
equal 'comments, blanks, CR' "$(commands '# a\n\n  Maxmemory  1gb \r\n')" 'CONFIG SET maxmemory 1gb'
equal 'in order' "$(commands 'b 1\na 2\n' | tr '\n' ,)" 'CONFIG SET b 1,CONFIG SET a 2,'

# Memory
equal 'mebibytes' "$(mebibytes 614mb)" 614
equal 'less than one' "$(mebibytes 4096)" 0
equal 'none' "$(mebibytes '')" 0
MAXMEMORY_LIMIT=614mb
yes is_for_larger_limit 615mb
no is_for_larger_limit 614mb
no is_for_larger_limit ''
MAXMEMORY_LIMIT=''
no is_for_larger_limit 615mb

# What the heal loop sees
own() {
    cat >/dev/null
    cat "$TMP/answers"
}
printf 'cluster_state:ok\r\n%b%b%s 10.0.0.9:6379@17000 handshake - 0 0 0 connected\n%s :0@0 master,noaddr - 0 0 0 disconnected 6000-6001\nrole:slave\r\nmaster_host:10.0.0.7\r\nmaster_link_status:down\r\n' \
    "$B 10.0.0.2:6379@17000,name master - 0 0 1 connected 0-5460\n" \
    "$A 10.0.0.1:6379@17000 myself,slave $B 0 0 1 connected\n" \
    c300000000000000000000000000000000000000 d400000000000000000000000000000000000000 >"$TMP/answers"
began=1000
yes look
equal 'owners' "$(echo $owners)" "$B no none d400000000000000000000000000000000000000 no none"
equal 'own view' "$self $state $role $link $dialled $peers $sick $headless" "$A ok slave down 10.0.0.7 2 1 1"
equal 'master' "$master_id $master_ip" "$B 10.0.0.2"
equal 'peers' "$known" " $B=10.0.0.2@17000=yes d400000000000000000000000000000000000000=@0=no "
# By the time of the last pong, in milliseconds; and a failed one is not in touch.
for pong in 1003000 1003001; do
    sed -i "s/ - 0 [0-9]* 1 connected/ - 0 $pong 1 connected/" "$TMP/answers"
    yes look
    printf '%s ' "$owners" | cut -d ' ' -f 3
done >"$TMP/seen"
equal 'in touch since the start' "$(echo $(cat "$TMP/seen"))" 'no yes'
printf '%s 10.0.0.3:6379@17000 slave %s 0 0 1 connected\n' c300000000000000000000000000000000000000 "$B" >>"$TMP/answers"
sed -i 's/ master - / master,fail - /' "$TMP/answers"
yes look
equal 'failed, and its replica is well' "$(echo $owners | cut -d ' ' -f 1-3)" "$B no ,10.0.0.3"
: >"$TMP/answers"
no look

# Who may be copied
passes=1 answered=" r-1.r $B=10.0.0.2@17000 " OWN_IP=10.0.0.1
owners=" $A yes none $B no ,10.0.0.3"
no may_be_mistaken
owners=" $A no none $B yes ,10.0.0.3"
yes may_be_mistaken
answered=" r-1.r $B=10.0.0.2@17000 r-0.r $A=10.0.0.9@17000 "
no may_be_mistaken
answered=' '
owners=" $B yes none $A no none"
yes may_be_mistaken
passes=20
no may_be_mistaken
ask() { printf 'role:slave\r\nmaster_host:%s\r\n' "$(eval echo "\$at_$(echo "$2" | tr . _)")"; }
owners=" $A no ,10.0.0.3,10.0.0.4"
at_10_0_0_3=10.0.0.11 at_10_0_0_4=10.0.0.2
no may_be_mistaken
at_10_0_0_4=10.0.0.1
yes may_be_mistaken
equal 'whom' "$mistaken_for" "$A"
owners=''
no may_be_mistaken

# Names that need not be asked again
known=" $B=10.0.0.2@17000=yes " sick=1 answered=" r-1.r $B=10.0.0.2@17000 r-2.r $A=10.0.0.5@17000 "
keep_settled
equal 'only peers that are well' "$settled" ' r-1.r '
sick=0 answered=" r-1.r $B=10.0.0.2@17000 r-2.r $A=10.0.0.5@17000 "
keep_settled
equal 'strangers while nobody is missing' "$settled" ' r-1.r r-2.r '

# Who answers under a name
resolve() { echo 10.0.0.8; }
OWN_IP=10.0.0.1
id_at() { echo "$B"; }
known=" $B=10.0.0.2@17000=no "
equal 'moved' "$(inspect r-1.r)" "moved r-1.r 10.0.0.8 $B"
known=" $B=10.0.0.8@17001=no "
equal 'other bus port' "$(inspect r-1.r)" "moved r-1.r 10.0.0.8 $B"
known=" $B=10.0.0.8@17000=no "
equal 'same address' "$(inspect r-1.r)" "same r-1.r 10.0.0.8 $B"
known=' '
equal 'unknown' "$(inspect r-1.r)" "strange r-1.r 10.0.0.8 $B"
id_at() { :; }
equal 'silent' "$(inspect r-1.r)" ''
id_at() { echo "$B"; }
OWN_IP=10.0.0.8
equal 'a name that leads here' "$(inspect r-1.r)" ''

# Whom the server meets: who has moved, and who is back and not well; a stranger never.
C=c300000000000000000000000000000000000000
topology() { printf '%s 0\n' r-0.r r-1.r r-2.r r-3.r; }
resolve() { echo "10.0.0.1$(echo "$1" | tr -d 'r.-')"; }
id_at() {
    case $1 in
    *10) echo "$A" ;;
    *11) echo "$B" ;;
    *12) echo "$C" ;;
    *13) echo d400000000000000000000000000000000000000 ;;
    esac
}
own() { echo "$*" >>"$TMP/commands"; }
say() { :; }
: >"$TMP/commands"
known=" $A=$(resolve r-0.r)@17000=yes $B=$(resolve r-1.r)@17000=no $C=10.0.0.9@17000=no "
peers=3 sick=2 passes=1 failed=' ' master_id=$C master_ip='' answered=' ' strangers_said=' ' strangers_before=' '
meet_moved_peers
equal 'whom the server meets' "$(sort "$TMP/commands" | tr '\n' ,)" \
    "CLUSTER MEET $(resolve r-1.r) 6379 17000,CLUSTER MEET $(resolve r-2.r) 6379 17000,"
equal 'it waits for those that had moved' "$met" 1
equal 'where its master is' "$master_ip" "$(resolve r-2.r)"

# A master that took over goes on giving slots away
# given OWN-SLOTS-AND-MARKS A-FLAGS-AND-SLOTS
given() {
    printf '%s\n' "$B 10.0.0.2:6379@17000 myself,master - 0 0 4 connected $1" "$A 10.0.0.1:6379@17000,name $2" \
        "$C fd00::3:6379@17000 master - 0 0 2 connected 6000-16383" >"$TMP/answers"
    { cat "$TMP/answers" && printf '%s\n' "$C $A 10 11 12 6000" "$C $B 14" answered; } | giving_commands | tr '\n' ,
}
equal 'its own slots that somebody waits for' "$(given '0-10 12-13' 'slave - 0 0 4 connected')" \
    "CLUSTER SETSLOT 10 MIGRATING $C,CLUSTER SETSLOT 12 MIGRATING $C,"
equal 'also where the old master has not heard yet' "$(given 10 'master - 0 0 1 connected')" "CLUSTER SETSLOT 10 MIGRATING $C,"
equal 'also where it had them before' "$(given 14 'master - 0 0 1 connected')" "CLUSTER SETSLOT 14 MIGRATING $C,"
equal 'not those that it is giving already' "$(given "10-12 [10->-$C] [11->-$C]" 'master,fail - 0 0 1 disconnected 5-7')" \
    "CLUSTER SETSLOT 12 MIGRATING $C,"
equal 'not those that another master gives' "$(given 10-12 'master - 0 0 1 connected 5-7')" ''
equal 'whom it asks' "$(other_masters <"$TMP/answers" | tr '\n' ,)" 10.0.0.1,fd00::3,
given 10 'master,fail - 0 0 1 disconnected' >/dev/null
equal 'not the dead' "$(other_masters <"$TMP/answers")" fd00::3
ask() {
    cat "$TMP/answers"
}
printf '%s\n' "$A 10.0.0.1:6379@17000 myself,master - 0 0 4 connected 0-9 [10-<-$B] [11-<-$B] [12->-$C]" >"$TMP/answers"
equal 'what somebody is getting' "$(slots_on_their_way 10.0.0.1 | tr '\n' ,)" "$A $B 10 11,answered,"
printf '%s\n' "$A 10.0.0.1:6379@17000 myself,slave $B 0 0 4 connected [10-<-$B]" >"$TMP/answers"
equal 'a replica gets nothing' "$(slots_on_their_way 10.0.0.1)" answered
unset -f ask

# A replica that dials an old address
say() { :; }
own() { :; }
stale() {
    met=0 role=slave link=down master_id=$B master_ip=10.0.0.2 dialled=10.0.0.7
}
# turn WHAT PASSES: one more pass with the present view; then so many are counted. 0 after 1: mended.
turn() {
    mend_stale_link
    equal "$1" "$stale_passes" "$2"
}
stale_passes=0
stale
turn 'first pass only counts' 1
turn 'second pass mends' 0
turn 'first again' 1
link=up
turn 'link came up' 0
stale
turn 'down' 1
dialled=10.0.0.2
turn 'right address' 0
stale
met=1
turn 'right after a MEET' 0
stale
master_ip=''
turn 'the master is not well' 0
stale
role=master
turn 'not a replica' 0

# A replica that came back gets its login when it dials its master, also where that is new since the pass began
HELD=$TMP/held
own() {
    case "$*" in
    'INFO replication') printf 'role:slave\r\nmaster_host:%s\r\n' "$dials_now" ;;
    'CONFIG SET masteruser u') echo OK ;;
    esac
}
id_at() {
    case $1 in
    10.0.0.2) echo "$B" ;;
    10.0.0.7) echo "$C" ;;
    *) echo "$1 was asked" >"$TMP/asked" ;;
    esac
}
sleep() { :; }
# held MASTER_IP BEFORE NOW: whether the login is still kept back where it dialled one and dials another now.
held() {
    echo u >"$HELD"
    role=slave met=1 passes=1 master_ip=$1 dialled=$2 dials_now=$3 master_id=$B
    let_copy
    if [ -e "$HELD" ]; then echo held; else echo free; fi
}
equal 'it dials its master' "$(held 10.0.0.2 10.0.0.2 10.0.0.2)" free
equal 'it dials its master since a MEET' "$(held 10.0.0.2 10.0.0.7 10.0.0.2)" free
equal 'it dials another one since a MEET' "$(held 10.0.0.2 10.0.0.2 10.0.0.7)" held
equal 'another one is where it takes its master to be' "$(held 10.0.0.7 10.0.0.7 10.0.0.7)" held
equal 'its master has left that address' "$(held 10.0.0.2 10.0.0.9 10.0.0.9)" held
equal 'nobody knows where its master is' "$(held '' 10.0.0.9 10.0.0.9)" held
equal 'nor does it dial anybody' "$(held '' '' '')" held
no test -e "$TMP/asked"

# Probes, with a client that says what $TMP/answers says
unset -f own say id_at sleep
mkdir "$TMP/bin"
printf '#!/bin/sh\ncat "%s/answers"\n' "$TMP" >"$TMP/bin/redis-cli"
chmod +x "$TMP/bin/redis-cli"
sed "s,^RUN=.*,RUN=$TMP," "$TEMPLATES/lib.sh" >"$TMP/lib.sh"
for probe in readiness startup liveness; do
    sed "s,/conf/lib.sh,$TMP/lib.sh," "$TEMPLATES/$probe.sh" >"$TMP/$probe.sh"
done
# probe NAME ANSWERS...: runs a probe in a shell of its own; its exit code and what it prints.
probe() {
    name=$1
    shift
    printf '%s\r\n' "$@" | sed '1s/.$//' >"$TMP/answers"
    (
        PATH=$TMP/bin:$PATH
        export PATH ENGINE CLIENT_PORT TLS_DIR
        set -- 3
        . "$TMP/$name.sh"
    ) >"$TMP/said" 2>&1
    printf '%s %s' "$?" "$(head -n 1 "$TMP/said")"
}
echo joined >"$TMP/joined"
equal 'master' "$(probe readiness PONG role:master)" '0 '
equal 'linked' "$(probe readiness PONG role:slave master_link_status:up)" '0 '
equal 'not linked' "$(probe readiness PONG role:slave master_link_status:down)" \
    "1 not ready: this replica's link to its master is down"
for error in 'LOADING x' 'NOAUTH x' 'MISCONF x' 'MASTERDOWN x' 'BUSY x' 'Could not connect'; do
    equal "ready: $error" "$(probe readiness "$error" role:master)" "1 not ready: PING: $error"
done
rm "$TMP/joined"
read -r own_pid _ </proc/self/stat
echo "$own_pid" >"$TMP/heal.pid"
equal 'not joined' "$(probe readiness PONG role:master)" '1 not ready: not all peers know yet where this server is'
sleep 0 &
echo $! >"$TMP/heal.pid"
wait
equal 'nobody to write the mark' "$(probe readiness PONG role:master)" '0 '
equal 'started' "$(probe startup PONG)" '0 '
equal 'loading' "$(probe startup 'LOADING x')" '1 LOADING x'
for error in 'NOAUTH x' 'MISCONF x' 'MASTERDOWN x' 'BUSY x'; do
    equal "started: $error" "$(probe startup "$error")" '0 '
done

# What the Job does counts as progress, the first time
sed -e '/^\. \/conf\//d' -e '/^# From here on it runs/,$d' "$TEMPLATES/bootstrap.sh" >"$TMP/bootstrap.sh"
. "$TMP/bootstrap.sh"
ask() { echo "$answers"; }
# steps WHAT...: whether they are progress.
steps() {
    progressed=no
    for what in "$@"; do step "$what" 10.0.0.1 COMMAND >/dev/null 2>&1; done
    echo "$progressed"
}
steps_said='
' answers=OK
steps 'a meets b' >"$TMP/progressed"
equal 'a step is progress' "$(cat "$TMP/progressed")" yes
steps 'a meets b' >"$TMP/progressed"
equal 'the same again is none' "$(cat "$TMP/progressed")" no
answers='ERR no'
steps 'a meets c' >"$TMP/progressed"
equal 'a step that failed is none' "$(cat "$TMP/progressed")" no

echo "$checks checks passed"
