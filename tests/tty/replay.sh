#!/usr/bin/env bash
# A session recorded on a real terminal, replayed on others: seen, walked around in, reported, filmed.
. "$(dirname "$0")/../lib-tty.sh"
export TZ=Europe/Zurich

# ---- the incident: an emptied database is opened, looked at, seeded and verified at 120x40
cluster_start main
project=$T/project
mkdir "$project"
cp -r "$TOP/seedops.yaml" "$TOP/migrations" "$TOP/seeds" "$project"
cd "$project" || exit 1
canary=canary-5up3r-s3cret
export PROD_DATABASE_URL="postgresql://nobody:$canary@127.0.0.1:1/none" PROD_DIRECT_URL="postgresql://nobody:$canary@127.0.0.1:1/none"
createdb_in main incident
export LOCAL_DATABASE_URL="postgresql://postgres:$canary@/incident?host=$T/main"
"$SEEDOPS" migrate local >"$T/setup.log" 2>&1 && "$SEEDOPS" seed local >>"$T/setup.log" 2>&1 || { cat "$T/setup.log"; exit 1; }
sql main incident -c 'DELETE FROM "Station"; DELETE FROM "Withdrawal"; DELETE FROM "Glacier"; DELETE FROM "Catchment"'
sql main incident -c VACUUM
rm -rf "$XDG_STATE_HOME/seedops/sessions"
incident() { term "$SEEDOPS" local >"$T/incident.log" 2>&1; }
incident <<END
size 120 40
wait Catchment
wait 12 applied
key 4
wait fixtures differ
key enter
wait rhone
key x s
wait read-only
key W
wait Write mode is on
key x s
wait 39 rows
touch $T/before-seed
key enter
wait Seeded
key 1
wait HEALTHY
key x v
wait Verified
expect 7 tables with fixtures are as declared
key 2
wait 20251020081502_init
key esc
wait HEALTHY
gone e file
screen
key q
exit 0
END
is "$?" 0 "the incident is lived through at 120x40" || note "$(cat "$T/incident.log")"
term "$SEEDOPS" production >/dev/null 2>&1 <<'END'
wait Not opened
key ctrl-c
key ctrl-c
exit 0
END
sessions=$XDG_STATE_HOME/seedops/sessions
journal=$(grep -l 39 "$sessions"/*.jsonl | head -n 1)
id=$(basename "$journal" .jsonl)
check "fed again: the same models and screens after every event" "$BUILD/tests/unit/test_replay" "$journal"

# ---- nothing of the project, the server or the environment is left
cluster_stop main immediate
away=$T/away; mkdir "$away"; cd "$away" || exit 1
unset PROD_DATABASE_URL PROD_DIRECT_URL LOCAL_DATABASE_URL
before=$(sha256sum "$journal")
replayed() { "$SEEDOPS" replay "$journal" --dump "$1" --at "$2"; }
event_of() { grep -n "$1" "$journal" | head -n 1 | sed 's/.*"n":\([0-9]*\),.*/\1/'; }

# The last screen of the operator, but for the clock, is what the replay shows with one line more.
timeless() { sed 's/ *$//; s/[0-9][0-9]:[0-9][0-9]Z/hh:mmZ/'; }
operator=$(sed -n '/LOCAL/,$p' "$T/incident.log" | head -n 40 | timeless)
is "$(replayed 120x41 end | head -n 40 | timeless)" "$operator" "the operator's eye: the screen as it was on the terminal"
for size in 80x24 200x60; do
    last=$(replayed $size end)
    is "$(wc -l <<<"$last")" "${size#*x}" "$size: all of the screen"
    like "$last" HEALTHY "$size: the last screen"
    like "$(replayed $size 0%)" ' 1 Over' "$size: the first screen"
done
so replay last --dump 80x24 --at end
is "$rc" 0 "the newest by name: last"
so replay "${id:0:18}" --dump 80x24
[ "$rc" = 0 ] || [ "$rc" = 64 ] && ok "the start of an id is enough, or names how many there are"
so replay nothing-of-that-name
is "$rc" 1 "no such session"
like "$err" 'seedops sessions lists them' "and what to do"
so replay "$journal" --at noon
is "$rc" 64 "a moment that is none"
so replay "$journal" extra
is "$rc" 64 "one session at a time"

# ---- as a reviewer, on a terminal of another size
rows=$(event_of '"kind":"page"')
opened=$(event_of '"kind":"status"')
check "a reviewer at 80x24: steps, marks, search, help" term "$SEEDOPS" replay "$journal" --at start <<END
size 80 24
wait R roam
altscreen on
type .
type ,
click 23 45
wait WRITE
click 23 16
gone WRITE
type g
type a
wait opening local
type u
wait read-only
type '
wait Marks
type seeding
wait seeding local
key enter
wait seeding local
type ?
wait type to search
type idle
wait Play more of a pause
key esc
gone type to search
type :
wait a moment
type #$rows
key enter
wait rhone
type /
type HEALTHY-not-there
key enter
wait Nothing after
type /
type 20251020081502
key enter
gone Nothing
type :
type 0%
key enter
type /
type insert into "public"."station"
key enter
wait statement: INSERT INTO "public"."Station"
wait WRITE
gone  %
key ctrl-l
type q
exit 0
END
check "roam: what was known at a moment, and what nobody had opened" term "$SEEDOPS" replay "$journal" --at "#$rows" <<'END'
size 80 24
wait rhone
type R
wait ROAM
key 4
key esc
wait Station
type G
key enter
wait Withdrawal against
wait not captured
key esc
gone Withdrawal against
type g
key enter
wait rhone
gone not captured
key W
wait replay
refute WRITE
key x s
wait this is a replay
key 2
wait not captured
type .
wait ROAM
wait not captured
type R
wait eye
gone not captured
type q
exit 0
END
check "what changed, and a note" term "$SEEDOPS" replay "$journal" --at "#$opened" <<'END'
size 120 40
wait operator's eye
type M
wait Marked
type G
type c
wait What changed
wait Station   rows
key esc
gone What changed
type m
wait Note about
type rung the hosting company
key enter
wait Noted in
type q
exit 0
END
notes=$sessions/$id.notes.jsonl
is "$(stat -c %a "$notes")" 600 "the note is in a file of its own, 0600"
is "$(sha256sum "$journal")" "$before" "and the journal is as it was"
if [ "$(id -u)" = 0 ]; then
    mkdir "$T/theirs"; cp "$journal" "$T/theirs/"; chmod 755 "$T/theirs"; chmod 644 "$T/theirs"/*
    mkdir "$T/nobody"; chown nobody "$T/nobody"
    install -m 755 "$BUILD/tests/tty/term" "$SEEDOPS" "$T"
    check "a journal in a place that cannot be written" runuser -u nobody -- \
        env XDG_STATE_HOME="$T/nobody" "$T/term" "$T/seedops" replay "$T/theirs/$id.jsonl" --at end <<'END'
size 160 30
wait HEALTHY
type m
type from afar
key enter
wait nobody/seedops/notes
type q
exit 0
END
fi
check "plays by itself to the end, sleeps there, leaves at a signal" term "$SEEDOPS" replay "$journal" <<'END'
size 100 30
wait The end
idle 500
resize 60 16
wait HEALTHY
resize 30 5
wait Too small
signal TERM
exit 130
END
check "no terminal: says so" test "$("$SEEDOPS" replay "$journal" </dev/null 2>&1 | grep -c 'terminal')" != 0

# ---- films
for version in 2 3; do
    for size in 120x40 80x24; do
        cast=$T/$version-$size.cast
        "$SEEDOPS" report "$journal" --cast --cast-version $version --size $size >"$cast"
        # the lines of a cast are JSON, its times never run back, and what it writes ends in the replay's last screen
        python3 - "$cast" >"$T/cast.out" <<'END' || not_ok "cast $version at $size"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1], encoding='utf-8')]
head, events = lines[0], lines[1:]
assert head['version'] in (2, 3) and all(len(e) == 3 and e[1] in 'om' and e[0] >= 0 for e in events)
assert head['version'] == 3 or all(a[0] <= b[0] for a, b in zip(events, events[1:]))
assert any(e[1] == 'm' and 'seeding' in e[2] for e in events)
sys.stdout.write(''.join(e[2] for e in events if e[1] == 'o') + '\x1b[0m' * 3)
END
        shown=$(printf 'size %s\noutput \\e[0m\\e[0m\\e[0m\nexit 0\nscreen\n' "${size/x/ }" | term cat "$T/cast.out" | head -n "${size#*x}" | sed 's/ *$//')
        is "$shown" "$("$SEEDOPS" replay "$journal" --dump "${size%x*}x$((${size#*x} + 1))" --at end | head -n "${size#*x}")" \
            "cast version $version at $size: its last screen is the replay's"
    done
done
"$SEEDOPS" report "$journal" --cast --output "$T/again.cast"
is "$(sha256sum <"$T/again.cast")" "$(sha256sum <"$T/2-120x40.cast")" "the same session, the same bytes; the size as it was recorded"
is "$(stat -c %a "$T/again.cast")" 600 "the film is for its owner"
if command -v asciinema >/dev/null; then
    check "asciinema plays it to the end" term asciinema play -s 50 "$T/again.cast" <<'END'
size 120 40
wait HEALTHY
exit 0
expect HEALTHY
END
else
    note "SKIP part: asciinema is not installed"
fi

# ---- reports
so report "$journal"
is "$rc" 0 "a report"
for word in 'seeding local' '\| Station \| 0 \| 7 \|' 'write mode on' 'Refused' 'read-only' 'rung the hosting company' 'hash chain holds' '\+0[12]00\)' \
    "connected to incident"; do
    like "$out" "$word" "the report says: $word"
done
run env TZ=Europe/Zurich "$SEEDOPS" report "$journal"; once=$out
run env TZ=Europe/Zurich "$SEEDOPS" report "$journal"
is "$out" "$once" "the same bytes again"
run "$SEEDOPS" report "$sessions"/*.jsonl --json
check "several journals as one JSON document" jq -e '(.sessions | length) > 1 and (.timeline | map(.at) | . == sort)' "$T/out"
"$SEEDOPS" report "$journal" --html --output "$T/report.html"
is "$(stat -c %a "$T/report.html")" 600 "the page is for its owner"
like "$(cat "$T/report.html")" '<pre class="screen">' "the page has the screens"
unlike "$(cat "$T/report.html")" '(src|href)=|<script' "and needs nothing else"
check "no report, cast or page has the password" test -z "$(grep -l "$canary" "$T"/*.cast "$T/report.html" "$T/out" "$sessions"/* <<<"$once")"
so report "$notes"
is "$rc" 64 "notes alone are no session"
so report "$journal" --cast --output /nonexistent/film
is "$rc" 1 "a film that cannot be written"
like "$err" '/nonexistent/film' "is named"
so report
is "$rc" 64 "a report of nothing"
so report "$journal" --cast --html
is "$rc" 64 "one kind at a time"

# ---- journals from elsewhere
python3 - "$T/hostile.jsonl" <<'END'
import hashlib, json, sys
chain, out = '', []
def put(line):
    global chain
    chain = hashlib.sha256((chain + line).encode()).hexdigest()
    out.append(f'{line},"hash":"{chain}"}}')
bad = '\x1b]52;c;aGk=\x07\x1b[31m\x9b2J\u202e</pre><script>x</script>|`/etc/passwd`'
put('{"journal":2,"seedops":"99.0","environment":' + json.dumps(bad) + ',"user":' + json.dumps(bad) + ',"columns":80,"rows":24')
inputs = [{"kind": "size", "number": 80, "number2": 24}, {"kind": "start", "name": bad, "text": bad},
          {"kind": "status", "number": 1, "request": "1", "server": {"ready": True, "environment": bad, "target": bad},
           "tables": [{"name": bad, "class": "context", "rows": 1, "fixture_rows": 1, "missing": 1, "changed": 0, "extra": 0, "at": "/etc/passwd:1"}]},
          {"kind": "log", "name": "error", "text": bad}, {"kind": "note", "text": bad}, {"kind": "hologram", "text": bad},
          {"kind": "action", "name": "diff"}, {"kind": "action", "name": "open"}]
for n, i in enumerate(inputs, 1):
    i = dict(sequence=str(n), offset_ms=n * 10, **i)
    put('{"n":%d,"in":%s' % (n, json.dumps(i, ensure_ascii=False, separators=(',', ':'))))
open(sys.argv[1], 'w', encoding='utf-8').write('\n'.join(out) + '\n{"n":9,"in":{"seq')
END
check "escapes in a journal stay text; what is not known is counted" term "$SEEDOPS" replay "$T/hostile.jsonl" --at start <<'END'
size 100 30
wait not shown
wait 99.0
no-output \e]52
type G
wait \e]52
type '
wait Marks
key esc
gone Marks
type R
wait ROAM
key 4
wait table
key enter
key e
wait replay
no-output \e]52
no-output \xc2\x9b
no-output \xe2\x80\xae
type q
type q
type q
type q
END
for face in "" --json --html --cast; do
    # shellcheck disable=SC2086
    so report "$T/hostile.jsonl" $face
    is "$rc$(tr -d '[:print:]\n\t\200-\377' <<<"$out" | wc -c)" 00 "no control character in report $face"
    [ "$face" != --html ] || unlike "$out" '<script' "nor a tag"
done
sed '5s/error/eRRor/' "$T/hostile.jsonl" >"$T/altered.jsonl"
like "$("$SEEDOPS" report "$T/altered.jsonl")" 'ALTERED OR DAMAGED.*altered\\?\.jsonl:' "an altered line is named"
sed '5s/.*/{"n":4,"in":nonsense}/' "$T/hostile.jsonl" >"$T/broken.jsonl"
like "$("$SEEDOPS" replay "$T/broken.jsonl" --dump 250x30 --at start)" 'broken.jsonl:5' "a broken line is named"
head -c 1000 /dev/urandom >"$T/noise.jsonl"
for file in "$T/noise.jsonl" /dev/null /dev/zero "$T" /nonexistent; do
    run timeout 20 "$SEEDOPS" replay "$file" --dump 80x24
    is "$rc" 1 "no journal: ${file#"$T"/}"
done
finish
