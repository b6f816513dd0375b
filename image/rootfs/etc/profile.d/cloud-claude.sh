# For login shells other than zsh.
[ -n "${LANG-}" ] || [ ! -r /run/cloud-claude-environment ] || . /run/cloud-claude-environment
export EDITOR="${EDITOR:-nano}" NPM_CONFIG_PREFIX="${NPM_CONFIG_PREFIX:-$HOME/.local}"
