#!/bin/bash
# run.sh PROGRAM… : run unit tests, as TAP on standard output.
set -u
n=0 rc=0
for t in "$@"; do
	name=$(basename "$t")
	out=$(CMOCKA_MESSAGE_OUTPUT=TAP CMOCKA_XML_FILE='' \
	    timeout 300 "$t" 2>&1)
	status=$?
	seen=0
	while IFS= read -r line; do
		case $line in
		"not ok "*"# SKIP "*) # as cmocka says that a test was skipped
			n=$((n + 1)) seen=$((seen + 1))
			echo "ok $n - $name: ${line##*# SKIP } # skip"
			;;
		"ok "* | "not ok "*)
			n=$((n + 1)) seen=$((seen + 1))
			echo "$line" |
			    sed -E "s/^((not )?ok) [0-9]+ -? ?/\1 $n - $name: /"
			;;
		*) echo "# $line" ;;
		esac
	done <<<"$out"
	if [ $status -ne 0 ] && ! grep -q '^not ok' <<<"$out"; then
		n=$((n + 1))
		echo "not ok $n - $name ended with status $status after $seen tests"
	fi
	[ $status -eq 0 ] || rc=1
done
echo "1..$n"
exit $rc
