#!/bin/sh
# deps.sh build|test : install what is missing, with the system's package
# manager. Nothing is done where everything is there already.
set -eu

kind=${1:?usage: deps.sh build|test}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null 2>&1; then sudo "$@"
	elif command -v doas >/dev/null 2>&1; then doas "$@"
	else
		echo "deps: run this as root, or install sudo: $*" >&2
		exit 1
	fi
}

debian() {
	list="gcc libc6-dev make pkg-config bash libevent-dev libpcre2-dev
	    libconfuse-dev libsqlite3-dev libjansson-dev libnftables-dev
	    libmnl-dev libsystemd-dev libseccomp-dev libcap-ng-dev libmilter-dev"
	[ "$kind" = build ] || list="$list libcmocka-dev bats clang
	    libclang-rt-14-dev clang-format mandoc shellcheck jq sqlite3
	    iproute2 nftables netcat-openbsd python3 tzdata postfix dovecot-core
	    dovecot-imapd dovecot-pop3d systemd-journal-remote procps"
	missing=
	for p in $list; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" \
		    2>/dev/null)" = installed ] || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	echo "deps: installing$missing"
	# Postfix asks nothing and starts nothing: the tests run their own.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >/dev/null
	# shellcheck disable=SC2086 # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y \
	    --no-install-recommends install $missing >/dev/null
}

fedora() {
	list="gcc make pkgconf-pkg-config bash libevent-devel pcre2-devel
	    libconfuse-devel sqlite-devel jansson-devel nftables-devel
	    libmnl-devel systemd-devel libseccomp-devel libcap-ng-devel
	    sendmail-milter-devel"
	[ "$kind" = build ] || list="$list libcmocka-devel bats clang
	    compiler-rt clang-tools-extra mandoc ShellCheck jq sqlite iproute
	    nftables nmap-ncat python3 postfix dovecot systemd-journal-remote
	    procps-ng"
	# shellcheck disable=SC2086
	rpm -q $list >/dev/null 2>&1 || as_root dnf -q -y install $list
}

alpine() {
	list="gcc musl-dev make pkgconf bash libevent-dev pcre2-dev confuse-dev
	    sqlite-dev jansson-dev nftables-dev libmnl-dev libseccomp-dev
	    libcap-ng-dev libmilter-dev linux-headers"
	[ "$kind" = build ] || list="$list cmocka-dev bats clang compiler-rt
	    clang-extra-tools mandoc shellcheck jq sqlite iproute2 nftables
	    netcat-openbsd python3 postfix dovecot dovecot-pop3d procps"
	# shellcheck disable=SC2086
	apk info -e $list >/dev/null 2>&1 || as_root apk add -q $list
}

freebsd() {
	list="pkgconf gmake bash libevent pcre2 libconfuse sqlite3 jansson"
	[ "$kind" = build ] || list="$list cmocka bats-core mandoc
	    hs-ShellCheck jq python3 postfix dovecot"
	# shellcheck disable=SC2086
	as_root pkg install -q -y $list
}

if command -v apt-get >/dev/null 2>&1; then debian
elif command -v dnf >/dev/null 2>&1; then fedora
elif command -v apk >/dev/null 2>&1; then alpine
elif command -v pkg >/dev/null 2>&1; then freebsd
else
	echo "deps: no apt-get, dnf, apk or pkg here: install libevent, PCRE2," \
	    "libconfuse, SQLite and jansson with their headers by hand" >&2
	exit 1
fi
