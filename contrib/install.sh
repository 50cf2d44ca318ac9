#!/bin/sh
# install.sh : what `make install` does; its variables come from the Makefile.
# An existing configuration is never touched: a new one lies beside it.
set -eu

: "${BUILD:?}" "${SBINDIR:?}" "${BINDIR:?}" "${MANDIR:?}" "${DATADIR:?}"
: "${SYSCONFDIR:?}" "${STATEDIR:?}" "${UNITDIR:?}"
D=${DESTDIR:-}

put() { install -D -m "$1" "$2" "$D$3"; }

fill() {
	sed -e "s|@SBINDIR@|$SBINDIR|g; s|@SYSCONFDIR@|$SYSCONFDIR|g" \
	    -e "s|@FILTERS@|$DATADIR/filters|g" "$1"
}

case ${1:-install} in
install) ;;
uninstall)
	rm -f "$D$SBINDIR/mxward" "$D$BINDIR/mxwardctl" \
	    "$D$MANDIR/man8/mxward.8" "$D$MANDIR/man8/mxwardctl.8" \
	    "$D$MANDIR/man5/mxward.conf.5" "$D$MANDIR/man5/mxward-filter.5" \
	    "$D$UNITDIR/mxward.service"
	rm -rf "$D$DATADIR"
	echo "kept: $D$SYSCONFDIR/mxward and $D$STATEDIR"
	exit 0
	;;
*)
	echo "usage: install.sh [install|uninstall]" >&2
	exit 2
	;;
esac

put 755 "$BUILD/mxward" "$SBINDIR/mxward"
put 755 "$BUILD/mxwardctl" "$BINDIR/mxwardctl"
put 644 src/daemon/mxward.8 "$MANDIR/man8/mxward.8"
put 644 src/ctl/mxwardctl.8 "$MANDIR/man8/mxwardctl.8"
put 644 conf/mxward.conf.5 "$MANDIR/man5/mxward.conf.5"
put 644 filters/mxward-filter.5 "$MANDIR/man5/mxward-filter.5"
for f in filters/*.conf; do
	put 644 "$f" "$DATADIR/filters/${f#filters/}"
done
for f in contrib/completion/*; do
	put 644 "$f" "$DATADIR/completion/${f##*/}"
done

tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
fill contrib/systemd/mxward.service.in >"$tmp"
put 644 "$tmp" "$UNITDIR/mxward.service"
fill conf/mxward.conf >"$tmp"
conf=$SYSCONFDIR/mxward/mxward.conf
if [ -e "$D$conf" ]; then
	cmp -s "$tmp" "$D$conf" || put 644 "$tmp" "$conf.new"
else
	put 644 "$tmp" "$conf"
fi

# A live system gets the user; a package's own scripts do it for a DESTDIR.
if [ -z "$D" ] && [ "$(id -u)" = 0 ]; then
	if ! getent passwd mxward >/dev/null; then
		useradd --system --user-group --no-create-home \
		    --home-dir "$STATEDIR" --shell /usr/sbin/nologin mxward
	fi
	install -d -m 750 -o mxward -g mxward "$STATEDIR"
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		echo "next: edit $conf, then: systemctl enable --now mxward"
	else
		echo "next: edit $conf, then: $SBINDIR/mxward"
	fi
fi
