# shellcheck shell=sh
# Started: the server answers anything but LOADING. Until then the other probes do not run, so the
# time that it may take covers loading the data and the entrypoint's wait for a promotion. $1: seconds
# that an answer may take.

# shellcheck source=lib.sh
. /conf/lib.sh
ROLE=_probe
load_password

answer=$(ask_own "$1" PING) || {
    echo "no answer: $answer"
    exit 1
}
case $answer in
*LOADING*)
    echo "$answer"
    exit 1
    ;;
esac
