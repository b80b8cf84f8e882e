# Tells its process ID, then runs a command in its process group. Windlass keeps stdin open as long as it waits for the
# command. Stdin ends when windlass or the connection does, whatever the reason, and then the command is ended too.
exec 3<&0 </dev/null
echo "$$"
(
    trap '' TERM
    while read -r _; do :; done
    kill -TERM "-$$" || kill -TERM "$$"
    sleep 2
    kill -KILL "-$$" || kill -KILL "$$"
) <&3 3<&- >/dev/null 2>&1 &
watcher=$!
# The shell outlives the command, to reap it: the first program of the container may not do that.
trap : TERM
(exec "$@" 3<&-)
code=$?
exec 2>/dev/null
kill -KILL "$watcher"
wait "$watcher"
exit "$code"
