#!/usr/bin/env bats
# The journal as a source. systemd-journal-remote makes its files of the export
# format (systemd.io/JOURNAL_EXPORT_FORMATS), so no systemd needs to run.

load lib/common
REMOTE=/lib/systemd/systemd-journal-remote

setup() {
	[ -x $REMOTE ] || skip "needs $REMOTE"
	make_dir
	mkdir "$DIR/journal"
	export FILTERS=$lib/test-filter.conf
	JOURNAL=$DIR/journal/test.journal
	follow "$DIR/journal"
}

teardown() {
	[ -x $REMOTE ] || return 0
	show_logs
	stop_mxward
	rm -rf "$DIR"
}

follow() {
	conf "source \"mail\" { journal = \"$1\"  match = { \"SYSLOG_FACILITY=2\" } }" \
	    'ignoreip = {}' \
	    'jail "smtp" { filter = { "test-smtp" } maxretry = 3 findtime = "1h" bantime = "1d" }' \
	    'jail "all" { filter = { "test-smtp" } maxretry = 1000000 findtime = "1h" mode = "observe" }'
}

# entries ADDRESS TIMES [FACILITY [SECONDS AGO]]. Files are put in order by the
# monotonic clock, so that must go on, too.
entries() {
	local i now=$(($(date +%s%6N) - ${4:-0} * 1000000))
	for ((i = 0; i < $2; i++)); do
		printf '%s\n' "__REALTIME_TIMESTAMP=$((now + i))" \
		    "__MONOTONIC_TIMESTAMP=$((now + i))" \
		    "_BOOT_ID=0123456789abcdef0123456789abcdef" \
		    "_HOSTNAME=mx" "SYSLOG_FACILITY=${3:-2}" \
		    "SYSLOG_IDENTIFIER=postfix/smtpd" "SYSLOG_PID=4$i" \
		    "PRIORITY=6" \
		    "MESSAGE=NOQUEUE: reject: RCPT from unknown[$1]: 550 5.1.1 <u$i@example.org>: Recipient address rejected: User unknown" \
		    ""
	done | $REMOTE -o "$JOURNAL" - 2>>"$DIR/remote.log" 3>&-
	chmod -R a+rX "$DIR/journal"
}

has() { [ "$(counted all)" = "[$1,0,0]" ] && settled; }
total() {
	wait_for 15 has "$1" || {
		counted all
		return 1
	}
	sleep 0.5
	has "$1"
}
restart() {
	stop_mxward
	start_mxward
}

@test "entries become failures, and three of them a ban" {
	entries 192.0.2.1 3
	entries 192.0.2.2 2
	start_mxward
	total 5
	is_banned 192.0.2.1
	not_banned 192.0.2.2
	ctl check 192.0.2.1 | grep -q 'mx postfix/smtpd\[4[0-9]\]: NOQUEUE: reject'
}

@test "what is appended is seen, and what was read is not counted again" {
	entries 192.0.2.1 2
	start_mxward
	total 2
	entries 192.0.2.1 1
	total 3
	wait_for 5 is_banned 192.0.2.1
	restart
	total 3
	entries 192.0.2.2 2
	total 5
	kill -9 "$(child_of engine)"
	total 5
}

@test "what came while it was stopped is read at the start" {
	entries 192.0.2.1 2
	start_mxward
	total 2
	stop_mxward
	entries 192.0.2.1 4
	start_mxward
	total 6
	is_banned 192.0.2.1
}

@test "a journal that appears later, and a second file beside it" {
	start_mxward
	sleep 1
	entries 192.0.2.1 2
	total 2
	JOURNAL=$DIR/journal/more.journal entries 192.0.2.2 3
	total 5
	is_banned 192.0.2.2
	restart
	total 5
}

@test "a single file" {
	follow "$JOURNAL"
	entries 192.0.2.1 2
	start_mxward
	total 2
	entries 192.0.2.1 1
	total 3
	restart
	total 3
}

@test "other facilities are not read, nor what is older than findtime" {
	entries 192.0.2.1 5 10
	entries 192.0.2.2 5 2 90000
	entries 192.0.2.3 1
	start_mxward
	total 1
}

@test "the file is rotated away and another begun" {
	entries 192.0.2.1 2
	start_mxward
	total 2
	mv "$JOURNAL" "$DIR/journal/test@old.journal"
	entries 192.0.2.1 3
	total 5
	restart
	total 5
	rm "$DIR/journal/test@old.journal"
	entries 192.0.2.2 1
	total 6
}
