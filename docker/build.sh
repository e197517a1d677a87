#!/usr/bin/env bash
# Build the two images, with Docker or with podman, and without network inside the build.
#
#   docker/build.sh [node|coordinator]...      both, unless named
#   BASE=IMAGE docker/build.sh                 a base with Python 3.11 and venv; where there is no registry,
#                                              BASE=debootstrap makes one from Debian's packages
#   SUITE=bookworm MIRROR=URL                  what debootstrap takes
#   PYTHON=.venv/bin/python                    whose pip fetches the wheels
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="${PYTHON:-.venv/bin/python}"
wanted_python="3.11"
base="${BASE:-python:3.11-slim-bookworm}"
sides=("$@")
((${#sides[@]})) || sides=(coordinator node)
PATH="$PATH:/usr/sbin:/sbin"

fail() {
  echo "docker/build.sh: $1" >&2
  exit 1
}

find_engine() {
  if docker info &> /dev/null; then
    engine=docker
    build_options=(--network=none)
  elif command -v podman > /dev/null; then
    engine=podman
    # chroot isolation needs no namespaces or cgroups of its own, so it works inside a container or sandbox too. It
    # cannot take the network away; the steps do not use it (pip --no-index).
    build_options=(--isolation=chroot)
  else
    fail "neither a Docker engine nor podman answers: install podman (Debian: apt-get install podman runc)."
  fi
}

make_base() {
  base="localhost/safeborders-base:${SUITE:-bookworm}"
  "$engine" image inspect "$base" &> /dev/null && return
  command -v debootstrap > /dev/null || fail "debootstrap is missing: install it, or name a base image in BASE."
  [[ "$(id -u)" == 0 ]] || fail "debootstrap needs root: run as root, or name a base image in BASE."
  local root
  root="$(mktemp -d)"
  trap 'rm -rf "$root"' EXIT
  echo "Making $base from Debian's packages (one minute)."
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "${SUITE:-bookworm}" "$root" ${MIRROR:+"$MIRROR"} > "$root.log" 2>&1 || { tail "$root.log" >&2; fail "debootstrap failed."; }
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/* "$root.log"
  tar -C "$root" -c . | "$engine" import - "$base" > /dev/null
  rm -rf "$root"
  trap - EXIT
}

# Wheels are fetched on the host, whose pip knows where to look; a build never sees that configuration.
fetch_wheels() {
  local side="$1" folder="build/wheels/$1"
  mkdir -p "$folder"
  "$python" docker/requirements.py "$side" > "$folder/requirements.txt"
  "$python" -m pip download -qq --only-binary :all: --dest "$folder" -c constraints.txt -r "$folder/requirements.txt" \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"}
}

[[ -x "$python" ]] || fail "$python is not there: run make setup first."
"$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$wanted_python')" \
  || fail "the wheels are fetched by $python, which must be Python $wanted_python as in the image: make clean setup PYTHON=python$wanted_python."
find_engine
[[ "$base" == debootstrap ]] && make_base
for side in "${sides[@]}"; do
  [[ -f "docker/$side.Dockerfile" ]] || fail "there is no image called $side: node or coordinator."
  echo "Building safeborders-$side with $engine."
  fetch_wheels "$side"
  "$engine" build "${build_options[@]}" --build-arg "BASE=$base" -f "docker/$side.Dockerfile" -t "safeborders-$side" .
done
