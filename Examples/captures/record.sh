#!/bin/bash
# Records the project's own captures: real traffic between two network namespaces that exist for
# this script only, joined by a veth pair that is born inside them. No interface of the machine is
# touched or listened to. Needs root, tcpdump, python3, ping.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
left=yard-left-$$
right=yard-right-$$
work=$(mktemp -d)
jobs_started=()

clean_up() {
  for job in "${jobs_started[@]}"; do kill "$job" 2>/dev/null || true; done
  ip netns delete "$left" 2>/dev/null || true
  ip netns delete "$right" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  echo "record.sh: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail "needs root, to make network namespaces"
for tool in ip tcpdump python3 ping; do
  command -v "$tool" >/dev/null || fail "needs $tool"
done

in_left() { ip netns exec "$left" "$@"; }

connect_namespaces() {
  ip netns add "$left"
  ip netns add "$right"
  ip -n "$left" link add wire address 02:00:00:00:00:01 mtu 1500 type veth \
    peer name wire address 02:00:00:00:00:02 mtu 1500 netns "$right"
  for side in "$left 1" "$right 2"; do
    read -r namespace number <<<"$side"
    ip -n "$namespace" address add "10.0.0.$number/24" dev wire
    ip -n "$namespace" address add "fd00::$number/64" dev wire nodad
    ip -n "$namespace" link set lo up
    ip netns exec "$namespace" python3 "$here/traffic.py" offloads wire
    ip -n "$namespace" link set wire up
  done
  sleep 2 # until the link-local addresses have said who they are
}

# record NAME FILTER: what passes from now on, until finish is called.
record() {
  ip netns exec "$left" tcpdump --immediate-mode -U -Z root -i wire -s 0 -w "$work/$1.pcap" "$2" \
    2>"$work/$1.log" &
  recorder=$!
  jobs_started+=("$recorder")
  for _ in $(seq 50); do
    grep -q 'listening on' "$work/$1.log" && return
    sleep 0.1
  done
  fail "tcpdump does not start: $(cat "$work/$1.log")"
}

finish() {
  sleep 0.5
  kill -TERM "$recorder" # INT is ignored by what a script runs in the background
  wait "$recorder" || true
}

# serve KIND ADDRESS COUNT: an end in the right namespace that leaves after COUNT conversations.
serve() {
  ip netns exec "$right" python3 "$here/traffic.py" "$@" >"$work/ready" &
  jobs_started+=("$!")
  for _ in $(seq 50); do
    grep -q ready "$work/ready" && return
    sleep 0.1
  done
  fail "$1 does not start"
}

client() { in_left python3 "$here/traffic.py" "$@"; }

forget_neighbours() {
  ip -n "$left" neighbour flush dev wire
  ip -n "$right" neighbour flush dev wire
}

record_http() {
  record http 'arp or tcp'
  serve http-server 10.0.0.2 4
  client http-client 10.0.0.2 / /nowhere / /
  finish
}

record_dns() {
  record dns 'arp or udp port 53'
  serve dns-server 10.0.0.2 7
  client dns-client 10.0.0.2 www.example.com/1 www.example.com/28 mail.example.com/1 \
    example.com/15 example.com/16 nowhere.example.com/1 nowhere.example.com/28
  finish
}

record_ping() {
  record ping 'arp or icmp or icmp6'
  in_left ping -n -q -c 5 -i 0.2 10.0.0.2
  in_left ping -n -q -c 2 -i 0.2 -s 1000 10.0.0.2
  in_left ping -n -q -c 2 -i 0.2 -s 3000 10.0.0.2
  in_left ping -6 -n -q -c 5 -i 0.2 fd00::2
  in_left ping -6 -n -q -c 2 -i 0.2 -s 3000 fd00::2
  # Nobody listens there: a real destination unreachable, in both versions.
  for address in 10.0.0.2 fd00::2; do
    client dns-client "$address" www.example.com/1 2>/dev/null || true
  done
  finish
}

record_bulk() {
  record bulk 'arp or tcp'
  serve bulk-server 10.0.0.2 1
  client bulk-client 10.0.0.2
  finish
}

record_ipv6() {
  record ipv6 'ip6'
  serve http-server fd00::2 3
  client http-client fd00::2 / /nowhere /
  serve dns-server fd00::2 3
  client dns-client fd00::2 www.example.com/28 example.com/15 nowhere.example.com/28
  finish
}

connect_namespaces
for name in http dns ping bulk ipv6; do
  forget_neighbours
  "record_$name" >"$work/$name.out" || fail "$name: $(cat "$work/$name.out")"
done

cp "$work"/{http,dns,ping,bulk,ipv6}.pcap "$here/"
chmod 644 "$here"/*.pcap
