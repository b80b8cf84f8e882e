#!/bin/sh
# Replaces kaniko in the tests: accepts its arguments, builds the image with buildah, pushes it, and prints messages like
# those of kaniko. Unknown arguments are an error.
say() { echo "INFO[0000] $*"; }
die() {
  echo "$*"
  exit 1
}
# $1, quoted as one shell word.
word() { printf "'%s' " "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

say "kaniko was called with: $*"
destinations='' options='' push_tls=true pull_tls=true pushes=yes digest_file=/dev/null
while [ $# -gt 0 ]; do
  case $1 in
    --dockerfile=*) dockerfile=${1#*=} ;;
    --context=dir://*) context=${1#*=dir://} ;;
    --destination=*) destinations="$destinations ${1#*=}" ;;
    --target=*) options="$options$(word "$1")" ;;
    --build-arg)
      options="$options--build-arg $(word "$2")"
      shift
      ;;
    --snapshotMode=time | --snapshotMode=full | --snapshotMode=redo | --verbosity=*) ;;
    --cache=true | --cache-repo=*) ;;
    --insecure | --skip-tls-verify) push_tls=false ;;
    --insecure-pull | --skip-tls-verify-pull) pull_tls=false ;;
    --no-push) pushes='' ;;
    --digest-file=*) digest_file=${1#*=} ;;
    *) die "Error: unknown flag: $1" ;;
  esac
  shift
done
[ -f "$dockerfile" ] || die "error resolving dockerfile path: $dockerfile"

authority=''
[ -f /kaniko/.docker/config.json ] && authority='--authfile /kaniko/.docker/config.json'
export TMPDIR=/tmp
log=/tmp/build.log
eval "set -- $options"
{
  # shellcheck disable=SC2086 # the authority is words
  buildah --storage-driver vfs bud --isolation chroot --format docker --tls-verify=$pull_tls $authority --layers=false \
    --tag built:1 --file "$dockerfile" "$@" "$context" 2>&1
  echo $? >/tmp/status
} | while IFS= read -r line; do
  case $line in
    STEP*': '* | '['*STEP*': '*) say "${line#*STEP *: }" ;;
    *) echo "$line" ;;
  esac
done | tee "$log"
if [ "$(cat /tmp/status)" != 0 ]; then
  code=$(sed -n 's/.*exit status \([0-9]*\).*/\1/p' "$log" | tail -n 1)
  [ -n "$code" ] || die "error building image: $(tail -n 1 "$log")"
  die "error building image: error building stage: failed to execute command: waiting for process to exit: exit status $code"
fi
say 'Taking snapshot of full filesystem...'
[ -n "$pushes" ] || exit 0
for destination in $destinations; do
  say "Pushing image to $destination"
  # shellcheck disable=SC2086
  buildah --storage-driver vfs push --tls-verify=$push_tls $authority --digestfile /tmp/digest built:1 \
    "docker://$destination" >"$log" 2>&1 ||
    die "error pushing image: failed to push to destination $destination: $(tail -n 1 "$log")"
done
cat /tmp/digest >"$digest_file"
