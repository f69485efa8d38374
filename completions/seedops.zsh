#compdef seedops
# zsh completion for seedops; printed by `seedops completion zsh`. See the one for bash: the answer is data.
_seedops() {
    local line IFS=
    local -a asked values shown
    asked=("${(@Q)words[2,CURRENT]}")
    compset -P '--*='
    while read -r line; do
        case $line in
        (-files) _files ;;
        (-directories) _files -/ ;;
        (-programs) _command_names -e ;;
        (*)
            values+=("${line%%$'\t'*}")
            shown+=("${line/$'\t'/  -- }")
            ;;
        esac
    done < <(printf '%s\0' "${asked[@]}" | command seedops completion words 2>/dev/null)
    (( ! ${#values} )) || compadd -l -d shown -a -- values
}
# read by `.` it registers itself, found in fpath it is the function
if [[ ${funcstack[1]-} == _seedops ]]; then _seedops "$@"; else compdef _seedops seedops; fi
