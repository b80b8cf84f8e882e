#!/bin/sh
# Runs a program so that it can be restarted without a new container.
#
# /devspace-pid contains the program's process ID. To restart the program, remove that file and kill the
# program's process group. A program that ends while files are being synced (/tmp/sync exists) is also
# restarted; otherwise the container ends with the program.

pidfile=/devspace-pid
pid=

stop() {
    trap '' TERM INT
    if [ -n "$pid" ]; then
        # The program leads a session of its own: its whole process group is asked to end.
        kill -TERM "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    fi
    rm -f "$pidfile"
    exit 143
}
trap stop TERM INT

while true; do
    setsid "$@" &
    pid=$!
    echo "$pid" >"$pidfile"
    wait "$pid"
    code=$?

    if [ ! -f "$pidfile" ]; then
        printf '\n############### Restart container ###############\n\n'
        continue
    fi
    rm -f "$pidfile"
    if [ ! -e /tmp/sync ]; then
        exit "$code"
    fi
    printf '\n############### Container ended with exit code %s, restarting in 7 seconds ###############\n\n' "$code"
    sleep 7 &
    pid=$!
    wait "$pid"
done
