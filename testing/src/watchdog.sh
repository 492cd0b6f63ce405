# SPDX-License-Identifier: MPL-2.0
# Runs one PostgreSQL server: watchdog <folder> <programs>. Obeys `stop` and `start` on standard
# input; when that ends, because the test process has ended, so does everything here.
set -u
folder=$1 programs=$2
trap '' INT TERM HUP
log=$folder/log

start() {
  # Nothing of this must survive a power cut; what was committed survives a crash of the server alone.
  "$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off \
    -c full_page_writes=off -c max_connections=300 >>"$log" 2>&1 &
  server=$!
  tries=0
  until grep -q '^ready' "$folder/data/postmaster.pid" 2>>"$log"; do
    tries=$((tries + 1))
    if [ $tries -gt 600 ] || ! kill -0 "$server" 2>>"$log"; then echo failed; return; fi
    sleep 0.05
  done
  echo up
}

stop() {
  kill -QUIT "$server" 2>>"$log"
  wait "$server" 2>>"$log"
  echo down
}

server=
if "$programs/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$log" 2>&1; then
  start
else
  echo failed
fi
while read -r command; do
  case $command in start | stop) $command ;; esac
done
if [ -n "$server" ]; then stop >>"$log"; fi
cd / && rm -rf "$folder"
