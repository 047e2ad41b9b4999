#!/bin/sh
# Waits until every long-running service is healthy; shows the others if some are not. $1...: the compose command.
set -eu
services=6 # kafka, elasticsearch, two workers, collector, console
for _ in $(seq 90); do
  [ "$("$@" ps 2>/dev/null | grep -c '(healthy)')" -ge $services ] && { echo "all services are healthy"; exit 0; }
  sleep 2
done
"$@" ps >&2
exit 1
