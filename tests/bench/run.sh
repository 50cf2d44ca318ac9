#!/bin/bash
# run.sh BUILD [--quick] [--json] [ROW…] : measure mxward, as ratios against
# what runs on the same machine in the same minute, and print one table.
#
#   --quick, BENCH_QUICK=1   a smaller run (less than a minute)
#   --json                   the table as JSON instead
#   BENCH_JSON=FILE          the table as JSON into FILE besides
#   BENCH_FILTERS=DIR        other filters than the project's own
#   ROW                      only these: lines policy backlog reaction nft
#                            restart memory
#
# Numbers never make it fail; a wrong answer or a wrong count does.
set -eu
build=$(realpath "${1:?usage: run.sh BUILD [--quick] [--json] [ROW…]}")
shift
command -v python3 >/dev/null || {
	echo "bench: needs python3: run \`make deps-test\`" >&2
	exit 1
}
exec python3 -B "$(dirname "$0")/bench.py" "$build" "$@"
