# Restarts the program of the restart helper: removes the file with its process ID, then ends its process group.
file=${1:-/devspace-pid}
helper=${2:-/devspace-restart-helper}
pid=
i=0
while ! { read -r pid <"$file"; } 2>/dev/null; do
    [ -e "$helper" ] || exit 3
    # The helper is about to start the program.
    i=$((i + 1))
    [ $i -gt 10 ] && exit 0
    sleep 1
done
case $pid in '' | *[!0-9]*) exit 3 ;; esac
rm -f -- "$file" || exit 4
signal() { kill "-$1" "-$pid" 2>/dev/null || kill "-$1" "$pid" 2>/dev/null; }
signal INT || { kill -0 "$pid" 2>/dev/null && { echo "process $pid belongs to another user" >&2; exit 4; }; exit 0; }
alive() { kill -0 "-$pid" 2>/dev/null; }
sleep 0.2 2>/dev/null || sleep 1
alive || exit 0
# A shell lets programs that it starts in the background ignore INT, and the helper's shell starts it so.
signal TERM
i=0
while [ $i -lt 30 ]; do
    alive || exit 0
    sleep 0.1 2>/dev/null || { sleep 1; i=$((i + 9)); }
    i=$((i + 1))
done
signal KILL
exit 0
