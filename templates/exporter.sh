# shellcheck shell=sh
# Init container: hands the exporter its password, with which it may read metrics and nothing else.
#
# The password is never in an argument or a variable. Nothing here keeps the server from starting: an exporter without the
# password says that the server is down, while it is not. heal.sh writes it anew when it changes.

# shellcheck source=lib.sh
. /conf/lib.sh
write_exporter_password "$PASSWORD_FILE"

exit 0
