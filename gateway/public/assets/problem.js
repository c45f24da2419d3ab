// What went wrong, for people. The API's own words are right where the question is at fault.

const PLAIN = {
  "kafka-away": "Kafka can’t be reached",
  "timeout": "The service gives no answer",
  "not-ready": "The service is still starting",
  "unauthorized": "The gateway wants another token",
};

export const inWords = ({ code, message }) => PLAIN[code] ?? message;
