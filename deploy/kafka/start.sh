#!/bin/sh
# Starts the broker, and tells it the password of the one user that clients have, which can only be done from in here.
set -eu
chmod u+w /opt/kafka/config/* # written over at each start, and read-only in some images
(
  until KAFKA_OPTS= LOG_DIR=/tmp KAFKA_HEAP_OPTS=-Xmx128m /opt/kafka/bin/kafka-configs.sh --bootstrap-server 127.0.0.1:9094 \
    --alter --entity-type users --entity-name soc --add-config-file /etc/kafka/secrets/scram.properties >/dev/null 2>&1; do
    sleep 2
  done
  touch /tmp/user-is-set
) &
exec /etc/kafka/docker/run
