#!/bin/sh
# Puts the engines of the lab beside each other, without installing anything:
#
#     TOOLS/engines/ENGINE/bin/redis-server, redis-cli (or valkey-server, valkey-cli)
#
# TOOLS is $REDIS_CLUSTER_GEN_TOOLS, or .cache/redis-cluster-gen/tools in the home directory.
# Each engine comes from the Debian suite that carries it, with that suite's own libraries and loader,
# so that it does not matter what the machine itself has. The mirror is the one that the machine's apt
# sources name; on a machine that is not Debian, set DEBIAN_MIRROR and DEBIAN_KEYRING.
#
#     tests/lab/engines.sh            all engines
#     tests/lab/engines.sh valkey-9   only those named
#
# Prints one line for each engine on stdout: name, version, bin directory. Quick when they are there.
set -eu

# Engine, package family, what its version must begin with, suites in the order to try.
TABLE='
redis-7.0 redis  7.0. bookworm
redis-8   redis  8.   trixie forky sid
valkey-8  valkey 8.   trixie
valkey-9  valkey 9.   forky sid
'

# Those that are fetched only when they are named. From "a+b", what is there is taken from b, and what it needs from a.
MORE='
redis-8.6 redis  8.6. sid+experimental
'

# What images made from Debian have beside the engine: the lab's pods see nothing of the machine.
BASE='bash coreutils dash findutils grep hostname libc-bin mawk sed'

say() {
    printf 'engines: %s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# What the engine in DIR says of itself, "" if it does not run.
version_in() {
    "$1/bin/$2-server" --version 2>/dev/null | sed -n 's/.* v=\([0-9.]*\).*/\1/p'
}

# Base address of the Debian archive that this machine uses.
mirror() {
    if [ -n "$(printenv DEBIAN_MIRROR || true)" ]; then
        printenv DEBIAN_MIRROR
        return
    fi
    # shellcheck disable=SC2016 # apt expands $(REPO_URI)
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
        sed -n 's,/*$,,; /\/debian$/p' | sed -n 1p
}

# A private apt in DIR for one SUITE: own lists, own cache, an empty package database. Only how to
# reach the network (proxies, certificates) is taken from the machine.
private_apt() {
    dir=$1
    suite=$2
    mkdir -p "$dir/etc/parts" "$dir/etc/preferences" "$dir/lists/partial" "$dir/cache/archives/partial"
    : >"$dir/status"
    for part in $(printf '%s\n' "$suite" | tr '+' ' '); do
        printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$MIRROR" "$part"
    done >"$dir/etc/sources.list"
    {
        apt-config dump | grep '^Acquire::' || true
        cat <<CONF
Dir::Etc::main "/dev/null";
Dir::Etc::parts "$dir/etc/parts";
Dir::Etc::sourcelist "$dir/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$dir/etc/preferences";
Dir::State "$dir";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Dir::Cache::archives "$dir/cache/archives";
Acquire::Languages "none";
Acquire::Check-Valid-Until "true";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::Retries "3";
APT::Sandbox::User "";
APT::Install-Recommends "false";
APT::Default-Release "$part";
APT::Architecture "$ARCH";
APT::Architectures { "$ARCH"; };
CONF
    } >"$dir/apt.conf"
}

# Downloads the packages of FAMILY, the tools, and all they need with the private apt in DIR.
download() {
    dir=$1
    family=$2
    APT_CONFIG=$dir/apt.conf apt-get -qq update >&2 || return 1
    # shellcheck disable=SC2086 # a list of packages
    APT_CONFIG=$dir/apt.conf apt-get -qq --yes --download-only --no-install-recommends \
        install "$family-server" "$family-tools" $BASE >&2 || return 1
}

# Unpacks every package of DIR into ROOT.
unpack() {
    for deb in "$1"/cache/archives/*.deb; do
        dpkg-deb --extract "$deb" "$2" || return 1
    done
}

# Small scripts that start a binary of ROOT with the loader and the libraries of ROOT.
write_wrappers() {
    home=$1
    family=$2
    loader=$(cd "$home" && find root -name 'ld-linux*.so.*' | sed -n 1p)
    [ -n "$loader" ] || die "no dynamic loader among the packages in $home/root"
    libraries=$(cd "$home" && find root -name 'lib*.so*' | sed 's,/[^/]*$,,' | sort -u |
        sed "s,^,$home/," | tr '\n' ':' | sed 's/:$//')
    mkdir -p "$home/bin"
    for program in server cli; do
        binary=$home/root/usr/bin/$family-$program
        [ -e "$binary" ] || die "no $family-$program among the packages in $home/root"
        cat >"$home/bin/$family-$program" <<WRAPPER
#!/bin/sh
exec '$home/$loader' --library-path '$libraries' '$binary' "\$@"
WRAPPER
        chmod 755 "$home/bin/$family-$program"
    done
}

# Fetches ENGINE from the first suite that carries the wanted version. It is built under its final
# path, since the wrappers name it, and counts as done when the file "version" is there.
fetch() {
    engine=$1
    family=$2
    wanted=$3
    shift 3
    home=$ENGINES/$engine
    for suite in "$@"; do
        say "$engine: asking $suite"
        rm -rf "$home"
        mkdir -p "$home/root"
        private_apt "$WORK/$engine-$suite" "$suite"
        if ! download "$WORK/$engine-$suite" "$family"; then
            say "$engine: $suite does not carry it or cannot be reached"
            continue
        fi
        unpack "$WORK/$engine-$suite" "$home/root" || die "$engine: cannot unpack"
        # Made by the package's script, which is not run.
        ln -sf mawk "$home/root/usr/bin/awk"
        write_wrappers "$home" "$family"
        got=$(version_in "$home" "$family")
        case $got in
        "$wanted"*)
            # No server needs manuals, and engines are copied between machines.
            rm -rf "$home/root/usr/share" "$home/root/var" "$home/root/etc"
            # A pod's user is not the one who unpacked.
            chmod -R a+rX "$home"
            printf '%s\n' "$got" >"$home/version"
            return 0
            ;;
        '') say "$engine: what $suite carries does not run here" ;;
        *) say "$engine: $suite has $got, wanted $wanted*" ;;
        esac
    done
    rm -rf "$home"
    die "$engine: no suite of '$*' on $MIRROR carries version $wanted*"
}

for tool in apt-get apt-config dpkg dpkg-deb find flock; do
    command -v "$tool" >/dev/null || die "$tool is missing: the engines come as Debian packages"
done

TOOLS=$(printenv REDIS_CLUSTER_GEN_TOOLS || true)
[ -n "$TOOLS" ] || TOOLS=$HOME/.cache/redis-cluster-gen/tools
mkdir -p "$TOOLS/engines"
ENGINES=$(cd "$TOOLS/engines" && pwd)
WORK=
MIRROR=
KEYRING=
ARCH=$(dpkg --print-architecture)

# Two test runs may start at the same time.
exec 9>"$ENGINES/.lock"
flock 9

chosen=" $* "
[ $# -eq 0 ] || TABLE=$TABLE$MORE
printf '%s\n' "$TABLE" >"$ENGINES/.table"
for name in "$@"; do
    grep -q "^$name " "$ENGINES/.table" || die "unknown engine $name"
done

while read -r engine family wanted suites; do
    [ -n "$engine" ] || continue
    case $chosen in
    "  " | *" $engine "*) ;;
    *) continue ;;
    esac
    home=$ENGINES/$engine
    if [ -s "$home/version" ] && [ "$(version_in "$home" "$family")" != "$(cat "$home/version")" ]; then
        say "$engine: what is in $home no longer answers as version $(cat "$home/version"), fetching it again"
        rm -f "$home/version"
    fi
    # One without the tools is from an older version of this script.
    if [ ! -s "$home/version" ] || [ ! -e "$home/root/usr/bin/awk" ]; then
        if [ -z "$WORK" ]; then
            WORK=$(mktemp -d)
            trap 'rm -rf "$WORK"' EXIT
            trap 'exit 1' HUP INT TERM
            MIRROR=$(mirror)
            [ -n "$MIRROR" ] || die "the machine's apt sources name no Debian archive; set DEBIAN_MIRROR"
            KEYRING=$(printenv DEBIAN_KEYRING || true)
            [ -n "$KEYRING" ] || KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
            [ -r "$KEYRING" ] || die "$KEYRING is missing: install debian-archive-keyring or set DEBIAN_KEYRING"
        fi
        # shellcheck disable=SC2086 # a list of suites
        fetch "$engine" "$family" "$wanted" $suites
    fi
    printf '%s %s %s\n' "$engine" "$(cat "$home/version")" "$home/bin"
done <"$ENGINES/.table"
