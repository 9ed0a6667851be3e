#!/bin/sh
# `courant` as the pages call it: the binary under test, at free ports where the page names none of its own.
# Reads DOCS_BIN, DOCS_LISTEN and DOCS_ADMIN; serve and init take theirs from COURANT_LISTEN and COURANT_ADMIN_LISTEN.
set -eu
case "${1:-}" in
    demo) case "$*" in *--listen*) ;; *) set -- "$@" --listen "$DOCS_LISTEN" --admin-listen "$DOCS_ADMIN" ;; esac ;;
    cache | block | unblock | queue) case "$*" in *--help* | *--admin*) ;; *) set -- "$@" --admin "http://$DOCS_ADMIN" ;; esac ;;
esac
exec "$DOCS_BIN" "$@"
