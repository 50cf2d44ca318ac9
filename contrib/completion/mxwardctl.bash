# bash completion of mxwardctl: `mxwardctl completion bash`.
_mxwardctl()
{
	local cur=${COMP_LINE:0:COMP_POINT} prev cmd= skip= words= opts= i w
	local ctl=("${COMP_WORDS[0]}")
	cur=${cur##* }
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		w=${COMP_WORDS[i]}
		if [[ $skip ]]; then
			ctl+=("$w") skip=
		elif [[ $w == -c || $w == -s || $w == --config || $w == --socket ]]; then
			ctl+=("$w") skip=1
		elif [[ $w != -* && -z $cmd ]]; then
			cmd=$w
		fi
	done
	COMPREPLY=()
	case $cmd in
	'')
		words="status bans check ban unban watch reload test completion help"
		opts=" --config --socket --json --quiet --help --version"
		;;
	status)
		words="$("${ctl[@]}" completion jails)"
		opts=" --config --socket --json --quiet --help --version"
		;;
	bans)
		words=""
		opts=" --jail --config --socket --json --quiet --help --version"
		;;
	check)
		words="$("${ctl[@]}" completion hosts)"
		opts=" --config --socket --json --quiet --help --version"
		;;
	ban)
		words=""
		opts=" --jail --for --reason --force --config --socket --json --quiet --help --version"
		;;
	unban)
		words="$("${ctl[@]}" completion hosts)"
		opts=" --jail --all --config --socket --json --quiet --help --version"
		;;
	watch)
		words=""
		opts=" --jail --config --socket --json --quiet --help --version"
		;;
	reload)
		words=""
		opts=" --config --socket --json --quiet --help --version"
		;;
	test)
		words=""
		opts=" --filter --line --missed --top --samples --now --config --socket --json --quiet --help --version"
		;;
	completion)
		words="bash zsh fish"
		opts=" --config --socket --json --quiet --help --version"
		;;
	help)
		words="status bans check ban unban watch reload test completion help"
		opts=" --config --socket --json --quiet --help --version"
		;;
	esac
	case $prev in
	-j | --jail)
		words=$("${ctl[@]}" completion jails)
		;;
	--for)
		words="10m 1h 1d 1w forever"
		;;
	-c | --config | -s | --socket)
		words=
		;;
	esac
	[[ $cur != -* ]] || words=$opts
	if [[ -z $words && ( $cmd == test || $prev == -* ) ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	# What stands before a colon is no longer part of the word.
	[[ $COMP_WORDBREAKS != *:* ]] ||
		COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
}
complete -F _mxwardctl mxwardctl
