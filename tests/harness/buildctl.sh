#!/bin/sh
# Replaces the command of this name in the image of BuildKit: forwards requests to the BuildKit that listens at $BUILDKIT,
# an address and a port.
# shellcheck disable=SC2086 # two words
case $* in
  'debug workers') exec nc $BUILDKIT </dev/null ;;
  dial-stdio) exec nc $BUILDKIT ;;
  *) echo "unknown: $*" >&2 && exit 1 ;;
esac
