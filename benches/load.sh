#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Measures the release build over HTTP with wrk (Debian: apt-get install wrk) and prints a table.
#   benches/load.sh [SECONDS]     each measurement lasts so long, default 5
# Only the loopback interface is used. Compare within one run: machines differ.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}
port=${PORT:-3941}
[ -n "${SKIP_BUILD:-}" ] || cargo build --release --locked --quiet
folder=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; rm -rf "$folder"' EXIT
url=http://127.0.0.1:$port

# Time from process start to the first answer, the best of ten.
start() { COUNTRY_CONFIG_PORT=$port LOG_LEVEL=warn target/release/countryconfig sandbox --folder "$folder" >"$folder/out" 2>&1 & server=$!; }
up() { until curl -sf -o /dev/null "$url/ping"; do :; done; }
now() { date +%s%N; }
best=1000000
for _ in 1 2 3 4 5 6 7 8 9 10; do
  began=$(now)
  LEDGER_URL="sqlite://$folder/start.db" COUNTRY_CONFIG_PORT=$port LOG_LEVEL=error target/release/countryconfig serve 2>/dev/null & server=$!
  up
  took=$(( ($(now) - began) / 100000 ))
  [ $took -lt $best ] && best=$took
  kill $server; wait $server 2>/dev/null || true
done

memory() { awk '/VmRSS/ {printf "%.1f", $2 / 1024}' "/proc/$server/status"; }
cpu() { awk '{print $14 + $15}' "/proc/$server/stat"; } # in ticks of 10 ms
start; up
sleep 4 # the best compression is done
idle=$(memory)

# One row: requests per second, p50 and p99 as wrk saw them, CPU time of the server per request.
row() { # name, wrk arguments
  local name=$1 before after text requests; shift
  before=$(cpu)
  text=$(wrk -t1 -c"${connections:-8}" -d"${seconds}s" --latency "$@")
  after=$(cpu)
  requests=$(awk '/requests in/ {print $1}' <<<"$text")
  echo "$text" | awk -v name="$name" -v cpu=$((after - before)) -v n="$requests" '
    /50%/ {p50=$2} /99%/ {p99=$2} /Requests\/sec/ {rps=$2} /Non-2xx/ {bad=" (" $5 " not 2xx)"}
    END {printf "| %s | %.0f | %s | %s | %.1f µs |%s\n", name, rps, p50, p99, cpu * 10000 / n, bad}'
}
etag() { curl -s -o /dev/null -D - -H "accept-encoding: $1" "$url/config/events" | tr -d '\r' | awk 'tolower($1) == "etag:" {print $2}'; }

echo "| what | requests/s | p50 | p99 | CPU per request |"
echo "| --- | --- | --- | --- | --- |"
row "/config/events, plain" "$url/config/events"
row "/config/events, gzip" -H 'accept-encoding: gzip' "$url/config/events"
row "/config/events, br" -H 'accept-encoding: br' "$url/config/events"
row "/config/events, 304" -H 'accept-encoding: br' -H "if-none-match: $(etag br)" "$url/config/events"
export TOKEN="$folder/service-token.txt" RECORD="$folder/birth-not-eligible.json"
connections=1 row "REGISTER, one client" -s benches/register.lua "$url"
row "REGISTER, 8 clients" -s benches/register.lua "$url"
export RECORD="$folder/birth-eligible.json"
row "REGISTER with a packet, 8 clients" -s benches/register.lua "$url"
echo
echo "Start to first answer: $((best / 10)).$((best % 10)) ms. Memory: $idle MB idle, $(memory) MB after the load (with the stand-ins of the sandbox)."
