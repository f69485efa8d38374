# Completion in the real shells: bash's function, fish's own completion query, zsh in a pty of its own. Names out of a
# stranger's configuration are data in all of them.
. "$(dirname "$0")/../lib.sh"
bin=$T/bin; mkdir -p "$bin" "$T/project/seeds" "$T/project/migrations"
ln -s "$(realpath "$SEEDOPS")" "$bin/seedops"
export PATH=$bin:$PATH
cd "$T/project" || exit 1
hostile='$(touch '$T/pwned')'                             # a table; environments have no blanks, quotes and slashes
short='$(id>pwned)' ticks='`id>pwned`' semicolon=';id>pwned' glob='*' braces='{a,b}' tilde='~root' colon='eu:west'
cat >seedops.yaml <<YAML
version: 1
tables:
  Station: {class: context}
  '$hostile': {class: context}
environments:
  local: {url: "postgresql:///a"}
  lab: {url: "postgresql:///b"}
  '$short': {url: "postgresql:///c"}
  '$ticks': {url: "postgresql:///c"}
  'x$semicolon': {url: "postgresql:///c"}
  'g$glob': {url: "postgresql:///c"}
  'b$braces': {url: "postgresql:///c"}
  '$tilde': {url: "postgresql:///c"}
  '$colon': {url: "postgresql:///c"}
  Zürich: {url: "postgresql:///c"}
YAML
mkdir -p "$T/project/places/inner"; : >"$T/project/a file.yaml"
check "the configuration is read" seedops envs
# A session of which the ID is known, and no more of them for having been asked for
seedops wait local --timeout 1 >/dev/null 2>&1
session=$(seedops sessions --json | jq -r '.sessions[0].session // empty')
like "$session" '^2' "there is a session to complete"

# ---- what seedops answers ----
asked() { printf '%s\0' "$@" | seedops completion words | cut -f1 | xargs -d '\n'; }
like " $(asked '') " ' local .* boot .* wait ' "environments and commands come first"
like "$(asked '')" 'x;id>pwned' "a name is itself"
is "$(asked migrate st | tr ' ' '\n' | grep '^st')" status "the second word of a command"
is "$(asked restore --changed '')" "leave overwrite" "an option's argument"
is "$(asked restore --changed=)" "leave overwrite" "behind an equals sign, too"
is "$(asked restore --changed = '')" "leave overwrite" "as bash cuts it, too"
is "$(asked help migrate '')" "baseline resolve status" "a command after help"
is "$(asked completion '')" "bash zsh fish" "the shells"
like " $(asked prune --) " ' --plan-digest .*--safepoint-dir ' "a command's own options"
unlike " $(asked count --) " ' --dry-run ' "no others"
like "$(asked prune lab '')" "^Station " "tables of the configuration behind the environment"
unlike "$(asked prune lab '')" "local" "and no environment there"
is "$(asked boot lab -- '')" -programs "a program behind boot's dashes"
is "$(asked boot lab -- env '')" -files "and its files"
like "$(asked replay '')" "^last $session" "recorded sessions"
is "$(asked --config seedops.yaml count '' | tr ' ' '\n' | head -n 1)" local "the configuration that is named is read"
is "$(asked --config /nowhere count '')" "" "and none but that"
before=$(find "$XDG_STATE_HOME" -type f | sort)
asked restore lab '' >/dev/null; asked '' >/dev/null
is "$(find "$XDG_STATE_HOME" -type f | sort)" "$before" "asking leaves no record"
run seedops completion words </dev/null
is "$rc" 64 "no words are a usage error"
run seedops completion tcsh
is "$rc" 64 "an unknown shell is a usage error"
like "$err" "bash, zsh or fish" "that names those there are"
head -c 200000 /dev/urandom >"$T/noise"
run seedops completion words <"$T/noise"
is "$rc" 0 "noise is no crash"

# ---- bash ----
seedops completion bash >"$T/seedops.bash"
check "the script for bash is valid" bash -n "$T/seedops.bash"
in_bash() { bash --norc -c '. "$0"; COMP_WORDS=(seedops "$@"); COMP_CWORD=$#; _seedops; printf "%s\n" "${COMPREPLY[@]}"' "$T/seedops.bash" "$@"; }
is "$(in_bash restore --ch)" "--changed" "bash: an option"
is "$(in_bash lo)" local "bash: an environment"
is "$(in_bash restore --changed o)" overwrite "bash: an option's argument"
is "$(in_bash restore --changed = o)" overwrite "bash: behind an equals sign"
is "$(in_bash --config a)" "a file.yaml" "bash: a file"
is "$(in_bash --seeds pl)" "places" "bash: a directory"
like "$(in_bash boot -- en)" "^env$" "bash: a program"
is "$(in_bash replay "${session:0:12}" | head -n 1)" "$(seedops sessions --json | jq -r '.sessions[].session' | grep -F "${session:0:12}" | head -n 1)" "bash: a session"
# what bash puts into the line, read by a shell, is the name and nothing else
asked=$(in_bash prune local '')
like "$asked" '^\\\$\\\(touch' "bash: a hostile table is quoted"
while IFS= read -r quoted; do eval "printf '%s\n' $quoted"; done < <(in_bash status '') >"$T/bash.names"
is "$(sort "$T/bash.names")" "$(printf '%s\n' local lab "$short" "$ticks" "x$semicolon" "g$glob" "b$braces" "$tilde" "$colon" Zürich | sort)" \
    "bash: hostile names arrive quoted"

# ---- fish ----
seedops completion fish >"$T/seedops.fish"
check "the script for fish is valid" fish --no-execute "$T/seedops.fish"
in_fish() { fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$T/seedops.fish" "$1" | cut -f1; }
is "$(in_fish 'seedops restore --ch')" "--changed" "fish: an option"
is "$(in_fish 'seedops lo')" local "fish: an environment"
like "$(fish --no-config -c 'source $argv[1]; complete -C "seedops conv"' "$T/seedops.fish")" $'converge\tseed and prune' "fish: with what it does"
is "$(in_fish 'seedops restore --changed o' | grep '^o')" overwrite "fish: an option's argument"
is "$(in_fish 'seedops restore --changed=o')" --changed=overwrite "fish: behind an equals sign"
like "$(in_fish 'seedops --config a')" '^a file.yaml$' "fish: a file"
like "$(in_fish 'seedops --config=a')" '^--config=a file.yaml$' "fish: a file behind an equals sign"
is "$(in_fish 'seedops --seeds pl')" places/ "fish: a directory"
like "$(in_fish 'seedops boot -- en')" '^env$' "fish: a program"
like "$(in_fish 'seedops replay ')" "^$session$" "fish: a session"
like "$(in_fish 'seedops status x')" '^x;id>pwned$' "fish: hostile names arrive as they are"
like "$(in_fish 'seedops status ')" '^\$\(id>pwned\)$' "fish: all of them"

# ---- zsh, at a terminal: the line as zsh leaves it ----
seedops completion zsh >"$T/_seedops"
check "the script for zsh is valid" zsh -n "$T/_seedops"
cat >"$T/zshrc" <<'ZSH'
unsetopt beep global_rcs; setopt no_list_beep
fpath=($HOW $fpath); autoload -Uz compinit; compinit -D -u
[[ -n $HOW ]] || . $T/_seedops
# Everything that is offered, and the line after a key: into files, for the test that waits for them.
compadd() { builtin compadd -O offered "$@"; print -rl -- "${offered[@]}" >>$T/zsh.offered; builtin compadd "$@" }
report() { print -r -- "$BUFFER" >$T/zsh.line.new; mv $T/zsh.line.new $T/zsh.line; BUFFER=; zle reset-prompt }
zle -N report; bindkey '^X' report; bindkey '^I' complete-word
PS1=
print ready >$T/zsh.ready
ZSH
cat >"$T/in_zsh" <<'ZSH'
# in_zsh TEXT...: each typed, Tab, and the line as it stands then, a line each
zmodload zsh/zpty
zpty z "T=$T HOW=$HOW zsh -f -i"
zpty -w z ". $T/zshrc"
while [[ ! -e $T/zsh.ready ]] { zpty -rt z _ || read -t 0.05 -u 0 _ || : }
for text; do
    zpty -wn z "$text"$'\t\x18'
    while [[ ! -e $T/zsh.line ]] { zpty -rt z _ || read -t 0.05 _ <>$T/pause || : }
    print -r -- "$(<$T/zsh.line)"; rm $T/zsh.line
done
zpty -d z
ZSH
mkfifo "$T/pause"
in_zsh() { rm -f "$T"/zsh.{ready,line,offered}; TERM=dumb T=$T HOW=${HOW:-} timeout 120 zsh -f "$T/in_zsh" "$@"; }
got=$(in_zsh 'seedops restore --ch' 'seedops loc' 'seedops restore --changed o' 'seedops restore --changed=o' 'seedops --config a' \
    'seedops --seeds pl' 'seedops status x' 'seedops status b' 'seedops status eu' 'seedops status Z' "seedops replay $session")
line() { sed -n "$1p" <<<"$got" | sed 's/ *$//'; }
is "$(line 1)" "seedops restore --changed" "zsh: an option"
is "$(line 2)" "seedops local" "zsh: an environment"
is "$(line 3)" "seedops restore --changed overwrite" "zsh: an option's argument"
is "$(line 4)" "seedops restore --changed=overwrite" "zsh: behind an equals sign"
is "$(line 5)" 'seedops --config a\ file.yaml' "zsh: a file"
is "$(line 6)" "seedops --seeds places/" "zsh: a directory"
is "$(line 7)" 'seedops status x\;id\>pwned' "zsh: a hostile name arrives quoted"
is "$(line 8)" 'seedops status b\{a,b\}' "zsh: and another"
is "$(line 9)" 'seedops status eu:west' "zsh: one with a colon"
is "$(line 10)" 'seedops status Zürich' "zsh: one that is not ASCII"
is "$(line 11)" "seedops replay $session" "zsh: a session"
in_zsh 'seedops status ' >/dev/null
like "$(cat "$T/zsh.offered")" '^\$\(id>pwned\)$' "zsh: hostile names are offered as they are"
like "$(cat "$T/zsh.offered")" '^`id>pwned`$' "zsh: all of them"
mkdir "$T/site-functions"; cp "$T/_seedops" "$T/site-functions/_seedops"
is "$(HOW=$T/site-functions in_zsh 'seedops restore --ch' | sed 's/ *$//')" "seedops restore --changed" "zsh: found in fpath, too"

is "$(find "$T" -name 'pwned*')" "" "nothing ran that a name says"
finish
