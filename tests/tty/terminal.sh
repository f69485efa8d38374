#!/usr/bin/env bash
# The terminal layer by itself on a pseudo-terminal: painting, keys, and leaving the terminal as it was.
. "$(dirname "$0")/../lib-tty.sh"
paint=$BUILD/tests/tty/paint

check "paints, and leaves the terminal as it was" term "$paint" "one line" <<'END'
wait one line
wait 80x24
altscreen on
echo off
colored
type q
altscreen off
echo on
cursor visible
exit 0
END

check "wide, combining and right-to-left text keep their columns" term "$paint" \
    "漢字|after" "cafe$(printf '\u0301')|after" "$(printf '\u05e9\u05dc\u05d5\u05dd')|after" "🙂|after" "Rhône|after" <<END
wait 漢字|after
wait cafe$(printf '\u0301')|after
wait 🙂|after
wait Rhône|after
END

check "control characters never reach the terminal" term "$paint" "$(printf 'a\033]0;evil\007b\033[2Jc')" <<'END'
wait 80x24
wait evil
no-output \e]0;evil
END

check "keys by name" term "$paint" <<'END'
wait event 0
key up
wait event 1: key up
key ctrl-x
wait event 2: key ctrl-x
type \xc3\xa9
wait event 3: key é
key pgdn
wait event 4: key pgdn
click 4 10
wait event 5: click at 4,10
END

sometimes "a lone ESC is a key within 100 ms" term "$paint" <<'END'
wait event 0
mark
key esc
wait event 1: key esc
since 100
idle 300
END

check "a paste is one event" term "$paint" <<'END'
wait event 0
paste many words\nand lines, and a q
wait event 1: paste of 29 bytes
key x
wait event 2: key x
END

check "resizing repaints" term "$paint" "the line" <<'END'
wait 80x24
resize 120 40
wait 120x40
wait the line
resize 20 5
wait 20x5
resize 61 15
wait 61x15
wait the line
END

check "stopped and continued" term "$paint" "the line" <<'END'
wait event 0
type z
stopped
altscreen off
echo on
continue
wait event 1: key z
altscreen on
echo off
wait the line
type q
exit 0
END

check "a crash leaves the terminal usable and is still a crash" env ASAN_OPTIONS=allow_user_segv_handler=1:handle_segv=0 \
    "$BUILD/tests/tty/term" "$paint" <<'END'
wait event 0
altscreen on
type c
killed SEGV
altscreen off
cursor visible
echo on
END

check "the terminal is closed" term "$paint" <<'END'
wait event 0
hangup
exit 0
END

check "copies by OSC 52" term "$paint" <<'END'
wait event 0
type y
output \e]52;c;Y29waWVkIHRleHQ=\x07
END
check "copies through tmux" env TMUX=/tmp/x,1,0 "$BUILD/tests/tty/term" "$paint" <<'END'
wait event 0
type y
output \ePtmux;\e\e]52;c;Y29waWVkIHRleHQ=\x07\e\\
END

check "NO_COLOR" env NO_COLOR=1 "$BUILD/tests/tty/term" "$paint" a b c d e f g h i j k l m n o p q r s t u <<'END'
wait 80x24
plain
END
check "always beats NO_COLOR" env NO_COLOR=1 PAINT_COLOR=always "$BUILD/tests/tty/term" "$paint" <<'END'
wait 80x24
colored
END
check "never" env PAINT_COLOR=never "$BUILD/tests/tty/term" "$paint" a b c d e f g h i j k l m n o p q r s t u <<'END'
wait 80x24
plain
END
check "a light terminal" env COLORFGBG='0;15' "$BUILD/tests/tty/term" "$paint" <<'END'
wait 80x24
colored
END
# titles are cyan on dark, blue on light
check "SEEDOPS_BACKGROUND=light" env COLORFGBG='15;0' SEEDOPS_BACKGROUND=light "$BUILD/tests/tty/term" "$paint" a b title <<'END'
wait title
output [34m
no-output [36m
END
check "SEEDOPS_BACKGROUND=dark" env COLORFGBG='0;15' SEEDOPS_BACKGROUND=dark "$BUILD/tests/tty/term" "$paint" a b title <<'END'
wait title
output [36m
no-output [34m
END
check "a monochrome terminal" env TERM=vt220 "$BUILD/tests/tty/term" "$paint" <<'END'
wait 80x24
plain
END

check "LANG=C draws UTF-8 all the same" env -u LC_ALL LANG=C "$BUILD/tests/tty/term" "$paint" "Rhône" <<'END'
wait Rhône
END

for kind in dumb nonsense; do
    check "TERM=$kind: one sentence, exit 1" env TERM=$kind "$BUILD/tests/tty/term" "$paint" <<'END'
wait seedops status
altscreen off
exit 1
END
done
check "TERM unset: one sentence, exit 1" env -u TERM "$BUILD/tests/tty/term" "$paint" <<'END'
wait seedops status
exit 1
END
run "$paint" </dev/null
is "$rc" 1 "no terminal: exit 1"
like "$err" 'seedops status' "no terminal: the sentence names the way out"

finish
