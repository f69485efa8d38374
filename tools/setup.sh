# shellcheck shell=bash
# Sourced by tools/demo and tools/check: what a fresh Debian 12 lacks, and where PostgreSQL's programs are.
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

BUILD_PACKAGES="gcc make autoconf automake pkg-config libc6-dev libpq-dev libncurses-dev libyaml-dev libjansson-dev
libsodium-dev libmd-dev libutf8proc-dev libzstd-dev libssh-dev"
SERVER_PACKAGES="postgresql-15 postgresql-client-15"
TEST_PACKAGES="clang libclang-rt-14-dev libcmocka-dev libvterm-dev pgbouncer socat jq mandoc openssh-client openssh-server openssl python3 procps git xz-utils
locales asciinema faketime zsh fish debhelper dpkg-dev fakeroot lintian"

# Prisma itself is tried against our ledger; a machine that has npm from elsewhere keeps it.
command -v npm >/dev/null || TEST_PACKAGES="$TEST_PACKAGES nodejs npm"

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo -- "$@"
    else say "seedops: missing packages, and neither root nor sudo to install them with"; say "  next: apt-get install $missing"; exit 127; fi
}

# need PACKAGE...: installs what dpkg does not have. Never touches an existing cluster, never makes one.
need() {
    local p; missing=
    for p in "$@"; do [ "$(dpkg-query -W -f='${Status}' "$p" 2>/dev/null)" = "install ok installed" ] || missing+=" $p"; done
    [ -z "$missing" ] && return 0
    say "installing:$missing"
    if [[ $missing == *postgresql* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        as_root mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    as_root apt-get update -qq >&2 || { say "seedops: the package mirror cannot be reached"; exit 127; }
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"${LOG:-/dev/null}" 2>&1 ||
        { say "seedops: these packages could not be installed:$missing"; exit 127; }
}

# configure_in DIR ARGS...: configure and Makefile.in if needed, then an out-of-tree configure, once.
configure_in() {
    local dir=$1; shift
    [ -x "$TOP/configure" ] && [ "$TOP/configure" -nt "$TOP/configure.ac" ] || (cd "$TOP" && ./bootstrap) >&2 || return 1
    mkdir -p "$dir"
    [ -f "$dir/Makefile" ] || (cd "$dir" && "$TOP/configure" "$@") >&2
}

# Servers never run as root: as the packages' own user then.
as_server() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
