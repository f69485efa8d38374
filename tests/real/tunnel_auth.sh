#!/usr/bin/env bash
# Every way to log in: key, passphrase, certificate, agent, two keys in a row, password, questions; and what is said when
# none of them works.
. "$(dirname "$0")/../lib.sh"
DRIVER=${BUILD:-build}/tests/real/tunnel_test
sshd_start main "TrustedUserCAKeys $T/ca.pub" || exit 1
unset SSH_AUTH_SOCK
through() { run "$DRIVER" "$@" forward=127.0.0.1:1 -- open; out+=$'\n'$err; }
said() { like "$out" "^phase=authenticate $1\$" "$2"; }

# agent_start NAME [KEY...]: an agent at $T/NAME.sock
agent_start() {
    local name=$1; shift
    background ssh-agent -D -a "$T/$name.sock"
    wait_for 20 test -S "$T/$name.sock" && { [ $# = 0 ] || SSH_AUTH_SOCK=$T/$name.sock ssh-add -q "$@"; }
}

# ---- key files ----
ssh_key "$T/locked" -N correct-horse
ssh_key "$T/stranger"
ssh_key "$T/stranger-locked" -N correct-horse
cat "$T/locked.pub" >>"$T/main/authorized"
ssh_config <<EOF
$(ssh_alias main main)
$(ssh_alias locked main "IdentityFile $T/locked")
$(ssh_alias stranger main "IdentityFile $T/stranger" | grep -v main/key)
$(ssh_alias stranger-locked main "IdentityFile $T/stranger-locked" | grep -v main/key)
$(ssh_alias absent main "IdentityFile $T/absent" | grep -v main/key)
$(ssh_alias batch main "IdentityFile $T/locked" "BatchMode yes" | grep -v main/key)
EOF
through ssh=main
is "$rc" 0 "a key file lets in"
said "$T/main/key" "it is named"
through ssh=locked answer=wrong answer=correct-horse
is "$rc" 0 "a key with a passphrase lets in"
like "$out" "^question=secret SSH key: Passphrase of $T/locked\$" "its passphrase is asked for"
like "$out" "^question=secret SSH key: That was not it. Passphrase of" "and once more after a wrong one"
through ssh=locked
is "$rc" 1 "nobody answers: not in"
like "$out" "^message=nobody answers\$" "and that is the reason"
through ssh=batch
is "$rc" 1 "BatchMode asks nothing"
like "$out" "^why=it accepts publickey; tried: $T/locked \(has a passphrase, and nobody can be asked\)\$" "and says so"
through ssh=stranger-locked answer=correct-horse
unlike "$out" "^question=" "no passphrase is asked for a key that the server does not accept"
through ssh=stranger
is "$rc" 1 "a wrong key does not let in"
like "$out" "^open class=never-ready\$" "there is no point in trying again"
like "$out" "^message=the SSH server does not let $(id -un)@127.0.0.1:${ssh_port[main]} in\$" "who is not let in, and where"
like "$out" "^why=it accepts publickey; tried: $T/stranger \(not accepted\)\$" "what was tried"
through ssh=absent
like "$out" "tried: nothing, there was nothing to try" "a key file that is not there"
through ssh=nobody-here@main
is "$rc" 1 "a wrong user is not let in"
like "$out" "^message=the SSH server does not let nobody-here@127.0.0.1" "and is named"
chmod 644 "$T/main/key"
through ssh=main
like "$out" "$T/main/key \(others may read it: chmod 600\)" "a key that others may read is not used"
chmod 600 "$T/main/key"
rm "$T/locked.pub"
through ssh=locked answer=correct-horse
is "$rc" 0 "a key without its .pub file"
check "no .pub file is written beside it" test ! -e "$T/locked.pub"

# ---- certificates ----
ssh_key "$T/ca"
ssh_key "$T/member"
ssh-keygen -q -s "$T/ca" -I member -n "$(id -un)" "$T/member.pub"
ssh_key "$T/elsewhere"
ssh-keygen -q -s "$T/ca" -I elsewhere -n "$(id -un)" "$T/elsewhere.pub"
mv "$T/elsewhere-cert.pub" "$T/certificate"
ssh_config <<EOF
$(ssh_alias member main "IdentityFile $T/member" | grep -v main/key)
$(ssh_alias elsewhere main "IdentityFile $T/elsewhere" "CertificateFile $T/certificate" | grep -v main/key)
$(ssh_alias agent-cert main "IdentityFile $T/member" "IdentityAgent $T/cert.sock" | grep -v main/key)
EOF
through ssh=member
is "$rc" 0 "a certificate beside its key lets in"
said "$T/member with its certificate" "it is named"
through ssh=elsewhere
is "$rc" 0 "a CertificateFile lets in"
agent_start cert "$T/member"
through ssh=agent-cert
is "$rc" 0 "a certificate in the agent lets in"
said "agent \(2 keys\)" "key and certificate, and nothing else"

# ---- agent ----
strangers=()
for i in 1 2 3 4 5 6 7; do ssh_key "$T/other$i"; strangers+=("$T/other$i"); done
agent_start many "${strangers[@]}" "$T/main/key"
background socat "UNIX-LISTEN:$T/hung.sock,fork" "EXEC:tail -f /dev/null"
wait_for 20 test -S "$T/hung.sock"
ssh_config <<EOF
$(ssh_alias only main "IdentityAgent $T/many.sock")
$(ssh_alias all main "IdentityAgent $T/many.sock" "IdentitiesOnly no")
$(ssh_alias hung main "IdentityAgent $T/hung.sock")
$(ssh_alias dead main "IdentityAgent $T/dead.sock")
$(ssh_alias environment main "IdentityAgent SSH_AUTH_SOCK")
EOF
through ssh=only
is "$rc" 0 "the agent's key among seven others lets in"
said "agent \(1 key\)" "IdentitiesOnly hands on the configured one alone"
through ssh=all
is "$rc" 0 "without IdentitiesOnly the configured key comes first, before the server has had enough"
said "agent \(8 keys\)" "of eight keys"
through ssh=hung
is "$rc" 0 "an agent that hangs is left behind"
said "agent \(did not answer within 5 s\), $T/main/key" "and said; the key file lets in"
through ssh=dead
is "$rc" 0 "an agent that is not there"
said "agent \(No such file or directory\), $T/main/key" "is said too"
export SSH_AUTH_SOCK=$T/many.sock
through ssh=environment
said "agent \(1 key\)" "SSH_AUTH_SOCK"
unset SSH_AUTH_SOCK

# ---- two proofs ----
sshd_start two "AuthenticationMethods publickey,publickey" || exit 1
ssh_key "$T/second"
cat "$T/second.pub" >>"$T/two/authorized"
ssh_config <<EOF
$(ssh_alias two two "IdentityFile $T/second")
EOF
through ssh=two
is "$rc" 0 "a server that wants two keys"
said "$T/second, .*$T/two/key" "gets two"

# ---- what is typed ----
printf 'canary-%s-secret\n' "$$" >"$T/secret"
canary=$(cat "$T/secret")
echo wrong >"$T/wrong"
for kind in password questions rude; do
    port=$(free_port)
    background "${BUILD:-build}/tests/real/ssh_server" "$port" "$T/main/host" "$kind" "$T/secret"
    wait_for 20 socat -u /dev/null "TCP:127.0.0.1:$port"
    ssh_port[$kind]=$port
    mkdir -p "$T/$kind"
    sed "s/^/[127.0.0.1]:$port /" "$T/main/host.pub" >"$T/$kind/known_hosts"
done
ssh_config <<EOF
$(ssh_alias password password)
$(ssh_alias questions questions)
$(ssh_alias rude rude)
$(ssh_alias no-password password "PasswordAuthentication no")
EOF
through ssh=password "answer=@$T/wrong" "answer=@$T/secret"
is "$rc" 0 "a password lets in, after a wrong one"
like "$out" "^question=secret SSH password: That was not it. Password of $(id -un)@127.0.0.1:${ssh_port[password]}\$" "whose it is, is said"
through ssh=password "answer=@$T/wrong" "answer=@$T/wrong" "answer=@$T/wrong" "answer=@$T/secret"
is "$rc" 1 "three wrong passwords are enough"
like "$out" "^why=it accepts password; tried: password \(not accepted\)\$" "and it is said"
through ssh=no-password "answer=@$T/secret"
unlike "$out" "^question=" "PasswordAuthentication no asks for none"
through ssh=questions answer=blue "answer=@$T/secret"
is "$rc" 0 "the server's questions, answered, let in"
like "$out" "^question=text SSH server's question: $(id -un)@127.0.0.1:[0-9]+ asks:\$" "one with echo"
like "$out" '^Token\\e\[31m: ?$' "its words are foreign text"
through ssh=questions answer=red "answer=@$T/secret"
is "$rc" 1 "a wrong answer does not"

# ---- a server that opens channels of its own, and fills a stream that nobody reads ----
run "$DRIVER" ssh=rude forward=127.0.0.1:1 "answer=@$T/secret" "db=sslmode=require" -- query 'select 1'
like "$out" 'libpq=.*server does not support SSL' "its answer comes through all the same"; [ "$rc" = 1 ] || note "$out"

# ---- the secret is nowhere ----
coproc HELD { "$DRIVER" ssh=questions forward=127.0.0.1:1 answer=blue "answer=@$T/secret" -- hold 2>&1; }
held=$HELD_PID
while read -r line <&"${HELD[0]}"; do [[ $line == end=* ]] && break; done
leaks() { { ps axwwe; cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n'; } | grep -cFf "$T/secret"; }
is "$(leaks)" 0 "no process and no environment knows the secret"
is "$(grep -lFf "$T/secret" "$T"/*/log "$HOME"/.ssh/* 2>/dev/null)" "" "and no log"
kill "$held" 2>/dev/null
unlike "$out" "$canary" "nor what is said"
finish
