#!/usr/bin/env bash
# Give a principal the least that its part needs, through Kafka's own kafka-acls.sh.
set -euo pipefail

usage() {
  cat <<'END'
deploy/acls.sh PART PRINCIPAL [kafka-acls option ...]

  PART       service           learns and answers; the topics are there
             service-creates   the same, and makes the topics that are missing
             producer          sends events
             asker             asks questions (PredictionClient, `producer ask`)
             gateway           sends events and asks questions
             monitor           sees the groups' lag
  PRINCIPAL  as Kafka names it: User:riverline

Everything else goes to kafka-acls: --bootstrap-server HOST:PORT --command-config FILE.

  KAFKA_ACLS  kafka-acls.sh, where it is not in the PATH by this name
  EVENTS_TOPIC, REQUESTS_TOPIC, REPLIES_TOPIC, DEAD_LETTER_TOPIC, APPLICATION_ID
              as the service has them; the defaults are the same
END
}

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
part=$1 principal=$2
shift 2
options=("$@")
events=${EVENTS_TOPIC:-mobile-events} requests=${REQUESTS_TOPIC:-prediction-requests}
replies=${REPLIES_TOPIC:-prediction-replies}
letters=${DEAD_LETTER_TOPIC:-mobile-events.dead-letters}
application=${APPLICATION_ID:-riverline}
changelog=$application-changelog

# allow KIND NAME OPERATION...
allow() {
  local on=("--$1" "$2") operations=()
  [ "$1" != cluster ] || on=(--cluster)
  shift 2
  for operation in "$@"; do operations+=(--operation "$operation"); done
  "${KAFKA_ACLS:-kafka-acls.sh}" "${options[@]}" --force --add --allow-principal "$principal" \
    "${on[@]}" "${operations[@]}"
}

service() {
  allow topic "$events" Read Write DescribeConfigs
  allow topic "$requests" Read DescribeConfigs
  allow topic "$replies" Write DescribeConfigs
  allow topic "$letters" Write DescribeConfigs
  allow topic "$changelog" Read Write DescribeConfigs
  allow topic __consumer_offsets Describe
  allow group "$application-learner" Read
  allow group "$application-responder" Read
  allow group "$requests.take-over" Read # where an application says that it takes over
  allow cluster kafka-cluster Describe # which other applications there are
}

case "$part" in
  service) service ;;
  service-creates)
    service
    for topic in "$events" "$requests" "$replies" "$letters"; do allow topic "$topic" Create; done
    allow topic "$changelog" Create Alter # it grows with the events topic
    ;;
  producer) allow topic "$events" Write ;;
  asker)
    allow topic "$requests" Write
    allow topic "$replies" Read
    ;;
  gateway)
    allow topic "$events" Write
    allow topic "$requests" Write
    allow topic "$replies" Read
    ;;
  monitor)
    allow topic "$events" Describe
    allow topic "$requests" Describe
    for role in learner responder; do allow group "$application-$role" Describe; done
    ;;
  *) usage >&2; exit 2 ;;
esac
