# Sourced by every command's launcher, which has set `file` (its own path) and `command` (its folder below src).
# The sources are run as they are where they are there; a published package holds only dist.
. "$(dirname "$file")/find-node.sh"
main=$root/src/$command/main.ts
[ -f "$main" ] || main=$root/dist/$command/main.js
# exec, so that signals reach Node. Early releases of Node 24 warn on every start that they strip types.
# A small young generation, and a heap that is searched for what is dead before it has grown threefold: with V8's defaults a
# migration of 10,000 small documents holds 270 MB, so 190 MB, for 5 % more CPU.
exec "$node" --disable-warning=ExperimentalWarning --max-semi-space-size=4 --heap-growing-percent=70 "$main" "$@"
