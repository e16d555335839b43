# Completion of compactor for fish. The program itself knows what may come next.

function __compactor_candidates
    set -l typed (commandline -opc)
    set -l current (commandline -ct | string collect)
    if string match -qr '^[\'"]' -- "$current"
        set current (string sub -s 2 -- "$current" | string collect)
    else
        set current (string unescape -- "$current" | string collect)
    end
    for line in ($typed[1] __complete $typed[2..-1] "$current" 2>/dev/null)
        if string match -q ':files *' -- $line
            set -l parts (string split \t -- (string replace ':files ' '' -- $line))
            set -l prefix $parts[1]
            set -l file (string replace -- "$prefix" '' "$current")
            for path in (__fish_complete_path "$file")
                if test -z "$parts[2]"; or string match -qr "(/|\.($parts[2]))(\t|\$)" -- $path
                    echo $prefix$path
                end
            end
        else
            echo $line
        end
    end
end

complete -c compactor -f -k -a '(__compactor_candidates)'
