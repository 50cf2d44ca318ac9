#!/bin/bash
# run.sh BUILD/fuzz SECONDS : each target over its corpus, then on its own.
set -eu
dir=$1 seconds=$2
cd "$(dirname "$0")/../.."
for t in "$dir"/fuzz_*; do
	[ -x "$t" ] && [ ! -d "$t" ] || continue
	case $t in *.d | *.o) continue ;; esac
	name=${t##*/fuzz_}
	mkdir -p "build/corpus/$name"
	echo "fuzz $name"
	# New finds go to build/; the kept corpus is tests/fuzz/corpus.
	"$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
	    -print_final_stats=0 -verbosity=0 -artifact_prefix=build/ \
	    "build/corpus/$name" "tests/fuzz/corpus/$name"
done
