# Prints the name of the first program of the container, unless one of them follows its files. Its arguments may have
# secrets.
first=
for dir in /proc/[0-9]*; do
    line=$(tr '\0' ' ' <"$dir/cmdline") 2>/dev/null || continue
    line=${line% }
    case $line in '' | *windlass-*) continue ;; esac
    case $(cat "$dir"/fdinfo/* 2>/dev/null) in *inotify*) exit ;; esac
    # Programs that look at the time of files, or read them for each request.
    case $line in
    *reload* | *watch* | *nodemon* | *runserver* | *flask* | *vite* | *webpack* | *' dev' | *' dev '*) exit ;;
    *php* | *apache* | *httpd* | *nginx* | *caddy*) exit ;;
    esac
    name=${line%% *}
    case ${name##*/} in
    sh | -sh | ash | dash | bash | -bash | zsh | sleep | tail | cat | head | tr | tar | find | stat | pause) ;;
    tini | dumb-init | init | sshd | devspacehelper) ;;
    *) [ -n "$first" ] || first=${name##*/} ;;
    esac
done 2>/dev/null
[ -z "$first" ] || printf '%s\n' "$first"
