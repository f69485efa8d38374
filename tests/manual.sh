# The manual, --help and the tables agree; the pages are clean.
. "$(dirname "$0")/lib.sh"
cd "$TOP" || exit 1
for page in man/*.[157]; do
    is "$(mandoc -Tlint -W warning "$page" 2>&1 | grep -v 'referenced manual not found')" "" "$page is clean"
done
manual=$(mandoc -Tascii -O width=200 man/seedops.1 | sed 's/.\x08//g')
so --help
is "$rc" 0 "--help succeeds"
commands=$(sed -n '/^Commands:/,/^$/p' <<<"$out" | sed -n 's/^  \([a-z]*\( [a-z]*\)\?\)  .*/\1/p')
is "$(sort <<<"$commands")" "$commands" "commands are sorted"
while read -r c; do
    check "the manual knows: $c" grep -qE "^ +$c( |$)" <<<"$manual"
    # shellcheck disable=SC2086
    so $c --help
    like "$out" "^usage: seedops $c" "$c --help shows its usage"
    for o in $(grep -oE '^  --[a-z-]+' <<<"$out"); do
        grep -qE -- "^ +$o" <<<"$manual" || not_ok "the manual lacks $o of $c"
    done
done <<<"$commands"
so completion bash
check "the completion script is valid bash" bash -n <<<"$out"
for c in $commands; do like "$out" "$c" "the completion knows $c"; done
eval "$out"
words() { COMP_WORDS=(seedops "$@"); COMP_CWORD=$#; COMPREPLY=(); _seedops; echo "${COMPREPLY[*]}"; }
is "$(words restore --changed '')" "leave overwrite" "an option's argument is completed"
is "$(words help conv)" converge "and a command after help"
like " $(words prune --) " ' --plan-digest .*--safepoint-dir ' "and a command's own options"
unlike " $(words count --) " ' --dry-run ' "no others"
so --version
like "$out" '^seedops [0-9]' "--version"
so --frobnicate
is "$rc" 64 "an unknown option is exit 64"
so statsu
is "$rc" 64 "an unknown word is exit 64"
like "$err" 'did you mean the command "status"' "and names the nearest command"
so status --jsno
like "$err" 'did you mean --json' "an unknown option names the nearest"
so count --dry-run
is "$rc" 64 "an option that a command does not take is refused"
so wait --timeout never
like "$err" 'number of milliseconds' "a bad number is named"
finish
