#!/usr/bin/env bats
# The policy door in a real Postfix: recipients, logins, bystanders.

load lib/common
PORT=23100
POLICY=23109

setup_file() {
	[ "$(id -u)" = 0 ] || return 0
	make_dir
	conf "source \"mail\" { file = { \"$DIR/postfix/log/mail.log\" } }" \
	    'ignoreip = {}' \
	    'jail "postfix-auth" { maxretry = 3 }' \
	    'jail "postfix-flood" { maxretry = 3 }' \
	    "policy { listen = { \"inet:127.0.0.1:$POLICY\" } }"
	start_mail $PORT \
	    "smtpd_delay_reject = no" \
	    "smtpd_client_restrictions = check_policy_service { inet:127.0.0.1:$POLICY, timeout=1s, default_action=DUNNO }" \
	    "smtpd_recipient_restrictions = check_policy_service { inet:127.0.0.1:$POLICY, timeout=1s, default_action=DUNNO }"
	start_mxward
}

teardown_file() {
	[ "$(id -u)" = 0 ] || return 0
	clean_up
}

setup() { need_root; }
teardown() { show_logs; }

@test "a third unknown recipient is the last: the fourth command is refused with 521 and the line closed" {
	run as 192.0.2.9 "MAIL FROM:<a@example.net>" "RCPT TO:<nobody1@example.org>" \
	    "RCPT TO:<nobody2@example.org>" "RCPT TO:<nobody3@example.org>" \
	    "WAIT 0.3" "RCPT TO:<alice@example.org>"
	echo "$output"
	[ "$(grep -c '=> 550 5.1.1' <<<"$output")" = 3 ]
	grep -q '^RCPT TO:<alice@example.org> => 521 5.7.1' <<<"$output"
	grep -q '=> CLOSED' <<<"$output"
}

@test "the next connection of a banned host is refused at once, before any login" {
	run as 192.0.2.9 "AUTH PLAIN AGFsaWNlAHNlY3JldA=="
	echo "$output"
	grep -q '^XCLIENT .*=> 521 5.7.1' <<<"$output"
	! grep -q '235' <<<"$output"
}

@test "another address is served throughout" {
	run as 198.51.100.20 "MAIL FROM:<a@example.net>" "RCPT TO:<alice@example.org>" "DATA" "x" $'Subject: x\r\n\r\nx\r\n.'
	echo "$output"
	grep -q '^RCPT TO:<alice@example.org> => 250' <<<"$output"
}

@test "what mxward itself refused is never counted" {
	failures=$(ctl status --json | jq '.jails[] | select(.name == "postfix-flood") | .failures')
	as 192.0.2.9 QUIT || true
	as 192.0.2.9 QUIT || true
	as 192.0.2.9 QUIT || true
	sleep 0.3
	[ "$(ctl status --json | jq '.jails[] | select(.name == "postfix-flood") | .failures')" = "$failures" ]
}

@test "unban: served again" {
	ctl unban 192.0.2.9
	run as 192.0.2.9 "MAIL FROM:<a@example.net>" "RCPT TO:<alice@example.org>"
	echo "$output"
	grep -q '^RCPT TO:<alice@example.org> => 250' <<<"$output"
}

@test "three failed logins on submission: the host is refused everywhere, its user is not" {
	bad=$(printf '\0alice\0wrong' | base64)
	run smtp $((PORT + 1)) "XCLIENT ADDR=192.0.2.10 NAME=x.example.net" "EHLO x" \
	    "AUTH PLAIN $bad" "AUTH PLAIN $bad" "AUTH PLAIN $bad" "WAIT 0.3" \
	    "MAIL FROM:<a@example.net>" "RCPT TO:<alice@example.org>"
	echo "$output"
	[ "$(grep -c '=> 535' <<<"$output")" = 3 ]
	grep -q '=> 521 5.7.1' <<<"$output"
	wait_for 5 is_banned 192.0.2.10
	run as 192.0.2.10 QUIT
	grep -q '^XCLIENT .*=> 521' <<<"$output"
	run smtp $((PORT + 1)) "XCLIENT ADDR=198.51.100.21 NAME=y" "EHLO y" \
	    "AUTH PLAIN $(printf '\0alice\0secret' | base64)"
	echo "$output"
	grep -q '=> 235' <<<"$output"
}

@test "a success clears the count" {
	bad=$(printf '\0bob\0wrong' | base64)
	good=$(printf '\0bob\0secret' | base64)
	for _ in 1 2; do
		smtp $((PORT + 1)) "XCLIENT ADDR=198.51.100.22 NAME=y" "EHLO y" \
		    "AUTH PLAIN $bad" "AUTH PLAIN $bad" QUIT
		smtp $((PORT + 1)) "XCLIENT ADDR=198.51.100.22 NAME=y" "EHLO y" \
		    "AUTH PLAIN $good" "MAIL FROM:<bob@example.org>" \
		    "RCPT TO:<alice@example.org>" QUIT
	done
	sleep 0.3
	not_banned 198.51.100.22
	[ "$(ctl check 198.51.100.22 --json | jq '.counting | length')" = 0 ]
}

@test "a success of one user does not clear the failures at another" {
	bad=$(printf '\0alice\0wrong' | base64)
	good=$(printf '\0bob\0secret' | base64)
	for _ in 1 2; do
		smtp $((PORT + 1)) "XCLIENT ADDR=198.51.100.23 NAME=y" "EHLO y" \
		    "AUTH PLAIN $bad" "AUTH PLAIN $bad" QUIT || true
		smtp $((PORT + 1)) "XCLIENT ADDR=198.51.100.23 NAME=y" "EHLO y" \
		    "AUTH PLAIN $good" QUIT || true
	done
	wait_for 5 is_banned 198.51.100.23
}

@test "IPv6: a host is counted and banned by its /64" {
	for i in 1 2 3; do
		as "2001:db8:1:2::$i" "MAIL FROM:<a@example.net>" "RCPT TO:<nobody$i@example.org>" QUIT
	done
	wait_for 5 is_banned 2001:db8:1:2::/64
	run as 2001:db8:1:2::ffff QUIT
	echo "$output"
	grep -q '^XCLIENT .*=> 521' <<<"$output"
	run as 2001:db8:1:3::1 QUIT
	grep -q '^XCLIENT .*=> 220' <<<"$output"
}

@test "evidence: check shows the lines that led to the ban" {
	run ctl check 192.0.2.10
	echo "$output"
	[ "$(grep -c 'SASL PLAIN authentication failed' <<<"$output")" -ge 3 ]
}

@test "doors killed in the middle of a session: the next command of a banned host is refused all the same" {
	(
		sleep 1
		ctl ban 192.0.2.30 --for 1h
		kill -9 "$(child_of doors)"
	) 3>&- &
	run as 192.0.2.30 "MAIL FROM:<a@example.net>" "RCPT TO:<alice@example.org>" \
	    "WAIT 2" "RCPT TO:<bob@example.org>"
	wait
	echo "$output"
	grep -q '^RCPT TO:<alice@example.org> => 250' <<<"$output"
	grep -q '^RCPT TO:<bob@example.org> => 521' <<<"$output"
}
