#!/bin/sh
# Waits until every long-running service is healthy; says which is not. $1...: the compose command.
set -eu
compose="$*"
services="kafka elasticsearch worker-1 worker-2 collector console"
for _ in $(seq 90); do
  ill=
  for service in $services; do
    container=$($compose ps -q $service 2>/dev/null | head -1)
    [ -n "$container" ] || { ill="$ill $service"; continue; }
    state=$(docker inspect --format '{{.State.Health.Status}}' "$container" 2>/dev/null \
      || podman inspect --format '{{.State.Health.Status}}' "$container" 2>/dev/null || echo unknown)
    [ "$state" = healthy ] || ill="$ill $service"
  done
  [ -z "$ill" ] && { echo "all services are healthy"; exit 0; }
  sleep 2
done
echo "not healthy:$ill" >&2
exit 1
