# shellcheck shell=bash
# Sourced by the tests on a pseudo-terminal, instead of lib.sh: a terminal like most, whatever the one that runs them is.
#   term PROGRAM [ARGUMENT...] <<<SCRIPT   see tests/tty/term.c
# Environment: BUILD (where it was built).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
BUILD=${BUILD:-.}
SEEDOPS=$(command -v "$SEEDOPS")
term() { "$BUILD/tests/tty/term" "$@"; }
export TERM=xterm-256color
unset NO_COLOR COLORFGBG TMUX
