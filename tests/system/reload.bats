#!/usr/bin/env bats
# A new configuration in a running mxward: in force as a whole or not at all,
# and no door closed meanwhile.

load lib/common
POLICY=23250
OTHER=23251

setup() {
	make_dir
	mkdir "$DIR/log"
	export FILTERS=$lib/test-filter.conf
	LOG=$DIR/log/mail.log
	: >"$LOG"
	JAIL='jail "smtp" { filter = { "test-smtp" } maxretry = 3 findtime = "1h" bantime = "1d" }'
	SECOND='jail "second" { filter = { "test-smtp" } maxretry = 4 findtime = "1h" bantime = "1d" }'
	DOOR="policy { listen = { \"inet:127.0.0.1:$POLICY\" } }"
	configure "$JAIL" "$DOOR"
}

teardown() {
	show_logs
	stop_mxward
	rm -rf "$DIR"
}

configure() {
	conf "source \"mail\" { file = { \"$LOG\" } }" "$@"
}

ban_host() {
	fail "$1"
	wait_for 5 refused "$1"
}
in_force() {
	[ "$(grep -c 'the new configuration is in force' "$DIR/mxward.log")" = "$1" ]
}
counting() { ctl check "$1" --json | jq -e ".counting[0].count == $2"; }

@test "SIGHUP: new limits are in force, bans and counts are kept" {
	start_mxward
	ban_host 192.0.2.9
	fail 192.0.2.10 1
	wait_for 5 counting 192.0.2.10 1
	configure "${JAIL/maxretry = 3/maxretry = 2}" "$DOOR"
	kill -HUP "$MXWARD"
	wait_for 10 in_force 1
	refused 192.0.2.9
	answered 192.0.2.10
	fail 192.0.2.10 1
	wait_for 5 refused 192.0.2.10
	[ "$(counted smtp)" = '[5,0,2]' ]
}

@test "mxwardctl reload: the same, and it returns when the new limits are in force" {
	start_mxward
	ban_host 192.0.2.9
	configure "${JAIL/maxretry = 3/maxretry = 1}" "$DOOR"
	ctl reload
	wait_for 5 ctl status
	refused 192.0.2.9
	[ "$(ctl status --json | jq '.jails[] | select(.name == "smtp") | .maxretry')" = 1 ]
	fail 192.0.2.10 1
	wait_for 5 refused 192.0.2.10
}

@test "a banned host is refused all the while, on every connection" {
	start_mxward
	ban_host 192.0.2.9
	doors=$(child_of doors)
	ask_meanwhile fresh --fresh $POLICY 192.0.2.9
	fresh=$!
	ask_meanwhile kept $POLICY 192.0.2.9
	kept=$!
	for i in 1 2 3 4; do
		configure "${JAIL/maxretry = 3/maxretry = $((3 + i))}" "$DOOR"
		ctl reload
		sleep 0.3
	done
	wait $fresh $kept
	only fresh 521
	only kept 521
	[ "$(child_of doors)" = "$doors" ]
}

@test "a mistake changes nothing, and is named with its file and line" {
	start_mxward
	ban_host 192.0.2.9
	engine=$(child_of engine) doors=$(child_of doors)
	cp "$DIR/mxward.conf" "$DIR/good.conf"
	echo 'jail "nonsense" { maxretri = 3 }' >>"$DIR/mxward.conf"
	line=$(wc -l <"$DIR/mxward.conf")
	run ctl reload
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *"$DIR/mxward.conf:$line: "*maxretry* ]]
	kill -HUP "$MXWARD"
	wait_for 5 grep "stays as it was: $DIR/mxward.conf:$line: " "$DIR/mxward.log"
	[ "$(child_of engine)" = "$engine" ]
	[ "$(child_of doors)" = "$doors" ]
	refused 192.0.2.9
	fail 192.0.2.10 3
	wait_for 5 refused 192.0.2.10
	# Not even that it is missing.
	rm "$DIR/mxward.conf"
	kill -HUP "$MXWARD"
	wait_for 5 grep "stays as it was: $DIR/mxward.conf: .*No such file" "$DIR/mxward.log" ||
	    wait_for 1 grep "stays as it was: .*$DIR/mxward.conf.*No such file" "$DIR/mxward.log"
	cp "$DIR/good.conf" "$DIR/mxward.conf"
	ctl reload
	refused 192.0.2.9
}

@test "another answer and another listener: who is connected is served to the end" {
	start_mxward
	ban_host 192.0.2.9
	doors=$(child_of doors)
	ask_meanwhile fresh --fresh $POLICY 192.0.2.9
	fresh=$!
	ask_meanwhile kept $POLICY 192.0.2.9
	kept=$!
	configure "$JAIL" "policy { listen = { \"inet:127.0.0.1:$POLICY\", \"inet:127.0.0.1:$OTHER\" } answer = \"554 5.7.1 away\" }"
	ctl reload
	wait $fresh $kept
	only fresh 521 554
	only kept 521 554
	[[ $(policy 192.0.2.9) == "554 5.7.1 away" ]]
	[[ $(policy 192.0.2.9 $OTHER) == "554 5.7.1 away" ]]
	[ "$(child_of doors)" != "$doors" ]
	wait_for 15 ended "$doors"
	# And back: the address that is given up is closed.
	configure "$JAIL" "$DOOR"
	ctl reload
	wait_for 5 refused 192.0.2.9
	run policy 192.0.2.9 $OTHER
	[[ $output == *"Connection refused"* ]]
}

@test "a unix socket, too, has no gap" {
	start_mxward
	ban_host 192.0.2.9
	configure "$JAIL" "policy { listen = { \"inet:127.0.0.1:$POLICY\", \"unix:$DIR/door\" } socket_mode = \"0666\" }"
	ctl reload
	wait_for 5 test -S "$DIR/door"
	ask_meanwhile fresh --fresh "$DIR/door" 192.0.2.9
	fresh=$!
	configure "$JAIL" "policy { listen = { \"inet:127.0.0.1:$POLICY\", \"unix:$DIR/door\" } socket_mode = \"0666\" answer = \"554 5.7.1 away\" }"
	ctl reload
	wait $fresh
	only fresh 521 554
}

@test "a jail that is gone takes its bans along, and no others" {
	configure "$JAIL" "$SECOND" "$DOOR"
	start_mxward
	fail 192.0.2.9 3
	wait_for 5 refused 192.0.2.9
	fail 192.0.2.10 4
	wait_for 5 ctl bans --jail second
	wait_for 5 refused 192.0.2.10
	wait_for 5 settled
	configure "$SECOND" "$DOOR"
	ctl reload
	wait_for 5 answered 192.0.2.9
	refused 192.0.2.10
	[ "$(ctl bans --json | jq -r '.host + " " + .jail')" = "192.0.2.10 second" ]
	stop_mxward
	[ "$(in_db "select over_why from bans b join names n on n.id = b.jail where n.name = 'smtp'" | sort -u)" = "jail gone" ]
}

@test "who becomes a friend is let in, and observe refuses nobody" {
	start_mxward
	ban_host 192.0.2.9
	ban_host 192.0.2.10
	configure 'ignoreip = { "192.0.2.9" }' "$JAIL" "$DOOR"
	ctl reload
	wait_for 5 answered 192.0.2.9
	refused 192.0.2.10
	configure "${JAIL/\{ filter/\{ mode = \"observe\" filter}" "$DOOR"
	ctl reload
	wait_for 5 answered 192.0.2.10
}

@test "another source is read, and lines written during reloads are counted once" {
	start_mxward
	configure "$JAIL" "$DOOR" "source \"two\" { file = { \"$DIR/log/two.log\" } }"
	for i in $(seq 1 8); do
		fail 10.0.0.$i 2
		ctl reload
		fail 10.0.0.$i 1
	done
	LOG=$DIR/log/two.log fail 10.0.1.1 3
	wait_for 5 refused 10.0.1.1
	wait_for 5 settled
	[ "$(counted smtp)" = '[27,0,9]' ]
	[ "$(ctl status --json | jq '.sources | length')" = 2 ]
}
