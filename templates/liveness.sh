# shellcheck shell=sh
# Alive: the server answers anything at all. An error is an answer: restarting a server that is
# loading, has a full disk, waits for its master or runs a long script makes it worse. redis-cli
# fails only when nothing comes. It replaces this shell, so that the kubelet's timeout ends it.

# shellcheck source=lib.sh
. /conf/lib.sh
ROLE=_probe
load_password
# shellcheck disable=SC2086 # a list of options
cli $OWN_OPTIONS PING
