#!/bin/sh
# install.sh : what `make install` does; its variables come from the Makefile.
# An existing configuration is never touched: a new one lies beside it.
set -eu

: "${BUILD:?}" "${VERSION:?}" "${SBINDIR:?}" "${BINDIR:?}" "${MANDIR:?}"
: "${SHAREDIR:?}" "${DATADIR:?}" "${SYSCONFDIR:?}" "${STATEDIR:?}"
: "${RUNDIR:?}" "${UNITDIR:?}"
D=${DESTDIR:-}
conf=$SYSCONFDIR/mxward/mxward.conf
bash=$SHAREDIR/bash-completion/completions/mxwardctl
zsh=$SHAREDIR/zsh/site-functions/_mxwardctl
fish=$SHAREDIR/fish/vendor_completions.d/mxwardctl.fish

# On a live system, users and services are ours; a package's own scripts see to
# them for a DESTDIR.
live() { [ -z "$D" ]; }
systemd() { live && [ -d /run/systemd/system ]; }

put() { install -D -m "$1" "$2" "$D$3"; }

fill() {
	sed -e "s|@SBINDIR@|$SBINDIR|g; s|@SYSCONFDIR@|$SYSCONFDIR|g" \
	    -e "s|@FILTERS@|$DATADIR/filters|g" "$1"
}

# Man pages can be read in the tree, with the usual paths. All are found before
# one is put in, or a new one could look like another's old one.
page() {
	sed -e 's|/usr/share/mxward|@DATADIR@|g; s|/etc/mxward|@CONFDIR@|g' \
	    -e 's|/var/lib/mxward|@STATEDIR@|g; s|/run/mxward|@RUNDIR@|g' "$1" |
	sed -e "s|@DATADIR@|$DATADIR|g; s|@CONFDIR@|$SYSCONFDIR/mxward|g" \
	    -e "s|@STATEDIR@|$STATEDIR|g; s|@RUNDIR@|$RUNDIR|g" >"$tmp"
	put 644 "$tmp" "$2"
}

# systemd makes directories in /var/lib and /run, and lets the service write
# nowhere else without a word.
unit() {
	case $STATEDIR in
	/var/lib/?*)
		set -- -e "s|^\(StateDirectory\)=.*|\1=${STATEDIR#/var/lib/}|" ;;
	*)
		set -- -e '/^StateDirectory/d' \
		    -e "s|^ReadWritePaths=.*|& $STATEDIR|" ;;
	esac
	case $RUNDIR in
	/run/?* | /var/run/?*)
		run=${RUNDIR#/var}
		set -- "$@" -e "s|^\(RuntimeDirectory\)=.*|\1=${run#/run/}|" ;;
	*)
		set -- "$@" -e '/^RuntimeDirectory/d' \
		    -e "s|^ReadWritePaths=.*|& $RUNDIR|" ;;
	esac
	fill contrib/systemd/mxward.service.in | sed "$@"
}

make_user() {
	! getent passwd mxward >/dev/null || return 0
	if command -v useradd >/dev/null; then
		useradd --system --user-group --no-create-home \
		    --home-dir "$STATEDIR" --shell /usr/sbin/nologin mxward
	else
		addgroup -S mxward
		adduser -S -D -H -h "$STATEDIR" -s /sbin/nologin -G mxward mxward
	fi
	echo "created: the system user mxward"
}

# What is there already stays its owner's.
make_directories() {
	[ -e "$STATEDIR" ] ||
	    install -d -m 750 -o mxward -g mxward "$STATEDIR"
	case $RUNDIR in
	/run/* | /var/run/*) ;;
	*) [ -e "$RUNDIR" ] || install -d -m 755 "$RUNDIR" ;;
	esac
}

uninstall() {
	if systemd && { systemctl -q is-active mxward ||
	    systemctl -q is-enabled mxward; } 2>/dev/null; then
		echo "mxward is in use: first, systemctl disable --now mxward" >&2
		exit 1
	fi
	rm -f "$D$SBINDIR/mxward" "$D$BINDIR/mxwardctl" \
	    "$D$MANDIR/man8/mxward.8" "$D$MANDIR/man8/mxwardctl.8" \
	    "$D$MANDIR/man5/mxward.conf.5" "$D$MANDIR/man5/mxward-filter.5" \
	    "$D$bash" "$D$zsh" "$D$fish" "$D$UNITDIR/mxward.service"
	rm -rf "$D$DATADIR"
	echo "kept: $D$SYSCONFDIR/mxward (configuration)"
	echo "kept: $D$STATEDIR (bans and counts)"
	live || return 0
	if getent passwd mxward >/dev/null; then
		echo "kept: the system user mxward (userdel mxward)"
	fi
	echo "next: take check_policy_service … mxward out of Postfix's main.cf"
}

install_files() {
	put 755 "$BUILD/mxward" "$SBINDIR/mxward"
	put 755 "$BUILD/mxwardctl" "$BINDIR/mxwardctl"
	page src/daemon/mxward.8 "$MANDIR/man8/mxward.8"
	page src/ctl/mxwardctl.8 "$MANDIR/man8/mxwardctl.8"
	page conf/mxward.conf.5 "$MANDIR/man5/mxward.conf.5"
	page filters/mxward-filter.5 "$MANDIR/man5/mxward-filter.5"
	for f in filters/*.conf; do
		put 644 "$f" "$DATADIR/filters/${f#filters/}"
	done
	put 644 contrib/completion/mxwardctl.bash "$bash"
	put 644 contrib/completion/mxwardctl.zsh "$zsh"
	put 644 contrib/completion/mxwardctl.fish "$fish"
	unit >"$tmp"
	put 644 "$tmp" "$UNITDIR/mxward.service"
}

install_conf() {
	fill conf/mxward.conf >"$tmp"
	if [ ! -e "$D$conf" ]; then
		put 644 "$tmp" "$conf"
	elif cmp -s "$tmp" "$D$conf"; then
		rm -f "$D$conf.new"
	else
		put 644 "$tmp" "$conf.new"
		echo "kept: $D$conf, as you have it;" \
		    "the one of $VERSION lies beside it: $D$conf.new"
	fi
}

# The commands that put what was installed to use.
what_next() {
	[ -n "$before" ] || echo "next: edit $conf"
	echo "next: $SBINDIR/mxward -t"
	if systemd && systemctl -q is-active mxward 2>/dev/null; then
		echo "next: systemctl restart mxward"
	elif systemd; then
		echo "next: systemctl enable --now mxward"
	elif [ -z "$before" ]; then
		echo "next: $SBINDIR/mxward"
	else
		echo "next: end the mxward that runs, and start $SBINDIR/mxward"
	fi
}

case ${1:-install} in
install) ;;
uninstall)
	uninstall
	exit 0
	;;
*)
	echo "usage: install.sh [install|uninstall]" >&2
	exit 2
	;;
esac

tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
before=
[ ! -e "$D$SBINDIR/mxward" ] || before=yes
install_files
echo "installed: $D$SBINDIR/mxward $VERSION${before:+, over the one that was there}"
install_conf
live || exit 0
if [ "$(id -u)" = 0 ]; then
	make_user
	make_directories
	! systemd || systemctl daemon-reload
fi
what_next
