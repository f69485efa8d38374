# `make install` puts everything where it is looked for, `make uninstall` takes all of it away again.
# With FULL the tarball is held to it too (`make distcheck`).
. "$(dirname "$0")/../lib.sh"
root=$T/root
make_in() { make -s -C "$BUILD" "$@" DESTDIR="$root" prefix=/usr >"$T/make.log" 2>&1 || { note "$(tail -n 20 "$T/make.log")"; return 1; }; }
check "make install" make_in install
for file in bin/seedops share/man/man1/seedops.1 share/man/man5/seedops.yaml.5 share/man/man7/seedops-diagnose.7 \
    share/bash-completion/completions/seedops share/zsh/site-functions/_seedops share/fish/vendor_completions.d/seedops.fish \
    share/doc/seedops/README.md share/doc/seedops/examples/README.md share/seedops/journal.schema.json \
    share/seedops/log-line.schema.json share/seedops/many.schema.json share/seedops/watch-event.schema.json; do
    check "$file is there" test -s "$root/usr/$file"
done
like "$("$root/usr/bin/seedops" --version)" '^seedops [0-9]' "the program runs from there"
for page in "$TOP"/man/*.[157]; do
    check "${page##*/} is there" cmp "$page" "$root/usr/share/man/man${page##*.}/${page##*/}"
done
for command in $("$SEEDOPS" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  .*/\1/p'); do
    case $command in completion | help) continue ;; esac
    check "man finds seedops-$command" test -s "$root/usr/share/man/man1/seedops-$command.1"
done
for example in "$TOP"/examples/*; do
    case $example in *.am) continue ;; esac
    check "${example##*/} is among the examples" test -s "$root/usr/share/doc/seedops/examples/${example##*/}"
done
check "make install again" make_in install
check "make uninstall" make_in uninstall
is "$(find "$root" ! -type d)" "" "and nothing is left"

if [ -n "${FULL:-}" ]; then
    distcheck() { make -s -C "$BUILD" distcheck >"$T/make.log" 2>&1 || { note "$(tail -n 30 "$T/make.log")"; return 1; }; }
    check "make distcheck" distcheck
fi
finish
