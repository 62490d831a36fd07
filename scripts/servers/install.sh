#!/usr/bin/env bash
# Installs what the servers and programs for tests need beyond npm packages: scripts/servers/install.sh
# As root on Debian it installs the missing ones of its packages, and nothing of them is started; anywhere else it says
# what is left out. May be repeated. The servers written in Go are built when they are first started, where Go is.
set -euo pipefail

packages=(
  swift swift-proxy swift-account swift-container swift-object memcached python3-swiftclient
  keystone python3-keystonemiddleware
  pgbouncer
  python3-venv
  chromium fonts-dejavu-core
  zsh fish mandoc
  tmux
  docker-compose postgresql-client
)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done

if ! command -v go >/dev/null; then
  echo 'left out unless they were built before, because Go is not here: versitygw, minio'
fi
if [ ${#missing[@]} -eq 0 ]; then
  echo 'every Debian package that the servers need is installed'
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "left out, because only root can install them, and only on Debian: ${missing[*]}"
  exit 0
fi

# Packages of servers start them at once, unless this says no. The tests start their own, on ports of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

echo "installing ${missing[*]}"
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
