#!/usr/bin/env bats
# The firewall, in network namespaces of the test's own: a banned source
# address cannot connect; after unban it can.

load lib/common

setup_file() {
	[ "$(id -u)" = 0 ] || return 0
	make_dir
	export NS=mxw$$s NC=mxw$$c
	ip netns add "$NS"
	ip netns add "$NC"
	ip -n "$NS" link add veth0 type veth peer name veth1 netns "$NC"
	for n in "$NS" "$NC"; do ip -n "$n" link set lo up; done
	ip -n "$NS" addr add 198.51.100.1/24 dev veth0
	ip -n "$NS" addr add 2001:db8:5::1/64 dev veth0 nodad
	ip -n "$NS" link set veth0 up
	ip -n "$NC" link set veth1 up
	for a in 66 67 68; do ip -n "$NC" addr add 198.51.100.$a/24 dev veth1; done
	ip -n "$NC" addr add 2001:db8:5::66/64 dev veth1 nodad
	touch "$DIR/mail.log"
	conf "source \"mail\" { file = { \"$DIR/mail.log\" } }" \
	    'ignoreip = { "198.51.100.1", "198.51.100.68" }' \
	    'jail "postfix-auth" { maxretry = 3 }' \
	    'enforcer "nftables" { reconcile = "1s" }'
	start_mxward ip netns exec "$NS"
	wait_for 10 has_table
	ip netns exec "$NS" python3 "$lib/listen.py" 25 143 3>&- &
	echo $! >"$DIR/listen.pid"
	wait_for 5 connects 198.51.100.68 25
}

teardown_file() {
	[ "$(id -u)" = 0 ] || return 0
	[ ! -e "$DIR/listen.pid" ] || end_pid "$(cat "$DIR/listen.pid")"
	clean_up
	ip netns del "$NS"
	ip netns del "$NC"
}

setup() { need_root; }
teardown() { show_logs; }

nft_() { ip netns exec "$NS" nft "$@"; }
has_table() { nft_ list table inet mxward | grep -q hook; }
connects() { ip netns exec "$NC" nc -z -w 2 -s "$1" 198.51.100.1 "$2"; }
connects6() { ip netns exec "$NC" nc -z -w 2 2001:db8:5::1 "$1"; }
refused() { ! connects "$@"; }
refused6() { ! connects6 "$@"; }
enforced() { ctl bans --json | grep "\"$1\"" | grep -q '"enforced"'; }

fail_login() {
	local n
	for n in 1 2 3; do
		printf '%s mx postfix/smtpd[1]: warning: unknown[%s]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=x@example.org\n' \
		    "$(date '+%b %e %H:%M:%S')" "$1" >>"$DIR/mail.log"
	done
}

@test "three failures in the log: a TCP connection from that address fails, others succeed" {
	connects 198.51.100.66 25
	fail_login 198.51.100.66
	wait_for 5 enforced 198.51.100.66
	refused 198.51.100.66 25
	connects 198.51.100.67 25
}

@test "the ban closes the ports of its jail's group only" {
	connects 198.51.100.66 143
}

@test "after unban the connection succeeds" {
	ctl unban 198.51.100.66
	wait_for 5 connects 198.51.100.66 25
}

@test "IPv6: the /64 is closed" {
	connects6 25
	fail_login 2001:db8:5::99
	wait_for 5 enforced 2001:db8:5::/64
	refused6 25
	ctl unban 2001:db8:5::/64
	wait_for 5 connects6 25
}

@test "a ban by hand closes all ports, ends by itself in the kernel" {
	ctl ban 198.51.100.67 --for 4s --reason "a test"
	wait_for 3 refused 198.51.100.67 25
	refused 198.51.100.67 143
	wait_for 8 connects 198.51.100.67 25
}

@test "a network ban, and a friend inside it that is never refused" {
	ctl ban 198.51.100.64/29 --for 1h
	wait_for 3 refused 198.51.100.66 25
	refused 198.51.100.67 25
	connects 198.51.100.68 25
	ctl unban 198.51.100.64/29
	wait_for 3 connects 198.51.100.66 25
}

@test "somebody flushes the ruleset: it is put back, and shown as a repair" {
	ctl ban 198.51.100.66 --for 1h
	wait_for 5 refused 198.51.100.66 25
	nft_ flush ruleset
	connects 198.51.100.66 25
	wait_for 10 refused 198.51.100.66 25
	[ "$(ctl status --json | jq '.enforcers[0].repairs')" -gt 0 ]
}

@test "mxward ends: the elements stay; it starts: no moment without them" {
	stop_mxward
	refused 198.51.100.66 25
	start_mxward ip netns exec "$NS"
	refused 198.51.100.66 25
	ctl unban 198.51.100.66
	wait_for 5 connects 198.51.100.66 25
}

@test "the enforcer killed: started again, and the firewall is right" {
	local p
	p=$(child_of enforcer)
	kill -9 "$p"
	ctl ban 198.51.100.66 --for 1h
	wait_for 10 refused 198.51.100.66 25
	wait_for 10 enforced 198.51.100.66
	ctl unban 198.51.100.66
	wait_for 5 connects 198.51.100.66 25
}
