# What all system tests share: a directory, an mxward, real servers, and their
# end by process id. Each file has ports of its own: PORT to PORT + 9.

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
		printf '%s\n' "$@"
	} >"$DIR/mxward.conf"
}

# start_mxward [PREFIX…] : start it (inside a namespace, say), wait until it
# stands guard. Its warden is MXWARD.
start_mxward() {
	"$@" "$build/mxward" -f -c "$DIR/mxward.conf" >>"$DIR/mxward.log" 2>&1 3>&- &
	MXWARD=$!
	echo $MXWARD >"$DIR/mxward.pid"
	wait_for 10 ask status
}

stop_mxward() {
	local pid
	pid=$(cat "$DIR/mxward.pid" 2>/dev/null) || return 0
	rm -f "$DIR/mxward.pid"
	end_pid "$pid"
}

ctl() { "$build/mxwardctl" -c "$DIR/mxward.conf" "$@"; }
# The same without mxwardctl: ask COMMAND [KEY=VALUE…], JSON lines.
ask() { python3 "$lib/control.py" "$DIR/control" "$@"; }

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
