#!/bin/sh
# What has to be there before workers start: topics, templates, and keys with the least rights. Done twice, it finds
# nothing to do.
set -eu
settings=/etc/soc/init.yml
soc topics apply --settings $settings --yes
soc index apply --settings $settings --yes
for role in writer analyst reader; do
  [ -s /keys/$role ] || soc index key --settings $settings --role $role --create /keys/$role
done
