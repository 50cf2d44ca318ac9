#!/bin/bash
# samples.sh : every filter's own samples, as TAP, a test a filter.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0 rc=0
for f in filters/*.conf; do
	n=$((n + 1))
	name=$(basename "$f" .conf)
	printf 'include("%s")\njail "%s" {}\n' "$PWD/$f" "$name" \
	    >build/check/sample.conf
	if out=$(build/mxwardctl test --samples \
	    --config build/check/sample.conf 2>&1); then
		echo "ok $n - samples of $name"
	else
		echo "not ok $n - samples of $name"
		printf '%s\n' "$out" | sed 's/^/# /' | tail -n 40
		rc=1
	fi
done
echo "1..$n"
exit $rc
