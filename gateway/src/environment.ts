/** The variables that all parts of Riverline read. Written by `make environment`. */

export const RESERVED = ["Intercept", "at_least", "formula", "level", "method", "params"] as const;

export const ENVIRONMENT = {
  "KAFKA_BOOTSTRAP_SERVERS": {
    "description": "Kafka's addresses: HOST:PORT[,HOST:PORT...]",
    "default": [
      "127.0.0.1:9092"
    ],
    "least": 1
  },
  "KAFKA_SECURITY_PROTOCOL": {
    "description": "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    "default": "PLAINTEXT",
    "choices": [
      "PLAINTEXT",
      "SSL",
      "SASL_PLAINTEXT",
      "SASL_SSL"
    ]
  },
  "KAFKA_SASL_MECHANISM": {
    "description": "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
    "choices": [
      "PLAIN",
      "SCRAM-SHA-256",
      "SCRAM-SHA-512",
      "OAUTHBEARER"
    ]
  },
  "KAFKA_SASL_PLAIN_USERNAME": {
    "description": "for PLAIN and SCRAM"
  },
  "KAFKA_SASL_PLAIN_PASSWORD": {
    "description": "for PLAIN and SCRAM",
    "secret": true
  },
  "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": {
    "description": "token endpoint for OAUTHBEARER",
    "pattern": "^https?://\\S+$"
  },
  "KAFKA_SASL_OAUTHBEARER_CLIENT_ID": {
    "description": "for the token endpoint"
  },
  "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": {
    "description": "for the token endpoint",
    "secret": true
  },
  "KAFKA_SASL_OAUTHBEARER_SCOPE": {
    "description": "scope of the token, if required"
  },
  "KAFKA_SSL_CAFILE": {
    "description": "authorities that sign the brokers' certificates"
  },
  "KAFKA_SSL_CERTFILE": {
    "description": "our certificate, for mutual TLS"
  },
  "KAFKA_SSL_KEYFILE": {
    "description": "our private key, for mutual TLS"
  },
  "KAFKA_SSL_PASSWORD": {
    "description": "password of the private key",
    "secret": true
  },
  "KAFKA_SSL_CRLFILE": {
    "description": "list of revoked certificates"
  },
  "KAFKA_SSL_CIPHERS": {
    "description": "OpenSSL's cipher list"
  },
  "KAFKA_SSL_CHECK_HOSTNAME": {
    "description": "the broker's certificate must name its host",
    "default": true
  },
  "EVENTS_TOPIC": {
    "description": "topic of events",
    "default": "mobile-events",
    "pattern": "^[A-Za-z0-9._-]{1,249}$"
  },
  "REQUESTS_TOPIC": {
    "description": "topic of requests",
    "default": "prediction-requests",
    "pattern": "^[A-Za-z0-9._-]{1,249}$"
  },
  "REPLIES_TOPIC": {
    "description": "topic of replies to requests that name none",
    "default": "prediction-replies",
    "pattern": "^[A-Za-z0-9._-]{1,249}$"
  },
  "FIELDS": {
    "description": "the numeric fields of an event, in order",
    "default": [
      "tv",
      "radio",
      "newspaper",
      "sales"
    ],
    "pattern": "^[A-Za-z_][A-Za-z0-9_.]{0,63}$",
    "least": 1,
    "most": 64
  },
  "APPLICATION_ID": {
    "description": "names the consumer groups and the changelog topic",
    "default": "riverline",
    "pattern": "^[A-Za-z0-9._-]{1,200}$"
  },
  "LOG_LEVEL": {
    "description": "the least that is logged: debug, info, warning, error or critical",
    "default": "info",
    "choices": [
      "debug",
      "info",
      "warning",
      "error",
      "critical"
    ]
  },
  "LOG_FORMAT": {
    "description": "json, logfmt or console (default: console on a terminal, else logfmt)",
    "choices": [
      "json",
      "logfmt",
      "console"
    ]
  }
} as const;
