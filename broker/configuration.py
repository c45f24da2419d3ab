"""The broker's one configuration: for small machines, quick restarts and logs without retention."""

from collections.abc import Mapping

# Measured on two cores.  A million events, read by four groups, peak at 172 MB resident.  Serial
# collection and the first compiler only: a start takes 1.7 s instead of 2.4, the million 0.7 s of
# processor time instead of 1.3 to 1.9.  An AOT cache would halve the start, but takes 7 s and 65 MB
# to make, for every machine and every change of these options.
JVM_OPTIONS = (
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",  # a broker must not linger half alive
    "-XX:-UsePerfData",  # no files in /tmp/hsperfdata_*
    "--enable-native-access=ALL-UNNAMED",  # compression libraries: no warning in the log
    "--sun-misc-unsafe-memory-access=allow",  # the same, for memory-mapped indexes
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    # 400 lines a start that say what server.properties says
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
    # where a secured broker may take the keys of tokens from: Kafka reads this property alone
    "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file:///proc/self/cwd/jwks.json",
)

_PROPERTIES = """\
# Written by `broker` at each start: changes are lost.
process.roles=broker,controller
node.id=1
# The voters stand here and not in the metadata log, so that another start may use other ports.
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
# Relative to the process's working directory: a path of any characters, and a folder that may move.
log.dirs={log_dirs}

# After kill -9 a broker must wait until its old session has expired: 9 s by default.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500

# There is one node.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# 50 partitions each by default: files to open and to recover at each start.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=1
share.coordinator.state.topic.num.partitions=1

# Topics are created explicitly: a misspelt name is an error, not a new topic.
auto.create.topics.enable=false
num.partitions=4

# Tests need groups that form at once and notice a death within a second.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# The log is the source of truth, which the model is a fold of: nothing is deleted by age.
log.retention.ms=-1
# A year: a group that pauses keeps its place.
offsets.retention.minutes=525600

# Compaction's table of keys: 128 MB of heap by default; this holds 160,000 keys.
log.cleaner.dedupe.buffer.size=4194304
# Two memory-mapped files a partition of (apparent) 10 MB by default.
log.index.size.max.bytes=1048576
"""


def properties(
    host: str,
    port: int,
    controller_port: int,
    log_dirs: str,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """The contents of `server.properties`.

    Args:
        host: the address that broker and controller listen on and advertise to clients.
        port: where clients connect.
        controller_port: where the broker connects to its own controller.
        log_dirs: Kafka's folder for all records, relative to the process's working directory.
        extra: further settings; they win over those here.
    """
    bracketed = f"[{host}]" if ":" in host else host
    text = _PROPERTIES.format(
        host=bracketed, port=port, controller_port=controller_port, log_dirs=log_dirs
    )
    # Of two lines with one name Java takes the last.
    return (text + "".join(f"{name}={value}\n" for name, value in (extra or {}).items())).encode()
