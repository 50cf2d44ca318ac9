#compdef mxwardctl
# zsh completion of mxwardctl: `mxwardctl completion zsh`.
_mxwardctl_ask() {
	local -a found
	found=(${(f)"$($ctl completion $argv[-1] 2>/dev/null)"})
	compadd "${(@)argv[1,-2]}" -a found
}
_mxwardctl() {
	local curcontext=$curcontext state line o
	typeset -A opt_args
	local -a common commands ctl
	common=(
			'(-c --config)'{-c,--config}'[the configuration]:FILE:_files'
			'(-s --socket)'{-s,--socket}'[the control socket]:PATH:_files'
			--json'[for programs: one JSON object a line]'
			'(-q --quiet)'{-q,--quiet}'[no answer but the exit status]'
			'(-h --help)'{-h,--help}'[what can be written here]'
			'(-V --version)'{-V,--version}'[the version]'
	)
	commands=(
		'status:what is watched, counted, banned and refused'
		'bans:who is banned, until when, and in which state'
		'check:everything known about a host or network'
		'ban:ban hosts or networks by hand'
		'unban:end bans'
		'watch:failures, bans and refusals as they happen'
		'reload:put a changed configuration in force'
		'test:which rule matches which line, and why'
		'completion:completions for bash, zsh or fish'
		'help:this list, or all about a command'
	)
	_arguments -C $common '1:command:->command' '*::argument:->argument'
	ctl=(mxwardctl)
	for o in -c --config -s --socket; do
		[[ -z $opt_args[$o] ]] || ctl+=($o $opt_args[$o])
	done
	case $state in
	command) _describe command commands ;;
	argument)
		case $words[1] in
		status)
			_arguments $common '1:jail:_mxwardctl_ask jails'
			;;
		bans)
			_arguments $common \
			'(-j --jail)'{-j,--jail}'[only in this jail]:JAIL:_mxwardctl_ask jails'
			;;
		check)
			_arguments $common '1:host:_mxwardctl_ask hosts'
			;;
		ban)
			_arguments $common '*:address:' \
			'(-j --jail)'{-j,--jail}'[only in this jail]:JAIL:_mxwardctl_ask jails' \
			'(-f --for)'{-f,--for}'[how long: 10m, 1h30m, 2d, 1w, forever]:LENGTH:(10m 1h 1d 1w forever)' \
			'(-r --reason)'{-r,--reason}'[why, for those who look later]:TEXT:' \
			--force'[even a friend (ignoreip), or a very large network]'
			;;
		unban)
			_arguments $common '*:host:_mxwardctl_ask hosts' \
			'(-j --jail)'{-j,--jail}'[only in this jail]:JAIL:_mxwardctl_ask jails' \
			--all'[every ban]'
			;;
		watch)
			_arguments $common \
			'(-j --jail)'{-j,--jail}'[only in this jail]:JAIL:_mxwardctl_ask jails'
			;;
		reload)
			_arguments $common
			;;
		test)
			_arguments $common '*:file:_files' \
			'*'{-f,--filter}'[this filter; may be repeated]:NAME:' \
			'(-l --line)'{-l,--line}'[explain this one line, rule by rule]:TEXT:' \
			'(-m --missed)'{-m,--missed}'[kinds of unmatched lines to show (10)]:N:' \
			'(-t --top)'{-t,--top}'[hosts to show (10)]:N:' \
			--samples'[run the samples in the filters instead]' \
			--now'[the time to read years and the future by]:TIME:'
			;;
		completion)
			_arguments $common '1:shell:(bash zsh fish)'
			;;
		help)
			_arguments $common '1:command:->command'
			;;
		esac
		[[ $state != command ]] || _describe command commands
		;;
	esac
}
_mxwardctl "$@"
