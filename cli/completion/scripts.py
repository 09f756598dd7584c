"""The scripts that shells run; each asks the program and takes one answer from each line.

The questions are in variables: COMP_LINE is the command line up to the cursor. What the program
says on stderr is dropped, for it would be written into the line that is being typed.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BASH", "FISH", "POWERSHELL", "ZSH"]

# click's own script gives the words as bash breaks them, also at `:` and `=`: of an endpoint
# nothing is left. Here the line is given, and in COMP_WORD the end of it that readline will
# replace by an answer. Bash inserts answers as they are, so they come quoted.
BASH: Final = """\
%(complete_func)s() {
    local answer
    COMPREPLY=()
    while IFS= read -r answer; do
        case $answer in
            file,*) compopt -o default ;;
            folder,*) compopt -o nospace; COMPREPLY+=("${answer#*,}") ;;
            plain,*) COMPREPLY+=("${answer#*,}") ;;
        esac
    done < <(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="$2" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

# The words are given as zsh has them, each in $'...' so that they stay apart. `compadd` without
# -Q quotes what it inserts; `_describe` would take colons and backslashes out of the names.
ZSH: Final = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local answer
    local -a answers fields plain folders described shown
    (( $+commands[%(prog_name)s] )) || return 1
    answers=("${(@f)$(env COMP_LINE="${(j: :)${(@qqqq)words[1,CURRENT-1]}} \\
${(qqqq):-$QIPREFIX$IPREFIX$PREFIX}" \\
        %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    for answer in $answers; do
        fields=("${(@ps:\\t:)answer}")
        case $fields[1] in
            (plain)
                if [[ -n $fields[3] ]]; then
                    described+=("$fields[2]")
                    shown+=("$fields[2]  -- $fields[3]")
                else
                    plain+=("$fields[2]")
                fi ;;
            (folder) folders+=("$fields[2]") ;;
            (file)
                [[ $PREFIX == -*=* ]] && compset -P 1 '*='
                _path_files -f ;;
        esac
    done
    (( $#described )) && compadd -U -V described -l -d shown -a described
    (( $#plain )) && compadd -U -V plain -a plain
    (( $#folders )) && compadd -U -V folders -S '' -a folders
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    # autoload from fpath, call function directly
    %(complete_func)s "$@"
else
    # eval/source/. command, register function for later
    compdef %(complete_func)s %(prog_name)s
fi
"""

# Fish escapes what it inserts, and takes descriptions after a tab, so answers need no other form.
FISH: Final = """\
function %(complete_func)s
    env %(complete_var)s=fish_complete COMP_LINE=(commandline -cp | string collect) \\
        %(prog_name)s 2>/dev/null
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

# PowerShell inserts the first field as it is, so it comes quoted. The fields are ASCII with
# \\uXXXX for all else: what the console takes for the program's encoding may be wrong, and wrongly
# decoded letters can become quotes.
POWERSHELL: Final = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.Extent.Text
    $typed = $cursorPosition - $commandAst.Extent.StartOffset
    if ($typed -gt $line.Length) {
        $line += " "
    } elseif ($typed -ge 0) {
        $line = $line.Substring(0, $typed)
    }
    $env:COMP_LINE = $line
    $env:%(complete_var)s = "powershell_complete"
    try {
        %(prog_name)s 2>$null | ForEach-Object {
            $word, $shown, $tip = $_ -split "`t" | ForEach-Object { [regex]::Unescape($_) }
            [System.Management.Automation.CompletionResult]::new(
                $word, $shown, 'ParameterValue', $tip)
        }
    } finally {
        Remove-Item Env:COMP_LINE
        Remove-Item Env:%(complete_var)s
    }
}
"""
