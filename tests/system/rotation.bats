#!/usr/bin/env bats
# Whatever becomes of the log files: every line once. Each line is a failure
# that a jail counts which never bans; its total tells.

load lib/common

setup() {
	make_dir
	mkdir "$DIR/log"
	export FILTERS=$lib/test-filter.conf
	LOG=$DIR/log/mail.log
	follow "$LOG"
}

teardown() {
	show_logs
	stop_mxward
	rm -rf "$DIR"
}

follow() {
	conf "source \"mail\" { file = { \"$1\" } }" 'ignoreip = {}' \
	    'jail "all" { filter = { "test-smtp" } maxretry = 1000000 findtime = "1h" mode = "observe" }'
}

lines() { fail 192.0.2.1 "$1"; }
has() { [ "$(counted all)" = "[$1,0,0]" ] && settled; }
# total N: the lines counted become N, and stay that.
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

@test "rename and create: also what is written to the old file after the rename" {
	lines 3
	start_mxward
	total 3
	lines 2
	mv "$LOG" "$LOG.1"
	LOG=$LOG.1 lines 4
	total 9
	lines 5
	LOG=$LOG.1 lines 1
	total 15
	restart
	total 15
	lines 1
	total 16
}

@test "copy and truncate" {
	start_mxward
	lines 5
	total 5
	cp "$LOG" "$LOG.1"
	: >"$LOG"
	lines 3
	total 8
	cp "$LOG" "$LOG.2"
	: >"$LOG"
	total 8
	restart
	lines 9
	total 17
}

@test "copy and truncate while stopped: the rest is read from the copy" {
	start_mxward
	lines 5
	total 5
	stop_mxward
	lines 4
	cp "$LOG" "$LOG.1"
	: >"$LOG"
	lines 2
	start_mxward
	total 11
	restart
	total 11
}

@test "copy and truncate, and a new file longer than the old one" {
	start_mxward
	lines 5
	total 5
	stop_mxward
	cp "$LOG" "$LOG.1"
	: >"$LOG"
	sleep 1 # another first line
	lines 20
	start_mxward
	total 25
}

@test "several rotations while stopped" {
	start_mxward
	lines 5
	total 5
	stop_mxward
	for n in 1 2 3 4; do
		lines $n
		for old in 3 2 1; do
			[ ! -e "$LOG.$old" ] || mv "$LOG.$old" "$LOG.$((old + 1))"
		done
		mv "$LOG" "$LOG.1"
		sleep 1.1 # files of one second have one first line
	done
	lines 6
	start_mxward
	total 21
	restart
	total 21
}

@test "several rotations in a second, while running" {
	start_mxward
	lines 1
	total 1
	for n in 2 3 4 5; do
		mv "$LOG" "$LOG.$n"
		LOG=$LOG lines $n
		sleep 0.2
	done
	total 15
	restart
	total 15
}

@test "dates in the names, older files compressed" {
	start_mxward
	lines 2
	total 2
	mv "$LOG" "$LOG-20261123"
	lines 3
	total 5
	gzip "$LOG-20261123"
	mv "$LOG" "$LOG-20261124"
	lines 4
	total 9
	restart
	total 9
}

@test "a log that appears later" {
	start_mxward
	sleep 1
	lines 4
	total 4
	restart
	total 4
}

@test "a log in a directory that appears later" {
	rmdir "$DIR/log"
	start_mxward
	sleep 1
	mkdir "$DIR/log"
	lines 4
	total 4
}

@test "a glob: each file once, also those that come later and those that are rotated" {
	follow "$DIR/log/mail*.log*"
	lines 2
	start_mxward
	total 2
	LOG=$DIR/log/mail-two.log lines 3
	total 5
	mv "$LOG" "$LOG.1"
	total 5
	lines 4
	total 9
	LOG=$DIR/log/mail-two.log lines 1
	total 10
	restart
	total 10
}

@test "removed and made again; what a program still writes to the removed one counts" {
	start_mxward
	lines 3
	total 3
	exec 8>>"$LOG"
	rm "$LOG"
	LOG=/dev/fd/8 lines 2
	total 5
	lines 4
	total 9
	exec 8>&-
	restart
	total 9
}

@test "removed while stopped, and another of the same name" {
	start_mxward
	lines 3
	total 3
	stop_mxward
	rm "$LOG"
	sleep 1.1
	lines 7
	start_mxward
	total 10
}

@test "a symbolic link that is turned to another file" {
	LOG=$DIR/log/mail-1.log lines 2
	ln -s mail-1.log "$LOG"
	start_mxward
	total 2
	LOG=$DIR/log/mail-1.log lines 1
	total 3
	ln -sfn mail-2.log "$LOG"
	LOG=$DIR/log/mail-2.log lines 4
	total 7
	restart
	total 7
}

# in_order N: one failure each of 192.0.2.1 to N was counted, in that order.
in_order() {
	stop_mxward
	[ "$(in_db 'select group_concat(n) from (select hex(substr(key, 16, 1)) as n from failures order by id)')" = \
	    "$(seq -s , -f '%02.0f' 1 "$1")" ]
}
# A log that is copied and truncated twice, then renamed, while stopped.
three_rotations() {
	start_mxward
	fail 192.0.2.1 1
	total 1
	stop_mxward
	fail 192.0.2.2 1
	cp "$LOG" "$LOG.1"
	: >"$LOG"
	sleep 1.1
	fail 192.0.2.3 1
	mv "$LOG.1" "$LOG.2"
	cp "$LOG" "$LOG.1"
	: >"$LOG"
	sleep 1.1
	fail 192.0.2.4 1
	mv "$LOG.2" "$LOG.3"
	mv "$LOG.1" "$LOG.2"
	mv "$LOG" "$LOG.1"
	sleep 1.1
}

@test "what came while stopped is read in the order it was written, whatever holds it" {
	three_rotations
	fail 192.0.2.5 1
	start_mxward
	total 5
	in_order 5
}

@test "the same where the log itself is not there yet" {
	three_rotations
	start_mxward
	total 4
	fail 192.0.2.5 1
	total 5
	in_order 5
}

@test "half a line is not a line until its end comes" {
	start_mxward
	lines 1
	total 1
	line=$(tail -n 1 "$LOG")
	printf %s "${line:0:90}" >>"$LOG"
	sleep 0.5
	has 1
	restart
	has 1 || total 1
	printf '%s\n' "${line:90}" >>"$LOG"
	total 2
}
