# What zsh offers for a line that is typed: zsh -f complete-in.zsh COMPLETION-SCRIPT OUTPUT-FILE LINE
# An interactive shell on a terminal of its own types the line and Tab, and writes down every match that it is given.
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner "PS1= ; unsetopt zle_bracketed_paste 2>/dev/null; autoload -U compinit; compinit -u -D; source ${(q)1}"
zpty -w inner "compadd() {
  if (( \${@[(I)-[OAD]]} )) { builtin compadd \"\$@\"; return }
  local -a found
  builtin compadd -O found \"\$@\"
  print -rl -- \$found >>${(q)2}
  builtin compadd \"\$@\"
}"
zpty -w inner "done-completing() { print done >>${(q)2}; zle kill-whole-line; exit }; zle -N done-completing; bindkey '^X' done-completing"
zpty -w inner "print ready"
zpty -r -m inner line '*ready*ready*'
zpty -w -n inner "$3"$'\t\x18'
zpty -r -m inner line '*no such output*' 2>/dev/null
zpty -d inner
