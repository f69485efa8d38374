# The manual, --help and the tables agree; the pages are clean.
. "$(dirname "$0")/lib.sh"
cd "$TOP" || exit 1
for page in man/*.[157]; do
    is "$(mandoc -Tlint -W warning "$page" 2>&1 | grep -v 'referenced manual not found')" "" "$page is clean"
done
# pages as text, without overstrikes
text() { mandoc -Tascii -O width=200 "man/$1.1" | sed 's/.\x08//g'; }
section() { sed -n "/^$1$/,/^[A-Z]/p"; }
overview=$(text seedops)
so --help
is "$rc" 0 "--help succeeds"
for o in $(grep -oE '^  --[a-z-]+' <<<"$out"); do like "$overview" "^ +$o( |$)" "seedops(1) knows $o"; done
commands=$(sed -n '/^Commands:/,/^$/p' <<<"$out" | sed -n 's/^  \([a-z]*\( [a-z]*\)\?\)  .*/\1/p')
is "$(sort <<<"$commands")" "$commands" "commands are sorted"
declare -A taken=()                                       # page -> the options its commands take
while read -r c; do
    like "$overview" "^ +$c( |$)" "the overview knows: $c"
    # shellcheck disable=SC2086
    so $c --help
    like "$out" "^usage: seedops $c" "$c --help shows its usage"
    page=$(grep -oE 'See seedops[a-z-]*\(1\)' <<<"$out" | sed 's/See \(.*\)(1)/\1/')
    manual=$(text "$page")
    like "$(section COMMANDS <<<"$manual")" "^ +$c( |$)" "$page(1) tells of: $c"
    [ "$page" = seedops ] && continue
    like "$(section SYNOPSIS <<<"$manual")" "^ +seedops $c( |$)" "and has it in its synopsis"
    like "$(section NAME <<<"$manual")" "seedops-${c%% *}[, ]" "and man finds it by seedops-${c%% *}"
    like "$(sed -n "/$page(1)/,/(1)/p" <<<"$overview")" "^ +$c( |$)" "and the overview has it under that page"
    for o in $(sed -n '/^Options:/,/^$/p' <<<"$out" | grep -oE '^  --[a-z-]+'); do
        taken[$page]+=" $o"
        like "$(section OPTIONS <<<"$manual")" "^ +$o( |$)" "and has $o"
    done
done <<<"$commands"
for page in "${!taken[@]}"; do
    documented=$(text "$page" | section OPTIONS | grep -oE '^ {5}--[a-z-]+' | sort -u)
    is "$(echo $documented)" "$(tr ' ' '\n' <<<"${taken[$page]}" | sort -u | xargs)" "$page(1) has no option that none of its commands takes"
done
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
