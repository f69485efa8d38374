#!/usr/bin/env bash
# The SSH way in, against a real sshd and a real PostgreSQL: every way to authenticate, every route, and what is said when
# something fails.
. "$(dirname "$0")/../lib.sh"
DRIVER=${BUILD:-build}/tests/real/tunnel_test
pg_port=$(free_port)
cluster_start pg "listen_addresses='127.0.0.1'" "port=$pg_port" || exit 1
sshd_start main || exit 1
ssh_config <<EOF
$(ssh_alias main main)
EOF
through() { run "$DRIVER" "$@"; out+=$'\n'$err; }
forward=forward=127.0.0.1:$pg_port

through ssh=main $forward -- query 'select 40 + 2'
is "$rc" 0 "a query through a forwarded port"
like "$out" '^row=42$' "its answer"
like "$out" '^phase=host key ssh-ed25519 SHA256:.*, known \(.*known_hosts:1\)' "the host key and where it is known from are told"
like "$out" "^phase=authenticate $T/main/key\$" "and what authenticated"
finish
