# Responds to windlass over stdin and stdout, inside the container.
#
# A request is a line `VERB PATHS LINES A B C`, then that many paths and lines, then data of the verb. The next
# request comes only after the response, because `head` may read more than requested. A response ends with
# `=TOKEN STATUS`. Paths are data. Only files below .windlass-stage are ever deleted without being named.
W=$1 mode=$2 owner=$3 T=$4 M=$5 steal=$6
LC_ALL=C TZ=UTC0
export LC_ALL TZ
unset CDPATH
umask 022
nl='
'
F='s %f %u %g %s %i %y %n'
S=.windlass-stage
mark=
bases=
has() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s\n' "$*"; }
end() { say "=$T $1"; }
# An error: KEY, message.
bad() { (
    key=$1 IFS=$nl
    set -f
    for line in ${2:-it was killed}; do say "e $key/$line"; done
); }
# Whether the process is a loop like this one.
alive() { kill -0 "$1" 2>/dev/null && grep -q windlass-sync "/proc/$1/cmdline" 2>/dev/null; }
clean() {
    [ "$mode" = rw ] || return 0
    pid=
    { read -r pid <"$P/$S/owner"; } 2>/dev/null
    if [ -z "$pid" ] || [ "$pid" = "$$" ]; then
        rm -rf -- "$P/$S"
        IFS=$nl
        set -f
        for base in $bases; do rm -rf -- "$P/$base/$S"; done
    fi
    [ -z "$mark" ] || [ -s "$M" ] || rm -f -- "$M"
}
# Runs the command line $tool with all paths, or, if that fails, with each.
try() {
    m=$($tool "$@" 2>&1 </dev/null) && return
    i=0
    for p; do
        m=$($tool "$p" 2>&1 </dev/null) || bad $i "$m"
        i=$((i + 1))
    done
}
# The state of the targets of a group of staged files: the group, its directory. `names` follows the group's name.
names='case $k in ?a*) set -- *;; ?b*) set -- .[!.]*;; *) set -- ..?*;; esac'
look() {
    k=$1 t=$2
    say "k $k"
    cd "$P/$d/$k" || return
    eval "$names"
    cd "$P/$t" 2>/dev/null || { say g; return; }
    case $k in
    e*) stat -c "$F" -- "$@" 2>/dev/null ;;
    n*) for f; do if [ -e "$f" ] || [ -L "$f" ]; then say "x $f"; fi; done ;;
    esac
}
# Moves a group of staged files into its directory; a file on which something is mounted is written in place.
move() {
    k=$1 t=$2
    cd "$P/$d/$k" || return
    eval "$names"
    m=$(mv -f -- "$@" "$P/$t/" 2>&1 </dev/null) && return
    for f; do
        [ -e "$f" ] || [ -L "$f" ] || continue
        m=$(mv -f -- "$f" "$P/$t/" 2>&1 </dev/null) && continue
        case $m in *usy*)
            if m=$({ cat <"$f" >"$P/$t/$f"; } 2>&1); then
                say "i $k/$f"
                continue
            fi
            ;;
        esac
        bad "$k/$f" "$m"
    done
}
if [ "$mode" = rw ] && [ ! -d "$W" ]; then
    m=$(mkdir -p -- "$W" 2>&1) || { say "!r ${m%%"$nl"*}"; exit; }
fi
cd -P -- "$W" 2>/dev/null || { say '!r it is not a directory that can be opened'; exit; }
W=$(pwd -P)
P=${W%/}
if [ "$mode" = rw ]; then
    pid= who=
    { { read -r pid && IFS= read -r who; } <"$S/owner"; } 2>/dev/null
    if [ -n "$pid" ] && alive "$pid"; then
        [ "$who" = "$owner" ] || [ -n "$steal" ] || { say "!b $who"; exit; }
        kill -9 "$pid"
    fi
    rm -rf -- "$S" 2>/dev/null
    mkdir -- "$S" 2>/dev/null && printf '%s\n' "$$" "$owner" >"$S/owner"
    trap clean EXIT
    trap 'exit 1' HUP INT TERM PIPE
    while read -r _ m _; do
        case $m in "$W") say M ;; "$P"/*)
            say "m $m"
            [ ! -d "$m/$S" ] || rm -rf -- "$m/$S"
            ;;
        esac
    done 2>/dev/null </proc/self/mounts
fi
say "r $W"
if has id; then say "u $(id -u) $(id -g)"; elif has stat; then say "u $(stat -c '%u %g' /proc/self)"; fi
for t in tar head cat mv rm mkdir find stat sha256sum readlink; do has $t && say "t $t"; done
say "d $(date +%s)"
end 0
while read -r v n m a b c; do
    set --
    e=
    while [ $# -lt "$n" ] && IFS= read -r p; do set -- "$@" "$p"; done
    while [ "$m" -gt 0 ] && IFS= read -r p; do e=$e$p$nl m=$((m - 1)); done
    if [ "$mode" = rw ] && [ ! -e "$M" ]; then
        { true >"$M"; } 2>/dev/null && mark=1
    fi
    if ! cd "$W" 2>/dev/null; then
        case $v in put | add) head -c "$a" >/dev/null ;; esac
        end 3
        continue
    fi
    case $v in
    put | add) # bytes, number of the upload, flag of tar; the stage's directory, the file; then the bytes
        d=$1/$S/$b f=$1/$S/$b/$2
        case $nl$bases in *"$nl$1$nl"*) ;; *) bases=$bases$1$nl ;; esac
        if m=$(mkdir -p -- "${f%/*}" 2>&1 </dev/null); then
            case $v in
            put) m=$(head -c "$a" | { tar "-xp${c}f" - -C "$d" 2>&1; s=$?; cat >/dev/null; exit $s; }) ;;
            add) m=$(head -c "$a" | { { cat >>"$f"; } 2>&1; s=$?; cat >/dev/null; exit $s; }) ;;
            esac
            s=$?
        else
            s=1
            head -c "$a" >/dev/null
        fi
        [ $s = 0 ] || bad 0 "$m"
        end $s
        ;;
    ln) # number of the upload; the stage's directory, the link, its target
        f=$1/$S/$a/$2
        m=$({ mkdir -p -- "${f%/*}" && ln -s -- "$3" "$f"; } 2>&1 </dev/null) || bad 0 "$m"
        end 0
        ;;
    meta) # number of the upload, mode, time and owner; the stage's directory, the file
        f=$1/$S/$a/$2
        case $c in *:*) chown "${c#* }" "$f" 2>/dev/null ;; esac
        m=$(chmod "$b" "$f" 2>&1 </dev/null) || bad 0 "$m"
        touch -d "@${c%% *}" "$f" 2>/dev/null
        end 0
        ;;
    drop) # number of the upload; the stage's directory, staged files
        d=$1/$S/$a
        shift
        if [ $# = 0 ]; then rm -rf -- "$d"; else cd "$d" && rm -f -- "$@"; fi
        end 0
        ;;
    mv) # number of the upload; the stage's directory, groups and their directories; what is expected
        d=$1/$S/$a
        shift
        new=$(cd "$d" && stat -c "$F" -- ./*/* ./*/.[!.]* ./*/..?* 2>/dev/null)
        # A write between this and the next command is lost, so no command comes between them.
        now=$(while [ $# -gt 0 ]; do look "$1" "$2"; shift 2; done)
        if [ "$now" != "${e%"$nl"}" ]; then
            say "$now"
            end 2
            continue
        fi
        [ -z "$new" ] || say "$new"
        while [ $# -gt 0 ]; do move "$1" "$2"; shift 2; done
        cd "$W" && rm -rf -- "$d"
        end 0
        ;;
    rm) # 1: compare; what is expected
        if [ "$a" = 1 ]; then
            now=$(stat -c "$F" -- "$@" 2>/dev/null)
            if [ "$now" != "${e%"$nl"}" ]; then
                say "$now"
                end 2
                continue
            fi
        fi
        tool='rm -f --'
        try "$@"
        end 0
        ;;
    rmdir) tool='rmdir --'; try "$@"; end 0 ;;
    mkdir) tool="mkdir -p -m $a --"; try "$@"; end 0 ;;
    chmod) tool="chmod $a --"; try "$@"; end 0 ;;
    stat) stat -c "$F" -- "$@" 2>/dev/null; end 0 ;;
    sum) sha256sum -- "$@" 2>/dev/null </dev/null; end 0 ;;
    links)
        i=0
        for p; do
            m=$(readlink -- "$p" 2>/dev/null) && say "$i $m"
            i=$((i + 1))
        done
        end 0
        ;;
    about) # whose is the nearest path that exists, and how full its disk is
        p=$1
        while [ ! -e "$p" ] && [ "$p" != "${p%/*}" ]; do p=${p%/*}; done
        stat -c 'o %u %g %a' -- "$p" 2>/dev/null
        m=$(df -h -- "$p" 2>/dev/null) && say "d ${m##*"$nl"}"
        end 0
        ;;
    scan) # arguments of find; of names with a line feed, only the inode is told
        exec 3>&1
        m=$(find . "$@" -name "*$nl*" -prune -exec stat -c 'n %i' -- {} + -o -exec stat -c "$F" -- {} + 2>&1 >&3 3>&- </dev/null; say "find ended with $?")
        exec 3>&-
        # Without this output, it was killed.
        [ "$m" = 'find ended with 0' ] || bad 0 "$m"
        end 0
        ;;
    end) exit ;;
    esac
done
