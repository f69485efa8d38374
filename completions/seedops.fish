# fish completion for seedops; printed by `seedops completion fish`. See the one for bash: the answer is data.
function __seedops_answer
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l prefix (string match -r -- '^--[^=]*=' "$token")
    set -l value (string replace -r -- '^--[^=]*=' '' "$token")
    for line in (printf '%s\0' $words[2..] "$token" | command seedops completion words 2>/dev/null)
        switch $line
            case -files
                printf '%s\n' "$prefix"(__fish_complete_path "$value")
            case -directories
                printf '%s\n' "$prefix"(__fish_complete_directories "$value" '')
            case -programs
                printf '%s\n' (__fish_complete_command)
            case '*'
                printf '%s\n' "$prefix$line"
        end
    end
end
complete -c seedops -f -a '(__seedops_answer)'
