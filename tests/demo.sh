#!/bin/bash
# demo.sh BUILD : mxward in a minute, without root and without touching the
# system: a sample log, an attack, a ban, a refusal. Ends with status 0.
set -eu
build=$(realpath "$1")
top=$(realpath "$(dirname "$0")/..")
dir=$(mktemp -d)
pid=

finish() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap finish EXIT

bold=$(tput bold 2>/dev/null || true) plain=$(tput sgr0 2>/dev/null || true)
[ -t 1 ] || bold='' plain=''
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# A free port: nobody answers there.
port=10040
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
	port=$((port + 1))
done

sed -e "s|@TOP@|$top|; s|@RUN@|$dir|g; s|@PORT@|$port|" \
    "$top/conf/quickstart.conf" >"$dir/mxward.conf"
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$dir"
	printf 'user = "nobody"\ngroup = "nogroup"\n' >>"$dir/mxward.conf"
fi
ctl() { "$build/mxwardctl" -c "$dir/mxward.conf" "$@"; }

# ask ADDRESS : what Postfix asks when a client names a recipient.
ask() {
	exec 3<>"/dev/tcp/127.0.0.1/$port"
	printf 'request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=%s\nclient_name=unknown\nhelo_name=x\nsender=a@example.net\nrecipient=b@example.org\n\n' "$1" >&3
	read -r answer <&3
	exec 3>&-
	printf '  %-15s → %s\n' "$1" "$answer"
}

say "1. A mail log of an ordinary day, and mxward reading it (without root)"
now() { date '+%b %e %H:%M:%S'; }
while IFS= read -r line; do
	printf '%s %s\n' "$(now)" "$line"
done <"$top/tests/data/demo.log" >"$dir/mail.log"
wc -l <"$dir/mail.log" | sed 's/^ */  lines: /'
"$build/mxward" -f -c "$dir/mxward.conf" 2>"$dir/mxward.log" &
pid=$!
for _ in $(seq 100); do
	ctl status >/dev/null 2>&1 && break
	kill -0 "$pid" 2>/dev/null || { cat "$dir/mxward.log"; exit 1; }
	sleep 0.05
done
ctl status

say "2. Nobody is banned; the policy door lets everyone pass, as Postfix asks it"
ask 192.0.2.66
ask 198.51.100.20

say "3. 192.0.2.66 guesses recipients: three are unknown"
for user in info sales admin; do
	printf '%s mx postfix/smtpd[4242]: NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 550 5.1.1 <%s@example.org>: Recipient address rejected: User unknown in virtual mailbox table; from=<x@spam.example> to=<%s@example.org> proto=ESMTP helo=<spam.example>\n' \
	    "$(now)" "$user" "$user" | tee -a "$dir/mail.log" | sed 's/^/  /'
done
for _ in $(seq 100); do
	[ -z "$(ctl bans --json)" ] || break
	sleep 0.02
done

say "4. mxward has banned it"
ctl bans

say "5. The policy door answers at once: refused, and nobody else is"
ask 192.0.2.66
ask 198.51.100.20

say "6. Why?"
ctl check 192.0.2.66

say "7. And forgiven"
ctl unban 192.0.2.66
ask 192.0.2.66
say "That was mxward. Next: README.md, \"Install on a server\"."
