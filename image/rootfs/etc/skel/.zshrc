# Yours. The prompt, history and completion come from /etc/zsh/zshrc.
