# Sees to it that a private server does not outlive the process that started it.
# $1 data directory  $2 the postmaster's number  $3 signal to stop it with  $4 directory to remove, or empty
#
# Standard input closes when that process is gone, however it went. The first word it gets from a
# process that has stopped the server itself is "stopped".
read -r word
[ "$word" = stopped ] && exit 0
read -r pid < "$1/postmaster.pid"
if [ "$pid" = "$2" ] && kill -s "$3" "$pid"; then
    [ -z "$4" ] && exit 0
    tries=0
    while kill -0 "$pid" && [ "$tries" -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
fi
[ -z "$4" ] || rm -rf "$4"
