"""Names on the wire: outcomes, reasons, methods, error codes and headers.

The JSON Schemas in ``schemas/`` define the same for other languages; ``tests/contract`` keeps the
two consistent.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a record of the events topic. Each has one at any time; WAITING is for now."""

    LEARNED = "learned"
    UNLABELLED = "unlabelled"  # no target: nothing to learn from; not an error
    SKIPPED = "skipped"  # not of the kind that the model file's `where` asks for
    REFUSED = "refused"  # sent to the dead-letter topic, with a Reason
    REPEATED = "repeated"  # an event or a label that was there before, with the same content
    MATCHED = "matched"  # a label whose event waited for it
    WAITING = "waiting"  # an event whose label may still come: then it is learned or unlabelled


class Reason(StrEnum):
    """Why an event was refused. The order is the order of the checks."""

    UNREADABLE = "unreadable"  # the record cannot be unpacked: checksum, codec, header key
    NO_VALUE = "no-value"
    TOO_LARGE = "too-large"
    BAD_JSON = "bad-json"
    BAD_SHAPE = "bad-shape"
    MISSING_FIELD = "missing-field"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_LEVEL = "not-a-level"  # of a category
    NOT_A_BOOLEAN = "not-a-boolean"
    NOT_A_TIME = "not-a-time"
    OUT_OF_RANGE = "out-of-range"
    UNDEFINED = "undefined"  # a function of the formula has no value there: the log of 0
    TOO_MANY_GAPS = "too-many-gaps"  # it lacks a new set of fields, and there are enough of these
    BAD_ID = "bad-id"  # the id of an event, or of a label's event, is no text and no whole number
    CONFLICTING_EVENT = "conflicting-event"  # another event had its id
    ORPHAN_LABEL = "orphan-label"  # no event had its id
    LATE_LABEL = "late-label"  # its event waits no more
    CONFLICTING_LABEL = "conflicting-label"  # its event has another label


class Method(StrEnum):
    """The methods of a request."""

    PREDICT = "predict"
    TRAIN = "train"
    DESCRIBE = "describe"
    LEARN = "learn"


class RequestOutcome(StrEnum):
    """The outcome of a request."""

    ANSWERED = "answered"
    REFUSED = "refused"  # an error was sent, or the answer could not be delivered
    EXPIRED = "expired"  # its deadline had passed: answered with an error, without work


class ErrorCode(StrEnum):
    """The ``code`` of an error reply. Codes for a bad value are the reasons of events."""

    UNREADABLE = Reason.UNREADABLE
    NO_VALUE = Reason.NO_VALUE
    TOO_LARGE = Reason.TOO_LARGE
    BAD_JSON = Reason.BAD_JSON
    BAD_SHAPE = Reason.BAD_SHAPE
    MISSING_FIELD = Reason.MISSING_FIELD
    NOT_A_NUMBER = Reason.NOT_A_NUMBER
    NOT_A_LEVEL = Reason.NOT_A_LEVEL
    NOT_A_BOOLEAN = Reason.NOT_A_BOOLEAN
    NOT_A_TIME = Reason.NOT_A_TIME
    OUT_OF_RANGE = Reason.OUT_OF_RANGE
    UNDEFINED = Reason.UNDEFINED
    TOO_MANY_GAPS = Reason.TOO_MANY_GAPS
    BAD_ID = Reason.BAD_ID
    CONFLICTING_EVENT = Reason.CONFLICTING_EVENT
    ORPHAN_LABEL = Reason.ORPHAN_LABEL
    LATE_LABEL = Reason.LATE_LABEL
    CONFLICTING_LABEL = Reason.CONFLICTING_LABEL
    UNKNOWN_METHOD = "unknown-method"
    BAD_PARAMS = "bad-params"
    UNKNOWN_FIELD = "unknown-field"
    BAD_FORMULA = "bad-formula"
    NOT_KEPT = "not-kept"
    TOO_FEW_EVENTS = "too-few-events"
    CONSTANT_FIELD = "constant-field"
    COLLINEAR_FIELD = "collinear-field"
    BAD_REPLY_ADDRESS = "bad-reply-address"
    EXPIRED = "expired"
    NOT_LEARNED = "not-learned"
    NOT_YET = "not-yet"  # the model does not have the positions of at_least, which waited in vain
    INTERNAL = "internal"


AT_LEAST = "at_least"
"""A parameter of any question: the positions that the model must have to answer it, by partition of
the events topic: the offset of the first record that need not be learned. The acknowledgement of an
event has the same member: what to ask with."""

RESERVED = frozenset({"method", "params", "formula", "level", AT_LEAST, "Intercept"})
"""Words used in requests and replies: no field may have one of these names."""

VALUE_LIMIT = 1e12
"""The largest magnitude of a number in an event or a request."""

MAX_MESSAGE_BYTES = 256 * 1024
"""The largest value of an event or a request that is parsed."""

MAX_CORRELATION_ID_BYTES = 128

# Headers of a request in the plain dialect, and of its reply.
CORRELATION_ID = "correlation_id"
REPLY_TO = "reply_to"
DEADLINE = "deadline"  # milliseconds since the epoch, decimal
CONTENT_TYPE = "content-type"
JSON_CONTENT = b"application/json"

# W3C Trace Context, of a request or an event in any dialect: its reply and its dead letter have the
# same, and so has the event that a request becomes.
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

# Headers of the other dialects, as existing clients name them.
KAFKA_CORRELATION_ID = "kafka_correlationId"  # Spring Kafka and NestJS
KAFKA_REPLY_TOPIC = "kafka_replyTopic"
KAFKA_REPLY_PARTITION = "kafka_replyPartition"
NEST_ERROR = "kafka_nest-err"
NEST_IS_DISPOSED = "kafka_nest-is-disposed"
SMALLRYE_CORRELATION_ID = "REPLY_CORRELATION_ID"  # SmallRye, hence Quarkus
SMALLRYE_REPLY_TOPIC = "REPLY_TOPIC"
SMALLRYE_REPLY_PARTITION = "REPLY_PARTITION"
SMALLRYE_ERROR = "REPLY_ERROR"
FAUST_CORRELATION_ID = "Faust-Ag-CorrelationId"
FAUST_REPLY_TO = "Faust-Ag-ReplyTo"

# Of an event that came as a request: which request, as `topic id-partition:offset:timestamp`. A
# responder that dies before its position is committed resends the event, byte for byte the same;
# the learner skips it.
REQUEST_OF_EVENT = "riverline.request"

# A dead letter: key `topic-partition-offset`, value the original's first DEAD_LETTER_BYTES bytes,
# and these headers. Repeats after a crash have the same key.
DEAD_LETTER_BYTES = 64 * 1024
DEAD_LETTER_VERSION = b"1"
DEAD_LETTER_HEADERS = (
    "riverline.version",
    "riverline.application",  # the APPLICATION_ID that refused it
    "riverline.reason",  # a Reason
    "riverline.detail",  # a sentence for people
    "riverline.topic",
    "riverline.partition",
    "riverline.offset",
    "riverline.timestamp",  # milliseconds since the epoch, from the record
    "riverline.key",  # the original key's first DEAD_LETTER_BYTES bytes; absent if it was null
    "riverline.length",  # bytes of the original value; absent if it was null
    "riverline.sha256",  # of the original value, hexadecimal; absent if it was null
    TRACEPARENT,  # the original's; absent if it had none that is well-formed
    TRACESTATE,
)

# The original's headers stand in the letter too, as far as they fit, with this before their names.
KEPT_HEADER = "riverline.header."
KEPT_HEADERS_BYTES = 8 * 1024
"""Of all of them, names and contents."""

OURS = "riverline."
"""Headers of these names mean something to us; what others send under them is not sent again."""

# A mended dead letter that is sent again names its place, `topic-partition-offset`. In the same
# transaction a note goes to the dead-letter topic: the letter's key, no value, and this header.
REPLAY_OF = "riverline.replay-of"
REPLAYED = "riverline.replayed"
