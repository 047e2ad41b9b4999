#!/bin/sh
# Makes what docker-compose.yml needs and no repository may hold: passwords, an authority, certificates of the servers.
# What is there already stays. Nothing secret is printed. For other certificates, put yours in place of these files.
set -eu
umask 077
folder=${1:-secrets}
days=825
mkdir -p "$folder/kafka" "$folder/elasticsearch" "$folder/private"
made=

have() { [ -s "$folder/$1" ]; }
note() { made="$made $1"; }
password() { have "$1" || { openssl rand -hex 24 >"$folder/$1"; note "$1"; }; }

password elastic_password
password kafka_password
password kafka/keystore_password
password grafana_password

if ! have kafka/scram.properties; then
  printf 'SCRAM-SHA-512=password=%s\n' "$(cat "$folder/kafka_password")" >"$folder/kafka/scram.properties"
  note kafka/scram.properties
fi

if ! have ca.crt; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days $days -subj "/CN=soc-pipeline" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout "$folder/private/ca.key" -out "$folder/ca.crt" 2>/dev/null
  note ca.crt
fi

certificate() { # NAME: for the service of this name, and for this machine
  have "$1/server.crt" && return
  work=$folder/private/$1
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
    -keyout "$folder/$1/server.key" -out "$work.csr" 2>/dev/null
  printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n' \
    "$1" >"$work.names"
  openssl x509 -req -in "$work.csr" -CA "$folder/ca.crt" -CAkey "$folder/private/ca.key" -CAcreateserial \
    -days $days -extfile "$work.names" -out "$folder/$1/server.crt" 2>/dev/null
  note "$1/server.crt"
}
certificate kafka
certificate elasticsearch

if ! have kafka/kafka.p12; then
  openssl pkcs12 -export -name kafka -inkey "$folder/kafka/server.key" -in "$folder/kafka/server.crt" \
    -certfile "$folder/ca.crt" -passout "file:$folder/kafka/keystore_password" -out "$folder/kafka/kafka.p12"
  note kafka/kafka.p12
fi

# The servers in the containers run as this user, who must be able to read them, and nobody else.
user=$(id -u)
if [ "$user" = 0 ]; then
  user=1000
  chown -R 1000 "$folder"
fi
grep -qsx "SOC_UID=$user" .env || { printf 'SOC_UID=%s\n' "$user" >.env; note ../.env; }
[ -n "$made" ] && echo "made in $folder:$made" || echo "nothing to make: $folder is complete"
