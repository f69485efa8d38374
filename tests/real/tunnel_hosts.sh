#!/usr/bin/env bash
# Which server it is: host keys known, unknown, changed, revoked; and how one gets there: Include, Match, jump hosts,
# ProxyCommand, names that are none, no ssh installed.
. "$(dirname "$0")/../lib.sh"
DRIVER=${BUILD:-build}/tests/real/tunnel_test
ssh_key "$T/ecdsa" -t ecdsa
sshd_start main "HostKey $T/ecdsa" || exit 1
unset SSH_AUTH_SOCK
through() { run "$DRIVER" "$@" forward=127.0.0.1:1 -- open; out+=$'\n'$err; }
me=$(id -un) port=${ssh_port[main]} name="[127.0.0.1]:${ssh_port[main]}"
print=$(ssh-keygen -lf "$T/main/host.pub" | cut -d' ' -f2 | sed 's/+/[+]/g')
ssh_key "$T/other"
other=$(ssh-keygen -lf "$T/other.pub" | cut -d' ' -f2 | sed 's/+/[+]/g')
key() { cut -d' ' -f1,2 "$1"; }
ssh_config <<EOF
$(ssh_alias main main "UserKnownHostsFile $T/known")
$(ssh_alias hashing main "UserKnownHostsFile $T/known" "HashKnownHosts yes")
$(ssh_alias strict main "UserKnownHostsFile $T/known" "StrictHostKeyChecking yes")
$(ssh_alias new main "UserKnownHostsFile $T/known" "StrictHostKeyChecking accept-new")
$(ssh_alias careless main "UserKnownHostsFile $T/known" "StrictHostKeyChecking no")
$(ssh_alias two-files main "UserKnownHostsFile $T/absent $T/main/known_hosts")
$(ssh_alias global main "UserKnownHostsFile $T/absent" "GlobalKnownHostsFile $T/main/known_hosts")
$(ssh_alias other-name main "UserKnownHostsFile $T/known" "HostKeyAlias db.example.org")
$(ssh_alias listed main "RevokedHostKeys $T/revoked")
$(ssh_alias kept-nowhere main "UserKnownHostsFile /dev/null")
EOF

# ---- unknown ----
through ssh=main
is "$rc" 1 "an unknown server, and nobody answers"
like "$out" "^question=yes Unknown SSH server: The server $me@127.0.0.1:$port \(\[127.0.0.1\]:$port\) is not known yet\.\$" "it is asked about"
like "$out" "^It shows the key ssh-ed25519 $print\.\$" "with its fingerprint"
through ssh=main answer=y
is "$rc" 1 "anything but yes is no"
like "$out" "^message=the key of the SSH server $me@127.0.0.1:$port was not accepted\$" "and said so"
check "nothing is stored" test ! -e "$T/known"
through ssh=main answer=yes
is "$rc" 0 "yes lets it be"
is "$(cat "$T/known")" "$name $(key "$T/main/host.pub")" "and stores it"
is "$(stat -c %a "$T/known")" 600 "for the owner alone"
through ssh=main
unlike "$out" "^question=" "then it is known"
rm "$T/known"
through ssh=hashing answer=yes
like "$(cat "$T/known")" '^\|1\|' "HashKnownHosts: the name is hashed"
check "as ssh-keygen reads it" ssh-keygen -F "$name" -f "$T/known"
through ssh=main
unlike "$out" "^question=" "and found again"
rm "$T/known"
through ssh=strict answer=yes
is "$rc" 1 "StrictHostKeyChecking yes does not even ask"
like "$out" "^message=the SSH server $me@127.0.0.1:$port is not known\$" "and says so"
through ssh=careless
like "$out" "^question=yes" "StrictHostKeyChecking no asks nevertheless"
through ssh=new
is "$rc" 0 "accept-new takes it"
like "$out" "^phase=host key ssh-ed25519 $print, accepted by StrictHostKeyChecking accept-new, stored in $T/known\$" "and says so"
printf '# no end of line' >"$T/known"
through ssh=new
is "$(tail -1 "$T/known")" "$name $(key "$T/main/host.pub")" "a file without a last line end"
through ssh=kept-nowhere answer=yes
is "$rc" 0 "known_hosts is /dev/null: yes is good for once"
like "$out" "not stored: UserKnownHostsFile names no file" "and it is said"

# ---- changed, revoked, an authority ----
printf '# a comment\n%s %s\n' "$name" "$(key "$T/other.pub")" >"$T/known"
for alias in main new careless; do
    through ssh=$alias answer=yes
    is "$rc" 1 "a changed key is refused ($alias)"
    unlike "$out" "^question=" "without a question"
done
like "$out" "^message=the key of the SSH server $me@127.0.0.1:$port has changed\$" "what has happened"
like "$out" "^why=known since before is ssh-ed25519 $other \($T/known:2\); it shows ssh-ed25519 $print\." "both fingerprints, and where the old one is"
like "$out" "^at=$T/known:2\$" "its place"
printf '%s %s\n@revoked * %s\n' "$name" "$(key "$T/main/host.pub")" "$(key "$T/main/host.pub")" >"$T/known"
through ssh=main answer=yes
is "$rc" 1 "@revoked is refused, known or not"
like "$out" "^why=it shows ssh-ed25519 $print, which $T/known:2 marks @revoked\$" "with its place"
ln -sf "$T/main/host.pub" "$T/revoked"
through ssh=listed
like "$out" "^message=the SSH server's key is revoked\$" "RevokedHostKeys, a list"
rm "$T/revoked"; ssh-keygen -q -k -f "$T/revoked" "$T/other.pub"
through ssh=listed
like "$out" "^message=RevokedHostKeys is a binary list" "RevokedHostKeys, a binary one: refused"
rm "$T/revoked"
through ssh=listed
like "$out" "^hint=RevokedHostKeys names it" "RevokedHostKeys that is not there: refused, as ssh does"
echo "@cert-authority 127.0.0.1,$name $(key "$T/other.pub")" >"$T/known"
through ssh=main
like "$out" "^known_hosts has an authority for it \(@cert-authority\); host certificates are not supported here\.\$" "an authority is said"

# ---- where it is known from ----
through ssh=two-files
is "$rc" 0 "the second file of a list"
through ssh=global
is "$rc" 0 "the system's file"
printf '127.0.0.1 %s\n' "$(key "$T/main/host.pub")" >"$T/known"
through ssh=main
is "$rc" 0 "known under the name without its port"
printf '127.0.0.1 %s\n' "$(key "$T/other.pub")" >"$T/known"
through ssh=main
like "$out" "^question=yes" "another key under the name without its port: that may be another server"
printf '[127.0.0.*]:*,!nothing %s\n' "$(key "$T/main/host.pub")" >"$T/known"
through ssh=main
is "$rc" 0 "a pattern"
printf '[127.0.0.*]:*,!%s %s\n' "$name" "$(key "$T/main/host.pub")" >"$T/known"
through ssh=main
like "$out" "^question=yes" "a pattern that leaves it out"
printf 'db.example.org %s\n' "$(key "$T/main/host.pub")" >"$T/known"
through ssh=other-name
is "$rc" 0 "HostKeyAlias"
printf '%s %s\n' "$name" "$(key "$T/ecdsa.pub")" >"$T/known"
through ssh=main
like "$out" "^phase=host key ecdsa-sha2-nistp256 .*, known" "of a server's keys the type that is known is asked for"
ssh_key "$T/rsa" -t rsa
printf '%s %s\n' "$name" "$(key "$T/rsa.pub")" >"$T/known"
through ssh=main answer=yes
is "$rc" 1 "a server that has no key of the known type"
like "$out" "^message=the SSH server $me@127.0.0.1:$port has no key of a type that is known of it\$" "and says so"
printf 'garbage\n%s not-a-key AAAA\n\n@unknown x y z\n%s %s\n' "$name" "$name" "$(key "$T/main/host.pub")" >"$T/known"
through ssh=main
is "$rc" 0 "garbage in the file is passed over"
chmod 000 "$T/known"; [ "$(id -u)" = 0 ] || { through ssh=main; is "$rc" 1 "a file that cannot be read"; }
chmod 600 "$T/known"

# ---- how to get there ----
sshd_start jump || exit 1
sshd_start second || exit 1
ssh_alias included main "Tag x" 2>/dev/null | grep -v Tag >"$T/included.conf"
ssh_config <<EOF
Include $T/included.conf
Match originalhost matched exec "test -d $T"
  HostName 127.0.0.1
Match originalhost matched
  Port $port
  IdentityFile $T/main/key
  UserKnownHostsFile $T/main/known_hosts
$(ssh_alias jump jump)
$(ssh_alias jump-unknown jump "UserKnownHostsFile $T/nowhere")
$(ssh_alias second second "ProxyJump jump")
$(ssh_alias far main "ProxyJump jump")
$(ssh_alias far-unknown main "ProxyJump jump-unknown")
$(ssh_alias farther main "ProxyJump second")
$(ssh_alias listed main "ProxyJump jump,second")
$(ssh_alias circle main "ProxyJump circle")
$(ssh_alias unreachable main "Port 1" "ProxyJump jump")
$(ssh_alias proxied main "ProxyCommand socat - TCP:%h:%p")
$(ssh_alias failing main "ProxyCommand sh -c 'echo first >&2; echo proxy: no way through >&2'")
$(ssh_alias missing main "ProxyCommand $T/no-such-program %h")
$(ssh_alias silent main "ProxyCommand tail -f /dev/null")
$(ssh_alias asking main "ProxyCommand sh -c 'echo Password: >/dev/tty'")
EOF
through ssh=included
is "$rc" 0 "a Host of an included file"
through ssh=matched
is "$rc" 0 "Match, with exec"
through "ssh=$me@127.0.0.1:$port"
like "$out" "^question=yes" "user@host:port, without a configuration"
through "ssh=$me@[127.0.0.1]:$port"
like "$out" "^question=yes" "with brackets"
through ssh=far
is "$rc" 0 "a jump host"
is "$(grep -c '^phase=authenticate' <<<"$out")" 2 "two servers were logged in to"
through ssh=farther
is "$(grep -c '^phase=authenticate' <<<"$out")" 3 "a jump host that has a jump host"
through ssh=listed
is "$(grep -c '^phase=authenticate' <<<"$out")" 3 "two jump hosts in a list"
is "$rc" 0 "all let in"
check "the connection came from the last one" grep -q "Accepted publickey for $me from 127.0.0.1" "$T/main/log"
through ssh=far-unknown
like "$out" "^question=yes Unknown SSH server: The server $me@127.0.0.1:${ssh_port[jump]} " "a jump host's key is checked as well"
through ssh=circle
like "$out" "^message=more than 8 jump hosts\$" "a jump host that leads to itself"
through ssh=unreachable
like "$out" "^why=$me@127.0.0.1:${ssh_port[jump]} cannot reach 127.0.0.1:1" "what a jump host cannot reach is said in its words"
through ssh=proxied
is "$rc" 0 "a ProxyCommand"
through ssh=failing
like "$out" "^why=the ProxyCommand said: proxy: no way through\$" "what a failing one said"
through ssh=missing
like "$out" "^why=the ProxyCommand said: .*no-such-program: not found\$" "one that is not there"
through ssh=silent timeout=1500
like "$out" "^why=it was given 1 s\$" "one that never answers"
through ssh=asking
like "$out" "^why=the ProxyCommand said: .*/dev/tty: No such device" "it has no terminal to ask at"
through ssh=silent cancel_after=300
like "$out" "^open class=cancelled\$" "connecting can be cancelled"

# ---- names that are none ----
for bad in '-oProxyCommand=touch' 'a;b' 'a b' '$(id)' '' 'host:99999' 'host:' '[::1' '`id`@host' '-l@host' 'a@b@'; do
    through "ssh=$bad"
    like "$out" "^open class=config\$" "no server's name: '$bad'"
done
ssh_config <<EOF
Host evil
  HostName a;touch-x
Host evil-user
  HostName 127.0.0.1
  User "x'y"
EOF
through ssh=evil
like "$out" '^open class=config$' "a HostName that is none"
through ssh=evil-user
like "$out" '^open class=config$' "a User that is none"
printf 'Host x\n  Nonsense 1\n' | ssh_config
through ssh=x
like "$out" 'Bad configuration option' "an error of ssh_config is passed on"
: | ssh_config
through ssh=no-such-host.invalid
like "$out" "^message=cannot resolve the SSH server's name no-such-host.invalid\$" "a name that nobody knows"

# ---- ciphers: a list that was chosen is taken as it is, and no server is left out by ours ----
sshd_start talks "LogLevel DEBUG" || exit 1
sshd_start old "LogLevel DEBUG" "Ciphers aes256-ctr" || exit 1
ssh_config <<EOF
$(ssh_alias unchosen talks)
$(ssh_alias chosen talks "Ciphers aes192-ctr,aes128-gcm@openssh.com")
$(ssh_alias old old)
EOF
cipher() { sed -n 's/.*kex: client->server cipher: \([^ ]*\) .*/\1/p' "$T/$1/log" | tail -1; }
grep -qw aes /proc/cpuinfo && fast=aes128-gcm@openssh.com || fast=chacha20-poly1305@openssh.com
through ssh=unchosen
is "$rc $(cipher talks)" "0 $fast" "ciphers: nobody chose"
through ssh=chosen
is "$rc $(cipher talks)" "0 aes192-ctr" "ciphers: the order in ssh_config"
through ssh=old
is "$rc $(cipher old)" "0 aes256-ctr" "ciphers: a server that has but an old one"

# ---- without ssh ----
ssh_config <<EOF
$(ssh_alias main main)
EOF
mkdir "$T/bin"
run env PATH="$T/bin" "$DRIVER" ssh=main forward=127.0.0.1:1 -- open
is "$rc" 0 "without ssh, libssh reads the configuration"
like "$out" "^phase=resolve .*; not honoured without ssh: .*IdentitiesOnly" "and what it does not honour is said"
finish
