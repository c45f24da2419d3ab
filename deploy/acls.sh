#!/usr/bin/env bash
# Give a principal the least that its part needs, through Kafka's own kafka-acls.sh.
set -euo pipefail

usage() {
  cat <<'END'
deploy/acls.sh PART PRINCIPAL [kafka-acls option ...]

  PART       service           learns and answers; the topics are there
             service-creates   the same, and makes the topics that are missing
             service-replies   answers on REPLIES_TOPIC too, where that is an asker's own one
             producer          sends events
             asker             asks questions (PredictionClient, `producer ask`; other clients:
                               docs/SECURITY.md)
             asker-creates     the same, and makes REPLIES_TOPIC, which is its own one
             gateway           sends events and asks questions
             monitor           sees the groups' lag
  PRINCIPAL  as Kafka names it: User:riverline

Everything else goes to kafka-acls: --bootstrap-server HOST:PORT --command-config FILE.

  KAFKA_ACLS  kafka-acls.sh, where it is not in the PATH by this name
  EVENTS_TOPIC, REQUESTS_TOPIC, REPLIES_TOPIC, DEAD_LETTER_TOPIC, APPLICATION_ID, PREDICTIONS_TOPIC
              as the service has them; the defaults are the same
  ASKER_GROUP the consumer group of an asker whose client joins one; none by default
A topic or group that ends with * stands for all whose names begin so.
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
  case "$1:$2" in
    cluster:*) on=(--cluster) ;;
    *:?*\*) on=("--$1" "${2%\*}" --resource-pattern-type prefixed) ;;
  esac
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
  allow topic "$changelog-demand" Read Write # snapshots that instances ask each other for
  [ -z "${PREDICTIONS_TOPIC:-}" ] || allow topic "$PREDICTIONS_TOPIC" Write
  allow topic __consumer_offsets Describe
  allow group "$application-learner" Read
  allow group "$application-responder" Read
  allow group "$requests.take-over" Read # where an application says that it takes over
  allow cluster kafka-cluster Describe # which other applications there are
}

asker() {
  allow topic "$requests" Write
  allow topic "$replies" Read
  [ -z "${ASKER_GROUP:-}" ] || allow group "$ASKER_GROUP" Read
}

case "$part" in
  service) service ;;
  service-creates)
    service
    for topic in "$events" "$requests" "$replies" "$letters"; do allow topic "$topic" Create; done
    allow topic "$changelog" Create Alter # it grows with the events topic
    allow topic "$changelog-demand" Create
    [ -z "${PREDICTIONS_TOPIC:-}" ] || allow topic "$PREDICTIONS_TOPIC" Create
    ;;
  service-replies) allow topic "$replies" Write ;;
  producer) allow topic "$events" Write ;;
  mender)
    allow topic "$letters" Read Write
    allow topic "$events" Write
    allow transactional-id "$letters-replay" Write Describe
    ;;
  asker) asker ;;
  asker-creates)
    asker
    allow topic "$replies" Create
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
