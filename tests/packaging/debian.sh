# The Debian package: built from the source's own tarball by an ordinary user, held to lintian, and run from where it
# was unpacked. Its unit tests are those that ran already: FULL has the package run them, too.
. "$(dirname "$0")/../lib.sh"
version=$(sed -n '1s/.*(\(.*\)-.*/\1/p' "$TOP/debian/changelog")
source=$T/build/seedops-$version
is "$("$SEEDOPS" --version)" "seedops $version" "the package's version is the program's"
mkdir "$T/build"
distdir() { make -s -C "$BUILD" distdir distdir="$source" >"$T/dist.log" 2>&1 || { note "$(tail -n 20 "$T/dist.log")"; return 1; }; }
check "the source as a tarball has it" distdir
tar -C "$T/build" -czf "$T/build/seedops_$version.orig.tar.gz" "seedops-$version"
cp -r "$TOP/debian" "$source/"
[ "$(id -u)" != 0 ] || chown -R "$SERVER_USER" "$T/build"

# as_builder COMMAND...: in the source, with nothing of this test's own environment; ccache where there is one
as_builder() {
    (cd "$source" && as_server env -i HOME="$T/build" LC_ALL=C.UTF-8 PATH="/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin" \
        CCACHE_DIR="$T/build/ccache" DEB_BUILD_OPTIONS="parallel=$(nproc) $([ -n "${FULL:-}" ] || echo nocheck)" "$@")
}
if as_builder dpkg-buildpackage -us -uc >"$T/build.log" 2>&1; then ok "dpkg-buildpackage"
else not_ok "dpkg-buildpackage"; note "$(tail -n 40 "$T/build.log")"; finish; fi
changes=$(echo "$T"/build/seedops_*.changes)
run as_builder lintian --fail-on error,warning --tag-display-limit 0 "$changes"
is "$rc$out" 0 "lintian has nothing to say"

package=$(ls "$T"/build/seedops_*_*.deb)
root=$T/root; mkdir "$root"
check "it unpacks" dpkg-deb -x "$package" "$root"
needs=$(dpkg-deb -f "$package" Depends)
for library in libpq5 libncursesw6 libyaml-0-2 libjansson4 libsodium23 libmd0 libutf8proc2 libzstd1 libc6; do
    like "$needs" "(^|, )$library( |,|$)" "it depends on $library"
done
installed=$root/usr/bin/seedops
is "$("$installed" --version)" "seedops $version" "the program runs from there"
unlike "$(file -L "$installed" 2>/dev/null)" 'not stripped' "and is stripped"
check "man finds seedops-prune" test -e "$root/usr/share/man/man1/seedops-prune.1.gz"
check "bash finds its completion" grep -q 'complete -F' "$root/usr/share/bash-completion/completions/seedops"
check "zsh finds its completion" grep -q '^#compdef' "$root/usr/share/zsh/vendor-completions/_seedops"
check "fish finds its completion" grep -q '^complete' "$root/usr/share/fish/vendor_completions.d/seedops.fish"

cluster_start pg || exit 1
createdb_in pg shop
cd "$TOP" || exit 1
export LOCAL_DATABASE_URL; LOCAL_DATABASE_URL=$(url pg shop)
run "$installed" provision local
is "$rc" 0 "it provisions a database"
run "$installed" status local
is "$rc" 0 "and says that all is well with it"
like "$out" "Station" "table by table"
finish
