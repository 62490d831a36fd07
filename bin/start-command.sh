# Sourced by every command's launcher, which has set `file` (its own path) and `command` (its folder below src).
# The sources are run as they are where they are there; a published package holds only dist.
. "$(dirname "$file")/find-node.sh"
main=$root/src/$command/main.ts
[ -f "$main" ] || main=$root/dist/$command/main.js
# exec, so that signals reach Node. Early releases of Node 24 warn on every start that they strip types.
# A small young generation: with the default one, V8 lets some 100 MB of what is long dead lie about, and is no faster.
exec "$node" --disable-warning=ExperimentalWarning --max-semi-space-size=4 "$main" "$@"
