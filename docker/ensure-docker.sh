#!/bin/sh
# Makes sure that a Docker engine answers: installs Debian's packages when there are none, starts dockerd when none runs.
# Does nothing on a machine with a working Docker. Needs root or sudo otherwise.
#
# An engine that this script starts runs with --iptables=false: it changes no firewall rule of this machine. Published
# ports, networks and names of containers work; containers reach this machine and each other, and no outside network
# (images are built with the host's network). For production install Docker the usual way and let systemd start it.
# QUANG_DOCKERD_OPTIONS replaces those options. The log is /var/log/quang-dockerd.log; stop it with
# `kill $(cat /run/docker.pid)` once nothing runs.
set -eu

if docker info >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi

if ! command -v dockerd >/dev/null; then
    command -v apt-get >/dev/null || { echo "install Docker by hand: this is no Debian" >&2; exit 1; }
    echo "installing Docker from Debian's packages …"
    $as_root apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null
    packages=docker.io
    # Debian 12: docker-compose (1.29). Debian 13 and later: client, BuildKit and Compose come as packages of their own.
    for name in docker-cli docker-buildx docker-compose iptables; do
        if apt-cache show "$name" >/dev/null 2>&1; then packages="$packages $name"; fi
    done
    # shellcheck disable=SC2086 (a list of words)
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 \
        -o DPkg::Lock::Timeout=300 install $packages >/dev/null
fi
if ! command -v debootstrap >/dev/null; then
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install debootstrap >/dev/null
fi
if docker info >/dev/null 2>&1; then exit 0; fi # the package's service has started it

echo "starting dockerd …"
log=/var/log/quang-dockerd.log
options=${QUANG_DOCKERD_OPTIONS:---iptables=false --ip6tables=false}
# shellcheck disable=SC2086 (options are words)
$as_root sh -c 'nohup setsid dockerd "$@" >"$0" 2>&1 </dev/null &' "$log" $options
for _ in $(seq 60); do
    if $as_root docker info >/dev/null 2>&1; then
        docker info >/dev/null 2>&1 || { echo "dockerd runs, but $(id -un) may not talk to it: join the group docker" >&2; exit 1; }
        exit 0
    fi
    sleep 1
done
$as_root tail -n 20 "$log" >&2
echo "dockerd did not start; whole log: $log" >&2
exit 1
