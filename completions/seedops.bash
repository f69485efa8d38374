# bash completion for seedops; printed by `seedops completion bash`.
# seedops itself says what can stand there. Its answer is data: names out of a configuration are compared and quoted,
# never expanded, and no word of the line becomes an argument of a process, where others could read a password in it.
_seedops() {
    local cur=${COMP_WORDS[COMP_CWORD]} line word kind
    COMPREPLY=()
    [ "$cur" != = ] || cur=
    while IFS= read -r line; do
        case $line in
        -files | -directories | -programs)
            kind=${line:1:1}                                     # compgen calls programs commands
            [ "$kind" = p ] && kind=c || compopt -o filenames 2>/dev/null
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "-$kind" -- "$cur")
            ;;
        *)
            printf -v word %q "${line%%$'\t'*}"
            [[ $word != "$cur"* ]] || COMPREPLY+=("$word")
            ;;
        esac
    done < <(printf '%s\0' "${COMP_WORDS[@]:1:COMP_CWORD}" | command seedops completion words 2>/dev/null)
}
complete -F _seedops seedops
