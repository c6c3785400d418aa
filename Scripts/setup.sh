#!/usr/bin/env bash
# Installs what the named task needs beyond Swift, make and git, and says what it does.
#
#   Scripts/setup.sh build|test|objects|captures
#
# With everything in place it does nothing. Without apt-get it names what is missing and goes on:
# the libraries may be there under other names.
set -euo pipefail

task=${1:-build}

# Needed to compile: without these the build stops.
build=(libpcap-dev pkg-config)
# Needed to show more: a test that misses one of these says so and is skipped.
test=(xdp-tools libxdp1 libbpf-tools iproute2 binutils)
# Needed to compile BPF sources: libbpf's headers and the kernel's.
objects=(libbpf-dev linux-libc-dev)
# Needed to record traffic between network namespaces.
captures=(tcpdump iproute2 iputils-ping python3)

case $task in
build) required=("${build[@]}") optional=() ;;
test) required=("${build[@]}") optional=("${test[@]}") ;;
objects) required=("${objects[@]}") optional=() ;;
captures) required=("${build[@]}" "${captures[@]}") optional=() ;;
*)
  echo "setup: unknown task '$task' (build, test, objects, captures)" >&2
  exit 64
  ;;
esac

say() { echo "setup: $*" >&2; }

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

command -v swift >/dev/null || {
  say "swift is not on the path; install Swift 6.2 or newer first"
  exit 69
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  # A system with other packages: only speak up when the one library is not to be found.
  pkg-config --exists libpcap 2>/dev/null || [ -e /usr/include/pcap/pcap.h ] ||
    say "no apt-get here; needed under this system's names: ${required[*]} ${optional[*]-}"
  exit 0
fi

missing_required=()
missing_optional=()
for package in "${required[@]}"; do
  is_installed "$package" || missing_required+=("$package")
done
for package in ${optional[@]+"${optional[@]}"}; do
  is_installed "$package" || missing_optional+=("$package")
done
[ $((${#missing_required[@]} + ${#missing_optional[@]})) -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    say "not root and no sudo; please install: ${missing_required[*]-} ${missing_optional[*]-}"
    exit 0
  fi
  as_root=(sudo)
fi

apt() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

install() {
  say "installing $*"
  apt install -y --no-install-recommends "$@"
}

# Lists that are missing or older than the packages they name make the first try fail.
updated=
install_fresh() {
  if [ -z "$updated" ] && ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
    say "fetching the package lists"
    apt update || true
    updated=yes
  fi
  install "$@" && return
  [ -z "$updated" ] || return 1
  say "fetching the package lists and trying again"
  apt update || true
  updated=yes
  install "$@"
}

if [ ${#missing_required[@]} -gt 0 ]; then
  install_fresh "${missing_required[@]}" ||
    say "could not install ${missing_required[*]}; going on, the build may stop for want of them"
fi
for package in ${missing_optional[@]+"${missing_optional[@]}"}; do
  install_fresh "$package" || say "could not install $package; the tests that need it are skipped"
done
