# What all system tests share: a directory, an mxward, real servers, and their
# end by process id. Each file has ports of its own: PORT to PORT + 9.

# The system's own tools first: a wrapper around python3 takes a second to start.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
lib=$top/tests/system/lib
build=${BUILD_DIR:-$top/build}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# A directory that an unprivileged engine can enter.
make_dir() {
	DIR=$(mktemp -d /tmp/mxward-test.XXXXXX)
	chmod 755 "$DIR"
	export DIR
}

# conf LINE… : write DIR/mxward.conf: the usual, and these lines. FILTERS may
# name other filters than those that are shipped.
conf() {
	{
		printf 'include("%s")\n' "${FILTERS:-$top/filters}"
		printf 'statedir = "%s/state"\ncontrol = "%s/control"\n' \
		    "$DIR" "$DIR"
		printf 'user = "nobody"\ngroup = "nogroup"\n'
		# Tests use the documentation's addresses; a machine may have one.
		printf 'ignoreip = { "127.0.0.1" }\n'
		printf '%s\n' "$@"
	} >"$DIR/mxward.conf"
}

# start_mxward [PREFIX…] : start it (inside a namespace, say), wait until it
# stands guard. Its warden is MXWARD.
start_mxward() {
	"$@" "$build/mxward" -f -c "$DIR/mxward.conf" >>"$DIR/mxward.log" 2>&1 3>&- &
	MXWARD=$!
	echo $MXWARD >"$DIR/mxward.pid"
	wait_for 10 ctl status
}

stop_mxward() {
	local pid
	pid=$(cat "$DIR/mxward.pid" 2>/dev/null) || return 0
	rm -f "$DIR/mxward.pid"
	end_pid "$pid"
}

ctl() { "$build/mxwardctl" -c "$DIR/mxward.conf" "$@"; }

# The process of a role: engine, doors, enforcer. They are told apart by what
# the log says when needed; here by their place among the warden's children.
child_of() {
	local want=$1 p
	for p in $(pgrep -P "$(cat "$DIR/mxward.pid")"); do
		[ "$(tr '\0' ' ' <"/proc/$p/comm")" = "mxward-$want" ] ||
		    [ "$(cat "/proc/$p/comm")" = "mxward-$want" ] || continue
		echo "$p"
		return 0
	done
	return 1
}

end_pid() {
	local pid=$1
	kill "$pid" 2>/dev/null || return 0
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -9 "$pid" 2>/dev/null || true
}

# wait_for SECONDS COMMAND… : until it succeeds.
wait_for() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.05
	done
}

# start_mail PORT [MAIN_CF_LINE…] : Postfix on PORT (smtp), PORT+1
# (submission), PORT+2 (postscreen); Dovecot on PORT+3 (imap), PORT+4 (pop3).
start_mail() {
	local port=$1
	shift
	"$lib/dovecot-up" "$DIR/dovecot" $((port + 3)) $((port + 4)) 3>&-
	"$lib/postfix-up" "$DIR/postfix" "$port" $((port + 1)) $((port + 2)) \
	    "$@" 3>&-
	wait_for 10 smtp "$port" QUIT
	MAILLOG=$DIR/postfix/log/mail.log
}

stop_mail() {
	local f
	for f in "$DIR/postfix/queue/pid/master.pid" "$DIR/dovecot/run/master.pid"; do
		[ ! -e "$f" ] || end_pid "$(tr -d ' \n' <"$f")"
	done
}

smtp() { "$lib/smtp" "$@"; }
# A client that claims an address: as ADDRESS COMMAND…
as() {
	local addr=$1
	shift
	case $addr in *:*) addr=IPV6:$addr ;; esac
	smtp "$PORT" "XCLIENT ADDR=$addr NAME=client.example.net" "EHLO client.example.net" "$@"
}

# policy ADDRESS [PORT]: what the policy door says about a client; fails if it
# says nothing within a second. No process more: it is asked in a hurry.
policy() (
	exec 9<>"/dev/tcp/127.0.0.1/${2:-$POLICY}" || exit 1
	printf '%s\n' request=smtpd_access_policy protocol_state=RCPT \
	    "client_address=$1" client_name=unknown sender=a@example.net \
	    recipient=alice@example.org "" >&9
	IFS= read -r -t 1 answer <&9 || exit 1
	echo "${answer#action=}"
)
answered() { [[ $(policy "$@" 2>/dev/null) == DUNNO* ]]; }
refused() { [[ $(policy "$@" 2>/dev/null) == 521* ]]; }
# ask_meanwhile NAME OPTION… : a client in the background, for 6 seconds, $!; its
# account is in DIR/NAME when `wait` returns.
ask_meanwhile() {
	local name=$1
	shift
	python3 "$lib/policy.py" --for 6 "$@" \
	    >"$DIR/$name" 2>"$DIR/$name.begun" 3>&- &
	wait_for 10 grep begun "$DIR/$name.begun"
}
# only NAME WORD… : nothing but these answers were given, and some were.
only() {
	local name=$1
	shift
	cat "$DIR/$name"
	jq -e 'del(.longest) | (keys | sort) == ($ARGS.positional | sort)' \
	    --args "$@" <"$DIR/$name"
	jq -e '.longest < 4' <"$DIR/$name"
}
# Whether a process is gone, or only waits to be buried.
ended() { [[ ! -e /proc/$1 || $(ps -o stat= -p "$1") == Z* ]]; }
# Counters of a jail: counted NAME → [failures, after_ban, bans].
counted() {
	ctl status --json | jq -c --arg jail "$1" \
	    '.jails[] | select(.name == $jail) | [.failures, .after_ban, .bans]'
}
# Everything that was there has been read and stored.
settled() {
	ctl status --json |
	    jq -e '.caught_up and .store.ok and all(.sources[]; .idle)'
}
in_db() { sqlite3 "$DIR/state/mxward.db" "$1"; }

# fail ADDRESS [TIMES]: log lines of a host that guesses recipients, to LOG.
fail() {
	local i now
	printf -v now '%(%Y-%m-%dT%H:%M:%S%z)T' -1
	for ((i = 0; i < ${2:-3}; i++)); do
		echo "$now mx postfix/smtpd[$i]: NOQUEUE: reject: RCPT from unknown[$1]: 550 5.1.1 <u$i@example.org>: Recipient address rejected: User unknown"
	done >>"$LOG"
}

is_banned() { ctl bans --json | grep -q "\"host\": *\"$1\""; }
not_banned() { ! is_banned "$1"; }

clean_up() {
	stop_mxward
	stop_mail
	if [ -n "${KEEP:-}" ]; then
		echo "# kept $DIR" >&3
	else
		rm -rf "$DIR"
	fi
}

# Show the logs of a test that failed.
show_logs() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] && return 0
	tail -n 30 "$DIR/mxward.log" "$DIR/postfix/log/mail.log" 2>/dev/null
	return 0
}
