#!/bin/sh
# What has to be there before workers start: topics, templates, and keys with the least rights. Done twice, it finds
# nothing to do. The servers may still be starting.
set -eu
settings=/etc/soc/init.yml

patiently() { # COMMAND...: for three minutes; what it says is shown when it succeeds, or at last
  for _ in $(seq 60); do
    said=$("$@" 2>&1) && { printf '%s\n' "$said"; return; }
    sleep 3
  done
  printf '%s\n' "$said" >&2
  return 1
}

patiently soc topics apply --settings $settings --yes
patiently soc index apply --settings $settings --yes
for role in writer analyst reader; do
  [ -s /keys/$role ] || soc index key --settings $settings --role $role --create /keys/$role
done
