#!/usr/bin/env bash
# Runs a command in the network namespace that the caller made with unshare: loopback works, everything else goes into a
# veth pair that leads nowhere. Writes how many packets went that way to FILE.    Usage: unshare --net namespace.sh FILE COMMAND...
set -euo pipefail
count=$1
shift
ip link set lo up
ip link add outside type veth peer name nowhere
for end in outside nowhere; do
  echo 1 > "/proc/sys/net/ipv6/conf/$end/disable_ipv6" # no router solicitations of the kernel's own
  ip link set "$end" up
done
ip addr add 192.0.2.2/24 dev outside # RFC 5737: documentation only
ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev outside
ip route add default via 192.0.2.1 dev outside
status=0
"$@" || status=$?
ip -s -j link show outside | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])' > "$count"
exit "$status"
