#!/usr/bin/env bats
# Killed at any moment, mxward ends as if it had never been (lib/killer.py).
# The seed is printed: MXWARD_SEED=… bats tests/system/kill.bats repeats.

load lib/common
PORT=23200

setup_file() {
	[ "$(id -u)" = 0 ] || return 0
	make_dir
}

teardown_file() {
	[ "$(id -u)" = 0 ] || return 0
	clean_up
}

setup() { need_root; }

killer() {
	MXWARD_SEED=${MXWARD_SEED:-$((RANDOM * 32768 + RANDOM))}
	export MXWARD_SEED
	echo "# seed $MXWARD_SEED" >&3
	mkdir "$DIR/$BATS_TEST_NUMBER"
	chmod 755 "$DIR/$BATS_TEST_NUMBER"
	python3 "$lib/killer.py" --mxward "$build/mxward" \
	    --genlog "$build/bench/genlog" --dir "$DIR/$BATS_TEST_NUMBER" \
	    --port $PORT "$@" 3>&-
}

@test "200 kills of every process while 200,000 lines are written and rotated: same bans, same counters" {
	killer
}

@test "the same with a log of a year ago, whose bans are over when they are read" {
	killer --lines 50000 --kills 50 --seconds 12 --age 31536000
}
