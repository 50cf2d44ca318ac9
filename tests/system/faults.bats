#!/usr/bin/env bats
# Hung and killed processes, a full disk, a ruined database, logs that cannot
# be read, addresses that are taken: mail flows, and nothing is lost.

load lib/common
PORT=23210
POLICY=23219
OTHER=23218

setup_file() {
	[ "$(id -u)" = 0 ] || return 0
	make_dir
	mkdir "$DIR/log"
	start_mail $PORT \
	    "smtpd_recipient_restrictions = check_policy_service { inet:127.0.0.1:$POLICY, timeout=1s, default_action=DUNNO }"
}

teardown_file() {
	[ "$(id -u)" = 0 ] || return 0
	clean_up
}

# Each test has an mxward of its own that knows one banned host.
setup() {
	need_root
	export FILTERS=$lib/test-filter.conf
	LOG=$DIR/log/mail.log
	rm -rf "$DIR/state" "$DIR/log"/*
	: >"$LOG"
	configure
}

teardown() {
	show_logs
	stop_mxward
	[ -z "${MOUNTED:-}" ] || umount "$DIR/state"
	[ -z "${LISTENER:-}" ] || kill "$LISTENER"
	: >"$DIR/mxward.log"
}

configure() {
	conf "source \"mail\" { file = { \"$LOG\" } }" 'ignoreip = {}' \
	    'jail "smtp" { filter = { "test-smtp" } maxretry = 3 findtime = "1h" bantime = "1d" }' \
	    "policy { listen = { \"inet:127.0.0.1:$POLICY\", \"inet:127.0.0.1:$OTHER\" } }" "$@"
}

ban_host() {
	fail "$1"
	wait_for 5 refused "$1"
}
mail_accepted() {
	as 198.51.100.20 "MAIL FROM:<a@example.net>" "RCPT TO:<alice@example.org>" \
	    "DATA" $'Subject: x\r\n\r\nx\r\n.' QUIT | grep 'queued as'
}
now_ms() { date +%s%3N; }
is_replaced() { local p; p=$(child_of "$1") && [ "$p" != "$2" ]; }
store_says() { ctl status --json | jq -e ".store.ok == $1"; }
counts() { [ "$(counted smtp)" = "$1" ]; }

@test "doors stopped: mail is accepted all the while, and within 4 s policy answers again" {
	start_mxward
	ban_host 192.0.2.9
	mail_accepted
	hung=$(child_of doors)
	begin=$(now_ms)
	kill -STOP "$hung"
	(wait_for 20 answered 198.51.100.20 && now_ms >"$DIR/log/again") 3>&- &
	mail_accepted
	mail_accepted
	wait $!
	took=$(($(cat "$DIR/log/again") - begin))
	echo "policy answers again after $took ms"
	[ $took -lt 4000 ]
	refused 192.0.2.9
	refused 192.0.2.9 $OTHER
	ended "$hung"
	mail_accepted
}

@test "engine stopped: doors go on refusing, it is replaced, and no line is lost" {
	start_mxward
	ban_host 192.0.2.9
	fail 192.0.2.10 2
	wait_for 5 counts '[5,0,1]'
	hung=$(child_of engine)
	kill -STOP "$hung"
	fail 192.0.2.10 1
	fail 192.0.2.11 3
	for _ in 1 2 3 4 5; do refused 192.0.2.9; done
	answered 198.51.100.20
	wait_for 8 is_replaced engine "$hung"
	wait_for 5 refused 192.0.2.10
	wait_for 5 refused 192.0.2.11
	refused 192.0.2.9
	wait_for 5 settled
	counts '[9,0,3]'
	stop_mxward
	[ "$(in_db 'select count(*), count(distinct key) from bans')" = '3|3' ]
	[ "$(in_db 'select count(*) from evidence')" = 9 ]
}

@test "engine killed again and again: a banned host is refused all the while" {
	start_mxward
	ban_host 192.0.2.9
	ask_meanwhile kept $POLICY 192.0.2.9
	client=$!
	for i in 1 2 3 4 5; do
		kill -9 "$(child_of engine)" || true
		fail "192.0.2.1$i"
		sleep 0.3
	done
	wait $client
	only kept 521
	for i in 1 2 3 4 5; do wait_for 10 refused "192.0.2.1$i"; done
	wait_for 10 settled
	counts '[18,0,6]'
}

@test "doors killed: back at once, with every ban" {
	start_mxward
	ban_host 192.0.2.9
	for _ in 1 2 3; do
		killed=$(child_of doors)
		kill -9 "$killed"
		wait_for 2 refused 192.0.2.9
		answered 198.51.100.20
		is_replaced doors "$killed"
	done
	mail_accepted
}

@test "warden stopped for a while: nothing changes, and nobody is killed for it" {
	start_mxward
	ban_host 192.0.2.9
	engine=$(child_of engine) doors=$(child_of doors)
	kill -STOP "$MXWARD"
	sleep 4
	refused 192.0.2.9
	ban_host 192.0.2.10
	kill -CONT "$MXWARD"
	sleep 1
	[ "$(child_of engine)" = "$engine" ]
	[ "$(child_of doors)" = "$doors" ]
}

@test "all processes stopped and going on, as on a suspended machine: nobody is killed for it" {
	start_mxward
	ban_host 192.0.2.9
	engine=$(child_of engine) doors=$(child_of doors)
	kill -STOP "$MXWARD" "$engine" "$doors"
	sleep 4
	kill -CONT "$MXWARD"
	sleep 0.3
	kill -CONT "$engine" "$doors"
	sleep 1
	[ "$(child_of engine)" = "$engine" ]
	[ "$(child_of doors)" = "$doors" ]
	refused 192.0.2.9
}

@test "warden killed: its children and their sockets are gone within a second" {
	start_mxward
	ban_host 192.0.2.9
	engine=$(child_of engine) doors=$(child_of doors)
	kill -9 "$MXWARD"
	wait_for 2 ended "$engine"
	wait_for 2 ended "$doors"
	run policy 192.0.2.9
	echo "$output"
	[[ $output == *"Connection refused"* ]]
	mail_accepted
	# As systemd would.
	start_mxward
	wait_for 2 refused 192.0.2.9
}

@test "disk full: bans are decided and refused; with room again all is stored, once" {
	mkdir "$DIR/state"
	mount -t tmpfs -o size=16m,mode=0750,uid=nobody tmpfs "$DIR/state"
	MOUNTED=yes
	start_mxward
	ban_host 192.0.2.9
	cat /dev/zero >"$DIR/state/filler" 2>/dev/null || true
	for i in $(seq 1 250); do fail "10.1.$((i / 250)).$i" 3; done
	wait_for 10 refused 10.1.0.249
	refused 10.1.0.1
	refused 192.0.2.9
	wait_for 10 store_says false
	ctl status --json | jq -e '.store.error | contains("full")'
	ban_host 192.0.2.10
	engine=$(child_of engine)
	rm "$DIR/state/filler"
	wait_for 30 is_replaced engine "$engine"
	refused 192.0.2.10
	refused 10.1.0.1
	wait_for 10 settled
	counts '[756,0,252]'
	refused 10.1.0.1
	stop_mxward
	[ "$(in_db 'select count(*), count(distinct key) from bans')" = '252|252' ]
	[ "$(in_db 'select count(*) from evidence')" = 756 ]
	[ "$(in_db 'pragma integrity_check')" = ok ]
}

@test "a ruined database is put aside at the start, and another begun" {
	start_mxward
	ban_host 192.0.2.9
	stop_mxward
	dd if=/dev/urandom of="$DIR/state/mxward.db" bs=1k count=8 conv=notrunc status=none
	start_mxward
	ls "$DIR/state"
	[ "$(ls "$DIR"/state/mxward.db.bad-* | wc -l)" -ge 1 ]
	store_says true
	grep -q 'mxward.db.bad-' "$DIR/mxward.log"
	ban_host 192.0.2.11
	# The log is still there, and so is what it says.
	wait_for 5 refused 192.0.2.9
}

@test "a log that may not be read is named once, the others are followed, and it is read when it may be" {
	configure "source \"other\" { file = { \"$DIR/log/other.log\" } }"
	install -m 600 /dev/null "$DIR/log/other.log"
	mkdir "$DIR/state"
	chown nobody "$DIR/state"
	chmod 777 "$DIR"
	start_mxward setpriv --reuid nobody --regid nogroup --clear-groups
	ban_host 192.0.2.9
	LOG=$DIR/log/other.log fail 192.0.2.10
	sleep 1.5
	answered 192.0.2.10
	[ "$(grep -c 'other.log.*Permission denied' "$DIR/mxward.log")" = 1 ]
	chmod 644 "$DIR/log/other.log"
	wait_for 8 refused 192.0.2.10
	chmod 755 "$DIR"
}

@test "an address in use does not keep the other listeners from answering" {
	python3 "$lib/listen.py" $OTHER 3>&- &
	LISTENER=$!
	wait_for 5 smtp $OTHER QUIT
	start_mxward
	ban_host 192.0.2.9
	grep "error: policy: inet:127.0.0.1:$OTHER: " "$DIR/mxward.log"
	run smtp $OTHER QUIT
	[[ $output == *"220 here"* ]]
}
