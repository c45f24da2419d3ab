#!/bin/sh
# kcat asks from a shell: a question with two headers, and the reply that carries the same id.
set -eu

servers=${KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092}
requests=${REQUESTS_TOPIC:-prediction-requests}
replies=${REPLIES_TOPIC:-prediction-replies}

ask() {
  id=$(cat /proc/sys/kernel/random/uuid)
  since=$(date +%s%3N) # milliseconds; the reply topic is read from then on
  printf '%s' "$1" |
    kcat -P -b "$servers" -t "$requests" -H "correlation_id=$id" -H "reply_to=$replies"
  for _ in $(seq 50); do # kcat reads to the topic's end, again until the reply is there
    reply=$(kcat -C -q -e -b "$servers" -t "$replies" -o "s@$since" -f '%h %s\n' |
      sed -n "/correlation_id=$id/s/^[^ ]* //p")
    [ -z "$reply" ] || break
    sleep 0.1
  done
  echo "$reply"
}

reply=$(ask '{"tv": 50}')
echo "$reply"
error=$(ask '{"tv": "abc"}')
echo "$error"

case $reply in *'"prediction":'*) ;; *) exit 1 ;; esac
case $error in *'"code":"not-a-number"'*) ;; *) exit 1 ;; esac
