#!/bin/bash
# run.sh BUILD : mxward in the foreground with conf/quickstart.conf, on a log
# of its own under BUILD/run.
set -eu
build=$(realpath "$1")
top=$(realpath "$(dirname "$0")/..")
dir=$build/run
mkdir -p "$dir"
touch "$dir/mail.log"
sed -e "s|@TOP@|$top|; s|@RUN@|$dir|g; s|@PORT@|${PORT:-10040}|" \
    "$top/conf/quickstart.conf" >"$dir/mxward.conf"
if [ "$(id -u)" = 0 ]; then
	printf 'user = "nobody"\ngroup = "nogroup"\n' >>"$dir/mxward.conf"
fi
echo "lines go to $dir/mail.log; ask with $build/mxwardctl -c $dir/mxward.conf status"
exec "$build/mxward" -f -c "$dir/mxward.conf"
