#!/bin/sh
# Passwords, tokens and a certificate for compose.yaml, made once: secrets/ is readable by its maker alone.
# usage: make-secrets.sh [NAME...]   names and addresses by which clients reach this machine
set -eu
umask 077
folder=$(dirname "$0")/secrets
if [ -e "$folder" ]; then
  echo "$folder is there already; remove it to make other secrets" >&2
  exit 2
fi
[ $# -gt 0 ] || set -- localhost

names=
for name in "$@" localhost endpoint 127.0.0.1; do
  case $name in
    *[!0-9.]*) names=$names,DNS:$name ;;
    *) names=$names,IP:$name ;;
  esac
done

half=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$half"' EXIT
random() { openssl rand -hex 32 | tr -d '\n'; }
password=$(random)
printf %s "$password" > "$half/postgres-password"
printf %s "postgresql+pg8000://evoskeleton:$password@postgres/mlflow" > "$half/mlflow-url"
printf %s "postgresql://evoskeleton:$password@postgres/annotations" > "$half/annotations-url"
random > "$half/ray-token"
random > "$half/store-password"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
  -subj "/CN=$1" -addext "subjectAltName=${names#,}" \
  -keyout "$half/endpoint.key" -out "$half/endpoint.pem" 2> /dev/null
token=evo_$(random)
hash=$(printf %s "$token" | sha256sum | cut -d ' ' -f 1)
cat > "$half/tokens.json" << END
{"tokens": [{"name": "first", "scopes": ["infer", "annotate", "admin"],
 "sha256": "$hash", "created": "$(date -u +%Y-%m-%dT%H:%M:%SZ)"}]}
END
# The folder is closed; its files are read in containers, by another user than this one.
chmod 644 "$half"/*
mv "$half" "$folder"
echo "the endpoint's token, which is kept nowhere: $token"
echo "its certificate, which clients trust: $folder/endpoint.pem"
