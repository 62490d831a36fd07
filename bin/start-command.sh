# Sourced by every command's launcher, which has set `file` (its own path) and `command` (its folder below src).
# The sources are run as they are where they are there; a published package holds only dist.
. "$(dirname "$file")/find-node.sh"
main=$root/src/$command/main.ts
[ -f "$main" ] || main=$root/dist/$command/main.js
# exec, so that signals reach Node. Early releases of Node 24 warn on every start that they strip types.
exec "$node" --disable-warning=ExperimentalWarning "$main" "$@"
