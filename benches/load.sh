#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Measures the release build over HTTP with wrk (Debian: apt-get install wrk) and prints tables.
#   benches/load.sh [SECONDS [DELIVERIES]]
# Each row lasts SECONDS (5). A backlog of DELIVERIES (100000; 0 leaves it out) is made while the
# middleware is away, then drained. PostgreSQL is a throw-away cluster of the installed programs; where
# there are none, only SQLite is measured. Only the loopback interface is used, and a folder in
# TMPDIR, whose disk matters: each hook is synced to it. Compare within one run: machines differ.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}
deliveries=${2:-100000}
port=${PORT:-3941}
[ -n "${SKIP_BUILD:-}" ] || cargo build --release --locked --quiet
program=target/release/countryconfig
folder=$(mktemp -d)
cluster=
url=http://127.0.0.1:$port
around=http://127.0.0.1:$((port + 2))
export LOG_LEVEL=error AUTH_URL=$around GATEWAY_URL=$around

finish() {
  kill ${server:-} ${stand_ins:-} 2>/dev/null || true
  [ -z "$cluster" ] || as_postgres "$programs/pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null || true
  rm -rf "$folder" "$cluster"
}
trap finish EXIT

# A cluster with the settings that PostgreSQL comes with, reachable through a socket only.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
start_postgres() {
  local folders
  folders=$(tr : '\n' <<<"$PATH"; ls -dv /usr/lib/postgresql/*/bin 2>/dev/null | tac)
  programs=$(while read -r bin; do
    if [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] && [ -x "$bin/psql" ]; then echo "$bin"; break; fi
  done <<<"$folders")
  [ -n "$programs" ] || return 0
  cluster=$(mktemp -d)
  if [ "$(id -u)" = 0 ]; then chown postgres "$cluster"; fi
  as_postgres "$programs/initdb" -D "$cluster/data" -U postgres -A trust >/dev/null
  as_postgres "$programs/pg_ctl" -D "$cluster/data" -w -l "$cluster/log" -o "-k $cluster -c listen_addresses=" start >/dev/null
}
postgres() { # a new, empty database
  "$programs/psql" -qh "$cluster" -U postgres -c "CREATE DATABASE $1"
  echo "postgres://postgres@localhost/$1?host=$cluster"
}

now() { date +%s%N; }
up() { until curl -sf -o /dev/null "$url/$1"; do kill -0 $server; done; } # ends all where it has died
serve() { COUNTRY_CONFIG_PORT=$port LEDGER_URL=$1 MOSIP_INTEROP_URL=${2:-$around} $program serve 2>/dev/null & server=$!; up "${3:-readyz}"; }
stop() { kill $server; wait $server 2>/dev/null || true; }

# Time from process start to the first answer, the best of ten, in ms.
start_time() {
  local best=1000000 took began
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    began=$(now)
    serve "sqlite://$folder/start.db" "$around" ping
    took=$(( ($(now) - began) / 100000 ))
    [ $took -ge $best ] || best=$took
    stop
  done
  echo "$((best / 10)).$((best % 10)) ms"
}
start=$(start_time)

# The same country with 42,000 places.
mkdir "$folder/places"
$program init "$folder/country" >/dev/null
{ cat "$folder/country/locations.csv"
  tail -n +2 "$folder/country/administrative-areas.csv" | awk -F, '{village[NR] = $3}
    END {for (i = 1; i <= 42000; i++) printf "POST%05d,Health Post %d,Location/%s,HEALTH_FACILITY\n", i, i, village[i % NR + 1]}'
} >"$folder/places/locations.csv"
places="built-in:$folder/places"
start_places=$(COUNTRY_DIR=$places start_time)

# Core's key, core's gateway and the middleware are the stand-ins of a sandbox, in another process.
COUNTRY_CONFIG_PORT=$((port + 1)) $program sandbox --headless --core 2.1 --folder "$folder" --stand-ins-port $((port + 2)) >/dev/null 2>&1 & stand_ins=$!
until curl -sf -o /dev/null "$around/.well-known"; do :; done
start_postgres

cpu() { awk '{print $14 + $15}' "/proc/$server/stat"; } # in ticks of 10 ms
memory() { awk '/VmRSS/ {all=$2} /RssAnon/ {own=$2} END {printf "%.0f MB, %.0f MB its own", all / 1024, own / 1024}' "/proc/$server/status"; }

# One row: requests per second, p50 and p99 as wrk saw them, CPU time of the server per request.
row() { # name, clients, wrk arguments
  local name=$1 clients=$2 before after text requests; shift 2
  before=$(cpu)
  text=$(wrk -t1 -c"$clients" -d"${seconds}s" --latency "$@")
  after=$(cpu)
  requests=$(awk '/requests in/ {print $1}' <<<"$text")
  echo "$text" | awk -v name="$name" -v cpu=$((after - before)) -v n="$requests" '
    /50%/ {p50=$2} /99%/ {p99=$2} /Requests\/sec/ {rps=$2} /Non-2xx/ {bad=" (" $5 " not 2xx)"}
    END {printf "| %s | %.0f | %s | %s | %.1f µs |%s\n", name, rps, p50, p99, cpu * 10000 / n, bad}'
}
etag() { curl -s -o /dev/null -D - -H "accept-encoding: $1" "$url/config/events" | tr -d '\r' | awk 'tolower($1) == "etag:" {print $2}'; }
export TOKEN="$folder/service-token.txt"
until [ -s "$TOKEN" ]; do :; done
told=$folder/birth-not-eligible.json eligible=$folder/birth-eligible.json plain=$folder/birth-plain.json
sed -E 's/"informant.email": *"[^"]*",?//' "$told" >"$plain" # nobody is told
hook() { RECORD=$2 row "$1" "$3" -s benches/register.lua "$url"; }
gains=
hooks() { # name of the ledger
  local one many
  RECORD=$plain wrk -t1 -c50 -d2s -s benches/register.lua "$url" >/dev/null # its first pages are the slowest
  one=$(hook "REGISTER, $1, 1 client" "$plain" 1)
  many=$(hook "REGISTER, $1, 50 clients" "$plain" 50)
  printf '%s\n' "$one" "$many"
  gains+=" $1 $(awk -F'|' 'NR == 1 {one = $3} END {if (one + 0) printf "%.1f", $3 / one}' <<<"$one"$'\n'"$many");"
  hook "REGISTER with a packet, $1, 50 clients" "$eligible" 50
  hook "REGISTER with a message, $1, 50 clients" "$told" 50
}

echo "| what | requests/s | p50 | p99 | CPU per request |"
echo "| --- | --- | --- | --- | --- |"
serve "sqlite://$folder/ledger.db"
sleep 4 # the best compression is done
idle=$(memory)
row "/config/events, plain" 8 "$url/config/events"
row "/config/events, gzip" 8 -H 'accept-encoding: gzip' "$url/config/events"
row "/config/events, br" 8 -H 'accept-encoding: br' "$url/config/events"
row "/config/events, 304" 8 -H 'accept-encoding: br' -H "if-none-match: $(etag br)" "$url/config/events"
row "/content/client, br" 8 -H 'accept-encoding: br' "$url/content/client"
hooks SQLite
loaded=$(memory)
stop
COUNTRY_DIR=$places serve "sqlite://$folder/places.db"
sleep 4
row "/config/locations, 42,000 places, br" 8 -H 'accept-encoding: br' "$url/config/locations"
row "/config/locations, 42,000 places, plain" 8 "$url/config/locations"
memory_places=$(memory)
stop
if [ -n "$cluster" ]; then
  serve "$(postgres ledger)"
  hooks PostgreSQL
  stop
fi
echo
echo "Start to first answer: $start. Memory: $idle; after this load $loaded."
echo "With 42,000 places: $start_places, $memory_places."
echo "REGISTER of 50 clients in requests/s, as a multiple of 1 client:${gains%;}."
[ "$deliveries" -gt 0 ] || exit 0

waiting() { curl -s "$url/metrics" | awk '/^countryconfig_deliveries_waiting.*"middleware"/ {print $2}'; }
backlog() { # name and URL of the ledger
  local made began left took
  serve "$2" http://127.0.0.1:9
  while [ "$(waiting)" -lt "$deliveries" ]; do
    RECORD=$eligible wrk -t1 -c50 -d5s -s benches/register.lua "$url" >/dev/null
  done
  stop
  serve "$2" # a process that does nothing else
  made=$(waiting) began=$(now)
  # Those that were tried while the middleware was away wait a little longer.
  until left=$(waiting); [ "$left" -lt 100 ]; do sleep 1; done
  took=$((($(now) - began) / 1000000))
  echo "| $1 | $((made - left)) | $(((made - left) * 1000 / took)) | $(memory) |"
  stop
}
echo
echo "| backlog | deliveries | a second | memory after |"
echo "| --- | --- | --- | --- |"
backlog SQLite "sqlite://$folder/backlog.db"
if [ -n "$cluster" ]; then backlog PostgreSQL "$(postgres backlog)"; fi
