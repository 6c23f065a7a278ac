/** Shells that `snapmount completion` knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

// Each asks `snapmount __complete -- WORD…` for candidates, one a line; the first line says what else is to be offered:
// none, directories or all (files).

const BASH = `# bash completion for snapmount; source it, or put it in /etc/bash_completion.d/
_snapmount() {
  local line=\${COMP_LINE:0:COMP_POINT} words current head files candidate
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]} - 1]}
  # readline replaces only what follows the last of these.
  head=\${current%"\${current##*[@:=]}"}
  COMPREPLY=()
  {
    read -r files
    while IFS= read -r candidate; do
      COMPREPLY+=("$(printf '%q' "\${candidate#"$head"}")")
    done
  } < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  case $files in
    directories) while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -d -- "$current") ;;
    all) while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$current") ;;
  esac
  [[ $files == none ]] || compopt -o filenames 2>/dev/null
}
complete -F _snapmount snapmount
`;

const ZSH = `#compdef snapmount
# zsh completion for snapmount; source it, or put it as _snapmount in a directory of $fpath
_snapmount() {
  local -a lines
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  local files=\${lines[1]}
  lines=("\${(@)lines[2,-1]}")
  (( \${#lines} )) && compadd -- "\${lines[@]}"
  case $files in
    directories) _files -/ ;;
    all) _files ;;
  esac
}
if [ "$funcstack[1]" = "_snapmount" ]; then
  _snapmount "$@"
else
  compdef _snapmount snapmount
fi
`;

const FISH = `# fish completion for snapmount; source it, or put it in ~/.config/fish/completions/snapmount.fish
function __snapmount_candidates
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    switch "$lines[1]"
        case directories
            __fish_complete_directories (commandline -ct)
        case all
            __fish_complete_path (commandline -ct)
    end
    printf '%s\\n' $lines[2..-1]
end
complete -c snapmount -f -a '(__snapmount_candidates)'
`;

/** What makes a shell complete commands, options and snapshots of snapmount. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
