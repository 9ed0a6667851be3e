# What a page's commands run under; read before them by the script that script.js makes. Expects $scratch (a directory of the
# page's own), $runner (this directory) and the file descriptor 3, which hears how far the page is.

declare -A staying=()

# At the end of the page, whatever ends it, so does what stays.
finish() {
    code=$?
    trap - EXIT ERR
    for place in "${!staying[@]}"; do ends "$place"; done
    exit "$code"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'echo "failed $LINENO" >&3' ERR

# Ends what listens at this place, as Ctrl-C does, and waits until it is gone.
ends() {
    [ -n "${staying[$1]:-}" ] || return 0
    kill -INT -- "-${staying[$1]}" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 -- "-${staying[$1]}" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL -- "-${staying[$1]}" 2>/dev/null || true
    unset "staying[$1]"
}

# Runs a block in the background until an address answers. What listened in its place before is ended first: a reader would
# have had to.
stays() {
    ends "$3"
    # A process group of its own, so that it ends whole; with its own log, told if it never answers.
    set -m
    bash -eu "$1" >"$1.log" 2>&1 3>&- </dev/null &
    set +m
    staying[$3]=$!
    for _ in $(seq 600); do
        curl --silent --fail --output /dev/null --max-time 5 "$2" && return 0
        kill -0 "${staying[$3]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "it does not answer at $2; it said:" >&2
    tail -n 30 "$1.log" >&2
    return 1
}

# Runs a command and holds what it prints against what the page shows. One that only asks is asked again for a while: the
# cache opens a moment after the server answers.
shows() {
    for turn in $(seq 40); do
        code=0
        eval "$(cat "$1")" >"$1.printed" 2>&1 || code=$?
        if [ "$code" = 0 ] && node "$runner/shown.js" "$1.shown" "$1.printed" 2>"$1.differs"; then return 0; fi
        case "$(cat "$1")" in
            *" -X "* | *" -d "* | *--data*) break ;;
            curl* | "courant queue list"* | "courant cache stats"*) sleep 0.25 ;;
            *) break ;;
        esac
    done
    cat "$1.differs" "$1.printed" >&2
    return 1
}

# A block that is to fail, because the page says so.
fails() {
    if bash -eu "$1"; then
        echo "the page says that this fails, and it did not" >&2
        return 1
    fi
}
