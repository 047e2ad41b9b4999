#!/bin/sh
# Makes what docker-compose.yml needs and no repository may hold: passwords, an authority, certificates of the servers.
# What is there already stays. Nothing secret is printed. $1: another folder than the last one, or ./secrets.
# Certificates of your own: put them in place of ca.crt and of server.crt and server.key of each server, and run it again.
set -eu
umask 077
days=825
made=

note() { made="$made $1"; }
remember() { # NAME VALUE: in .env, which compose reads; its other lines stay
  grep -qsx "$1=$2" .env && return
  { grep -sv "^$1=" .env || true; printf '%s=%s\n' "$1" "$2"; } >.env.new
  mv .env.new .env
  echo "wrote $1 into .env"
}

folder=$(sed -n 's/^SOC_SECRETS=//p' .env 2>/dev/null || true)
folder=${1:-${folder:-secrets}}
mkdir -p "$folder/kafka" "$folder/elasticsearch" "$folder/national-centre" "$folder/private"
if [ "$folder" != secrets ]; then
  folder=$(cd "$folder" && pwd)
  remember SOC_SECRETS "$folder"
fi

current() { # FILE FROM...: it is there, and not older than what it is made from
  file=$folder/$1
  shift
  [ -s "$file" ] || return 1
  for from; do
    if [ "$folder/$from" -nt "$file" ]; then return 1; fi
  done
}
password() { current "$1" || { openssl rand -hex 24 >"$folder/$1"; note "$1"; }; }

password elastic_password
password kafka_password
password kafka/keystore_password
password grafana_password
password national-centre/token
password national-centre/receipt.key

if ! current national-centre/tokens national-centre/token; then # who sends, and who may switch faults on
  printf 'soc %s\nadmin %s\n' "$(cat "$folder/national-centre/token")" "$(openssl rand -hex 24)" >"$folder/national-centre/tokens"
  note national-centre/tokens
fi

if ! current kafka/scram.properties kafka_password; then
  printf 'SCRAM-SHA-512=password=%s\n' "$(cat "$folder/kafka_password")" >"$folder/kafka/scram.properties"
  note kafka/scram.properties
fi

if ! current ca.crt; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days $days -subj "/CN=soc-pipeline" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout "$folder/private/ca.key" -out "$folder/ca.crt" 2>/dev/null
  note ca.crt
fi

certificate() { # NAME: for the service of this name, and for this machine
  if ! current "$1/server.crt"; then
    work=$folder/private/$1
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
      -keyout "$folder/$1/server.key" -out "$work.csr" 2>/dev/null
    printf '%s\n' "subjectAltName=DNS:$1,DNS:localhost,IP:127.0.0.1" extendedKeyUsage=serverAuth \
      authorityKeyIdentifier=keyid subjectKeyIdentifier=hash >"$work.names"
    openssl x509 -req -in "$work.csr" -CA "$folder/ca.crt" -CAkey "$folder/private/ca.key" -CAcreateserial \
      -CAserial "$folder/private/ca.srl" -days $days -extfile "$work.names" -out "$folder/$1/server.crt" 2>/dev/null
    rm "$work.csr" "$work.names"
    note "$1/server.crt"
  fi
  if ! openssl verify -CAfile "$folder/ca.crt" -untrusted "$folder/$1/server.crt" "$folder/$1/server.crt" >/dev/null 2>&1
  then
    echo "$folder/$1/server.crt has ended or is not of $folder/ca.crt: remove it, and it is made anew" >&2
    exit 1
  fi
  openssl x509 -checkend 2592000 -noout -in "$folder/$1/server.crt" >/dev/null ||
    echo "$folder/$1/server.crt ends within 30 days: remove it, run this again, and restart $1" >&2
}
certificate kafka
certificate elasticsearch
certificate national-centre

if ! current kafka/kafka.p12 kafka/server.crt kafka/server.key kafka/keystore_password; then
  openssl pkcs12 -export -name kafka -inkey "$folder/kafka/server.key" -in "$folder/kafka/server.crt" \
    -certfile "$folder/ca.crt" -passout "file:$folder/kafka/keystore_password" -out "$folder/kafka/kafka.p12"
  note kafka/kafka.p12
fi

# The servers in the containers run as this user, who must be able to read what is mounted into them, and nobody else:
# the authority's key stays with whoever made it.
user=$(id -u)
if [ "$user" = 0 ]; then
  user=1000
  find "$folder" -path "$folder/private" -prune -o -type f -exec chown $user {} +
fi
remember SOC_UID $user
if [ -n "$made" ]; then echo "made in $folder:$made"; else echo "nothing to make: $folder is complete"; fi
