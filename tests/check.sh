#!/bin/bash
# check.sh : every test there is, suite by suite, and one line of sums at the
# end. A suite's output is TAP; what cannot run where it stands says why.
set -u
cd "$(dirname "$0")/.." || exit 1
out=build/check
rm -rf $out
mkdir -p $out
passed=0 failed=0 skipped=0

# suite NAME COMMAND… : run it, show what is not plain success, add it up.
suite() {
	local name=$1 rc t0=$SECONDS
	shift
	echo "== $name"
	"$@" >"$out/$name.tap" 2>"$out/$name.err"
	rc=$?
	local ok no sk
	sk=$(grep -ciE '^ok .*# skip' "$out/$name.tap")
	ok=$(($(grep -cE '^ok ' "$out/$name.tap") - sk))
	no=$(grep -cE '^not ok ' "$out/$name.tap")
	if [ $rc -ne 0 ] && [ "$no" -eq 0 ]; then
		no=1
		echo "not ok - $name ended with status $rc"
		tail -n 40 "$out/$name.err" "$out/$name.tap"
	elif [ "$no" -gt 0 ]; then
		grep -E -A 25 '^not ok ' "$out/$name.tap" | head -n 200
		tail -n 40 "$out/$name.err"
	fi
	grep -iE '^ok .*# skip' "$out/$name.tap"
	echo "   $ok passed, $no failed, $sk skipped ($((SECONDS - t0)) s)"
	passed=$((passed + ok)) failed=$((failed + no)) skipped=$((skipped + sk))
}

# one NAME COMMAND… : a suite that is one test.
one() {
	local name=$1
	shift
	suite "$name" bash -c '
		if out=$("$@" 2>&1); then echo "ok 1 - $0"
		else echo "not ok 1 - $0"; printf "%s\n" "$out" | tail -n 60
		fi' "$name" "$@"
}

make_q() { make --no-print-directory -s -j2 "$@"; }

# One set of flags for all that follows, or make would build all of it again.
export CFLAGS="-O2 -g -Werror"
one build make --no-print-directory -s -j2 all
one build-clang make --no-print-directory -s -j2 BUILD=build/clang CC=clang \
    CFLAGS="-O1 -Werror" HARDEN= all
one format make --no-print-directory format-check
one shell sh -c 'shellcheck -S warning -x tests/*.sh tests/*/*.sh tests/system/lib/*-up \
    contrib/*.sh .ci/run'
one man sh -c 'for m in $(find src conf filters -name "*.[58]"); do
    mandoc -Tlint -W warning "$m" || exit 1; done'
suite unit make_q unit
suite samples bash tests/samples.sh
suite sanitize make_q sanitize
one fuzz make --no-print-directory -s -j2 fuzz FUZZTIME="${FUZZTIME:-5}"
suite system make_q system

echo
sum="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || sum="$sum, $skipped skipped"
echo "$sum"
[ "$failed" -eq 0 ] || exit 1
if [ "${CI:-}" = true ] && [ "$skipped" -gt 0 ]; then
	echo "in CI nothing may be skipped" >&2
	exit 1
fi
