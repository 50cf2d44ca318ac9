#!/usr/bin/env bats
# Whole fake log lines in every field a stranger controls, through the real
# Postfix and Dovecot: nobody else is ever banned by them (P6).

load lib/common
PORT=23120

setup_file() {
	[ "$(id -u)" = 0 ] || return 0
	make_dir
	# Every rule of every filter counts, and once is enough.
	conf "source \"mail\" { file = { \"$DIR/postfix/log/mail.log\", \"$DIR/dovecot/log/dovecot.log\" } }" \
	    'ignoreip = {}' 'mode = "observe"' 'maxretry = 1'
	for f in "$top"/filters/*.conf; do
		n=$(basename "$f" .conf)
		rules=$(grep -B0 -A12 'rule "' "$f" | awk -F'"' '/rule "/{r=$2} /optional *= *true/{printf "%s\"%s\"", s, r; s=", "}')
		printf 'jail "%s" { enable = { %s } }\n' "$n" "$rules"
	done >>"$DIR/mxward.conf"
	start_mail $PORT "smtpd_client_connection_rate_limit = 0"
	start_mxward
}

teardown_file() {
	[ "$(id -u)" = 0 ] || return 0
	clean_up
}

setup() { need_root; }
teardown() { show_logs; }

@test "fake lines in HELO, names, sender, recipient, user and commands ban nobody else" {
	python3 "$lib/hostile.py" $PORT $((PORT + 1)) $((PORT + 3)) $((PORT + 4))
	sleep 2
	grep -q 203.0.113.5 "$DIR/postfix/log/mail.log"
	grep -q 203.0.113.5 "$DIR/dovecot/log/dovecot.log"
	wait_for 10 is_banned 192.0.2.66
	run sqlite3 "$DIR/state/mxward.db" "select count(*) from bans"
	[ "$output" -gt 0 ]
	not_banned 203.0.113.5
	run ctl check 203.0.113.5 --json
	echo "$output"
	[ "$(jq '(.bans | length) + (.history | length) + (.counting | length) + (.evidence | length)' <<<"$output")" = 0 ]
}

@test "and no host but the attacker and this machine was ever counted" {
	run ctl bans --json
	others=$(jq -r .host <<<"$output" | sort -u | grep -v -e '^192.0.2.66$' -e '^127\.' || true)
	echo "others: $others"
	[ -z "$others" ]
}

@test "the attacker's own failures were not hidden by them" {
	[ "$(ctl status --json | jq '[.jails[] | .failures + .after_ban] | add')" -gt 300 ]
}
