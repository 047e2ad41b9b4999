#!/bin/sh
# Replays the bundled story through the containers, and shows what came of it. $1...: the compose command.
set -eu
compose="$*"
say() { printf '%s\n' "$*"; }
count() { # of alerts, as the console's key sees them
  $compose exec -T console soc alerts --settings /etc/soc/console.yml --json --limit 1000 2>/dev/null | grep -c . || true
}

say "sending a morning's logs to Kafka"
$compose --profile demo run --rm -T story
say "waiting until the number of alerts stands still"
before=-1 same=0
for _ in $(seq 60); do
  sleep 5
  now=$(count)
  [ "$now" = "$before" ] && [ "$now" -gt 0 ] && same=$((same + 1)) || same=0
  before=$now
  [ $same -ge 4 ] && break
done
$compose exec -T console soc alerts --settings /etc/soc/console.yml
say "what the national centre's mock has of it (https://127.0.0.1:8790):"
for _ in $(seq 12); do # alerts are queued each quarter of a minute, and then sent
  $compose exec -T sharing soc share status --settings /etc/soc/sharing.yml --json 2>/dev/null | grep -q '"accepted": *[1-9]' && break
  sleep 5
done
$compose exec -T sharing soc share status --settings /etc/soc/sharing.yml || true
say "console: http://127.0.0.1:8765, with the password that it has logged:"
$compose logs console 2>&1 | grep -o "one-time password: [A-Za-z0-9_-]*" | tail -1
