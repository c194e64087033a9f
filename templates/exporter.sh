#!/bin/sh
# Init container: hands the password to the exporter, which reads JSON with a password for each address.
#
# The password is never in an argument or a variable. Nothing here keeps the server from starting: an exporter without the
# password says that the server is down, while it is not.

umask 077
{
    printf '{'
    # The first line, as everywhere else. JSON escapes quotes, backslashes and tabs.
    sed -n "1{s/[\"\\\\]/\\\\&/g;s/$(printf '\t')/\\\\t/g;s|^.*\$|\"$ADDRESS\": \"&\"|p;q;}" "$PASSWORD_FILE"
    printf '}\n'
} >"$SERVERS_FILE"

exit 0
