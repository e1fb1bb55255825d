#!/bin/sh
# Makes the base image of all our images with debootstrap and `docker import`, where no registry of images can be reached.
# It takes the place of `debian:forky-slim`; see docs/how-to/it-docker.md.
#
# usage: docker/base-image/make-base.sh [IMAGE]        (default quang/base:forky; nothing is done when it exists)
# The tag names Debian's release: quang/base:trixie makes one of Debian 13, for all images but Orthanc's.
# Needs root or sudo, debootstrap and a running Docker engine.
# QUANG_DEBIAN_MIRROR  another mirror; http_proxy is honoured, and not written into the image.
set -eu

image=${1:-quang/base:forky}
suite=${image##*:}
mirror=${QUANG_DEBIAN_MIRROR:-http://deb.debian.org/debian}

if docker image inspect "$image" >/dev/null 2>&1; then
    echo "base image $image: present"
    exit 0
fi

if [ "$(id -u)" = 0 ]; then as_root=; else as_root="sudo --preserve-env=http_proxy,no_proxy"; fi
folder=$($as_root mktemp -d "${TMPDIR:-/var/tmp}/quang-base.XXXXXX")
trap '$as_root rm -rf --one-file-system "$folder"' EXIT INT TERM

echo "base image $image: debootstrap of Debian $suite from $mirror …"
# Debian 12's debootstrap knows no release named forky; all releases since are made by the same script.
$as_root debootstrap --variant=minbase --include=ca-certificates \
    "$suite" "$folder/root" "$mirror" /usr/share/debootstrap/scripts/sid >"${TMPDIR:-/tmp}/quang-base.log" 2>&1 || {
    tail -n 20 "${TMPDIR:-/tmp}/quang-base.log" >&2
    echo "debootstrap failed. Is $mirror reachable? Behind a proxy set http_proxy; for a mirror set QUANG_DEBIAN_MIRROR." >&2
    exit 1
}

# What a container does not need, and what would differ from one build to the next.
$as_root sh -eu -c '
    cd "$1"
    printf "#!/bin/sh\nexit 101\n" > usr/sbin/policy-rc.d
    chmod 755 usr/sbin/policy-rc.d
    cat > etc/dpkg/dpkg.cfg.d/slim <<END
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
END
    find usr/share/doc -type f ! -name copyright -delete
    rm -rf usr/share/man/* usr/share/locale/* usr/share/info/* var/lib/apt/lists/* var/cache/apt/*.bin var/cache/apt/archives/*.deb
    rm -rf var/cache/debconf/*-old var/log/* etc/resolv.conf etc/hostname etc/machine-id
' clean "$folder/root"

$as_root tar --numeric-owner -C "$folder/root" -c . |
    docker import --change 'CMD ["bash"]' --change 'ENV LANG=C.UTF-8' - "$image" >/dev/null
docker image inspect --format 'base image {{index .RepoTags 0}}: made, {{.Size}} bytes' "$image"
