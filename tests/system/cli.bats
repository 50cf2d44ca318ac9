#!/usr/bin/env bats
# The command lines, the installation, systemd's protocol, many daemons side by
# side. Nothing here needs root.

load lib/common

setup() {
	make_dir
	touch "$DIR/mail.log"
	conf "source \"mail\" { file = { \"$DIR/mail.log\" } }" \
	    'jail "postfix-auth" {}' "policy { listen = { \"unix:$DIR/policy\" } }"
}

teardown() {
	show_logs
	clean_up
}

line() {
	printf '%s mx postfix/smtpd[1]: warning: unknown[%s]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=x@example.org\n' \
	    "$(date '+%b %e %H:%M:%S')" "$1"
}

@test "mxward -t: 0 for a good configuration, 1 and one line with file and line for a bad one" {
	run "$build/mxward" -t -c "$DIR/mxward.conf"
	[ "$status" = 0 ]
	[ -z "$output" ]
	printf 'jail "postfix-flood" {\n  findtime = "soon"\n}\n' >>"$DIR/mxward.conf"
	run "$build/mxward" -t -c "$DIR/mxward.conf"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[[ "$output" == "$DIR/mxward.conf:11: "*"write"* ]]
}

@test "the stock configuration and every filter are accepted" {
	sed "s|@FILTERS@|$top/filters|" "$top/conf/mxward.conf" >"$DIR/stock.conf"
	printf 'user = "nobody"\ngroup = "nogroup"\n' >>"$DIR/stock.conf"
	run "$build/mxward" -t -c "$DIR/stock.conf"
	echo "$output"
	[ "$status" = 0 ]
}

@test "wrong arguments: one line that says what to do" {
	run "$build/mxward" --nonsense
	[ "$status" = 2 ]
	run "$build/mxward" stray
	[ "$status" = 2 ]
	run "$build/mxward" -t -c /nonexistent
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	run "$build/mxwardctl" stauts
	[ "$status" = 2 ]
	[[ "$output" == *'"status"'* ]]
	run "$build/mxwardctl" --socket "$DIR/nobody" status
	[ "$status" = 3 ]
	[ "${#lines[@]}" = 1 ]
	run "$build/mxwardctl" --socket "$DIR/nobody" ban
	[ "$status" = 2 ]
	run "$build/mxwardctl" test --config "$DIR/mxward.conf" /nonexistent.log
	[ "$status" = 2 ]
}

@test "help and version" {
	for p in mxward mxwardctl; do
		run "$build/$p" --version
		[ "$status" = 0 ]
		[[ "$output" == "$p "* ]]
		run "$build/$p" --help
		[ "$status" = 0 ]
	done
	for c in status bans check ban unban watch reload test; do
		run "$build/mxwardctl" "$c" --help
		[ "$status" = 0 ]
		[[ "$output" == *"mxwardctl $c"* ]]
	done
}

@test "test --json: an object a line, keys that do not apply left out" {
	{
		printf 'Nov 24 13:02:01 mx postfix/smtpd[1]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=joe\n'
		printf 'Nov 24 13:02:02 mx postfix/smtpd[1]: connect from unknown[192.0.2.7]\n'
	} >"$DIR/x.log"
	TZ=UTC run "$build/mxwardctl" test --config "$DIR/mxward.conf" --json \
	    --now 2026-11-24T14:00:00Z "$DIR/x.log"
	echo "$output"
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 2 ]
	[ "$(jq -c '[.file, .line, .verdict, .filter, .time, .host, .user, .count]' <<<"${lines[0]}")" = \
	    "[\"$DIR/x.log\",1,\"failure\",\"postfix-auth\",\"2026-11-24T13:02:01Z\",\"192.0.2.7\",\"joe\",1]" ]
	[ "$(jq -c '[.line, .verdict, has("host"), has("filter")]' <<<"${lines[1]}")" = '[2,"none",false,false]' ]
}

@test "the summary of test names filters, rules and hosts" {
	for i in 1 2 3; do line 192.0.2.$i; done >"$DIR/x.log"
	run "$build/mxwardctl" test --config "$DIR/mxward.conf" "$DIR/x.log"
	echo "$output"
	[ "$status" = 0 ]
	[[ "$output" == *postfix-auth* ]]
	[[ "$output" == *192.0.2.1* ]]
}

# install TARGET [VARIABLE=VALUE…] : make it into DIR/root.
install_into_root() {
	run make -C "$top" --no-print-directory "$1" BUILD="$build" \
	    DESTDIR="$DIR/root" "${@:2}"
	echo "$output"
	[ "$status" = 0 ]
}

@test "make install puts everything in its place, and uninstall takes it away" {
	local share=$DIR/root/usr/local/share
	install_into_root install
	[ -x "$DIR/root/usr/local/sbin/mxward" ]
	[ -x "$DIR/root/usr/local/bin/mxwardctl" ]
	[ -f "$share/man/man8/mxward.8" ]
	[ -f "$share/mxward/filters/postfix-auth.conf" ]
	[ -f "$share/bash-completion/completions/mxwardctl" ]
	[ -f "$share/zsh/site-functions/_mxwardctl" ]
	[ -f "$share/fish/vendor_completions.d/mxwardctl.fish" ]
	grep -q '/usr/local/sbin/mxward' "$DIR/root/usr/local/lib/systemd/system/mxward.service"
	grep -q 'include("/usr/local/share/mxward/filters")' "$DIR/root/etc/mxward/mxward.conf"
	install_into_root uninstall
	[[ "$output" == *"kept: $DIR/root/etc/mxward"* ]]
	[ "$(cd "$DIR/root" && find . -type f)" = ./etc/mxward/mxward.conf ]
}

@test "a second make install leaves the configuration alone and says so" {
	local conf=$DIR/root/etc/mxward/mxward.conf
	install_into_root install
	[[ "$output" != *"kept:"* ]]
	echo "mine" >"$conf"
	install_into_root install
	[[ "$output" == *"kept: $conf"*"$conf.new"* ]]
	[ "$(cat "$conf")" = mine ]
	grep -q '^jail "postfix-auth"' "$conf.new"
	mv "$conf.new" "$conf"
	install_into_root install
	[ ! -e "$conf.new" ]
}

@test "installed man pages name the installed paths" {
	local man=$DIR/root/usr/local/share/man
	install_into_root install
	grep -qx '\.It Pa /usr/local/share/mxward/filters' "$man/man8/mxward.8"
	grep -q '"/usr/local/share/mxward/filters"' "$man/man5/mxward.conf.5"
	run grep -rE '@|[^l]/share/mxward' "$man"
	echo "$output"
	[ "$status" = 1 ]
}

# One value looks like another's default: none must be filled in twice.
@test "other directories: man pages, unit and configuration follow them" {
	local unit=$DIR/root/usr/lib/systemd/system/mxward.service
	local man=$DIR/root/usr/share/man
	make -C "$top" --no-print-directory -s -o all install BUILD="$build" \
	    DESTDIR="$DIR/root" PREFIX=/usr SYSCONFDIR=/opt/etc \
	    STATEDIR=/srv/run/mxward RUNDIR=/srv/etc/mxward
	grep -qx '\.It Pa /usr/share/mxward/filters' "$man/man8/mxward.8"
	grep -qx '\.It Pa /srv/run/mxward/mxward.db' "$man/man8/mxward.8"
	grep -qx '\.Pa /opt/etc/mxward/mxward.conf ;' "$man/man8/mxward.8"
	grep -qx '\.Pa /srv/etc/mxward/control .' "$man/man5/mxward.conf.5"
	grep -q '^ExecStart=/usr/sbin/mxward -f -c /opt/etc/mxward/mxward.conf' "$unit"
	grep -qx 'ReadWritePaths=-/var/spool/postfix/private /srv/run/mxward /srv/etc/mxward' "$unit"
	run grep -E '@|^StateDirectory|^RuntimeDirectory' "$unit"
	[ "$status" = 1 ]
}

@test "the unit has systemd make what is in /var/lib and /run" {
	local unit=$DIR/root/usr/local/lib/systemd/system/mxward.service
	local installed="make -C $top --no-print-directory -s -o all install BUILD=$build DESTDIR=$DIR/root"
	$installed
	grep -qx StateDirectory=mxward "$unit"
	grep -qx RuntimeDirectory=mxward "$unit"
	grep -qx ReadWritePaths=-/var/spool/postfix/private "$unit"
	$installed STATEDIR=/var/lib/mail/ward RUNDIR=/var/run/ward
	grep -qx StateDirectory=mail/ward "$unit"
	grep -qx RuntimeDirectory=ward "$unit"
}

@test "systemd: READY once it stands guard, then WATCHDOG, STOPPING at the end" {
	[ -e /usr/include/systemd/sd-daemon.h ] || skip "built without libsystemd"
	python3 "$lib/notify.py" "$DIR/notify" >"$DIR/notified" 3>&- &
	listener=$!
	wait_for 5 test -S "$DIR/notify"
	NOTIFY_SOCKET=$DIR/notify WATCHDOG_USEC=400000 start_mxward
	wait_for 5 grep -q READY=1 "$DIR/notified"
	wait_for 5 grep -q WATCHDOG=1 "$DIR/notified"
	stop_mxward
	wait_for 5 grep -q STOPPING=1 "$DIR/notified"
	end_pid $listener
}

@test "ten daemons side by side, each with its own bans" {
	base=$DIR
	for i in 0 1 2 3 4 5 6 7 8 9; do
		DIR=$base/$i
		mkdir "$DIR"
		chmod 755 "$DIR"
		touch "$DIR/mail.log"
		conf "source \"mail\" { file = { \"$DIR/mail.log\" } }" \
		    'jail "postfix-auth" { maxretry = 1 }' \
		    "policy { listen = { \"unix:$DIR/policy\" } }"
		start_mxward
		line 192.0.2.$i >>"$DIR/mail.log"
	done
	for i in 0 1 2 3 4 5 6 7 8 9; do
		DIR=$base/$i
		wait_for 5 is_banned 192.0.2.$i
		[ "$(ctl bans --json | wc -l)" = 1 ]
		stop_mxward
	done
	DIR=$base
}

@test "standard input is a source too" {
	conf 'source "in" { stdin = true }' 'jail "postfix-auth" { maxretry = 2 }'
	mkfifo "$DIR/in"
	"$build/mxward" -f -c "$DIR/mxward.conf" <"$DIR/in" 2>>"$DIR/mxward.log" 3>&- &
	echo $! >"$DIR/mxward.pid"
	exec 4>"$DIR/in"
	wait_for 5 ctl status
	line 192.0.2.77 >&4
	line 192.0.2.77 >&4
	wait_for 5 is_banned 192.0.2.77
	exec 4>&-
}

@test "the control socket is closed to strangers" {
	need_root
	start_mxward
	run setpriv --reuid=65533 --regid=65533 --clear-groups \
	    "$build/mxwardctl" --socket "$DIR/control" status
	echo "$output"
	[ "$status" = 3 ]
}

@test "a second mxward on the same state directory ends with one line, and leaves the first one's sockets" {
	start_mxward
	run timeout 20 "$build/mxward" -f -c "$DIR/mxward.conf"
	echo "$output"
	[ "$status" = 1 ]
	[[ "$output" == *"another mxward is running"* ]]
	[ -S "$DIR/policy" ]
	ctl status
}

@test "several addresses at once, a jail's own status, files that are not what they seem" {
	start_mxward
	ctl ban 198.51.100.1 198.51.100.2 --for 1h
	[ "$(ctl bans --json | wc -l)" = 2 ]
	run ctl status manual
	[[ "$output" == *198.51.100.2* ]]
	run ctl unban 198.51.100.1 198.51.100.9
	[ "$status" = 1 ]
	[ "$(ctl bans --json | wc -l)" = 1 ]
	run "$build/mxwardctl" -c "$DIR/missing.conf" status
	[ "$status" = 2 ]
	line 192.0.2.1 | gzip >"$DIR/x.gz"
	run "$build/mxwardctl" test --config "$DIR/mxward.conf" "$DIR/x.gz"
	[ "$status" = 2 ]
	[[ "$output" == *zcat* ]]
}
