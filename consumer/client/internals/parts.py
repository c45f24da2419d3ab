"""Each private part of kafka-python that only the service uses, with its signature."""

from contract.internals.parts import Parts

_BATCH = "kafka.record.default_records:DefaultRecordBatch"
_BUILDER = "kafka.record.default_records:DefaultRecordBatchBuilder"
_CLUSTER = "kafka.cluster:ClusterMetadata"
_CONNECTION = "kafka.net.connection:KafkaConnection"
_CONSUMER = "kafka.consumer.group:KafkaConsumer"
_COORDINATOR = "kafka.coordinator.consumer:ConsumerCoordinator"
_FETCHER = "kafka.consumer.fetcher:Fetcher"
_MANAGER = "kafka.net.manager:KafkaConnectionManager"
_NET = "kafka.net.selector:NetworkSelector"
_PARTITION = f"{_FETCHER}.PartitionRecords"
_TCP = "kafka.net.transport:KafkaTCPTransport"
_SSL = "kafka.net.transport:KafkaSSLTransport"

_ATTRIBUTES = {  # ATTRIBUTE is their signature
    _BATCH: "_buffer _decompressed _pos CODEC_GZIP CODEC_LZ4 CODEC_ZSTD LOG_APPEND_TIME "
    "base_offset compression_type first_timestamp is_control_batch last_offset "
    "last_offset_delta leader_epoch magic max_timestamp next_offset producer_id records_count "
    "size_in_bytes timestamp_type",
    _CLUSTER: "_partitions _topics",
    _CONNECTION: "connected paused",
    _CONSUMER: "_cluster _coordinator _fetcher _manager _net _subscription",
    _COORDINATOR: "_async_commit_fenced rejoining",
    _FETCHER: "PartitionRecords _fetch_futures _next_partition_records",
    _MANAGER: "cluster",
    _NET: "_io_thread",
    _PARTITION: "aborted_producer_ids bytes_read isolation_level leader_epoch next_fetch_offset "
    "topic_partition",
    _TCP: "_closed _sock _write _writing",
    "kafka.consumer.fetcher:IsolationLevel": "READ_COMMITTED",
    "kafka.consumer.subscription_state:OffsetResetStrategy": "EARLIEST",
    "kafka.consumer.subscription_state:SubscriptionState": "_default_offset_reset_strategy "
    "assignment",
    "kafka.consumer.subscription_state:TopicPartitionState": "position",
    "kafka.producer.kafka:KafkaProducer": "_metadata _sender",
    "kafka.protocol.producer:ProduceRequest": "TopicProduceData",
}

_METHODS = {
    _BATCH: {
        "_maybe_uncompress": "(self)",
        "has_producer_id": "(self)",
        "validate_crc": "(self)",
    },
    _BUILDER: {
        "__init__": "(self, magic, compression_type, is_transactional, producer_id, "
        "producer_epoch, base_sequence, batch_size)",
        "append": "(self, offset, timestamp, key, value, headers, encode_varint=Ellipsis, "
        "size_of_varint=Ellipsis, get_type=Ellipsis, type_int=Ellipsis, time_time=Ellipsis, "
        "byte_like=(<class 'bytes'>, <class 'bytearray'>, <class 'memoryview'>), "
        "bytearray_type=Ellipsis, len_func=Ellipsis, zero_len_varint=1)",
        "build": "(self)",
    },
    _CLUSTER: {
        "add_listener": "(self, listener)",
        "add_topic": "(self, topic)",
        "leader_for_partition": "(self, partition)",
        "partitions_for_topic": "(self, topic)",
        "request_update": "(self)",
        "topic_id": "(self, topic_name)",
    },
    _CONNECTION: {"send_request": "(self, request, request_timeout_ms=None)"},
    _COORDINATOR: {
        "_handle_heartbeat_response": "(self, response, send_time)",
        "_invoke_completed_offset_commit_callbacks": "(self)",
        "coordinator": "(self)",
        "ensure_coordinator_ready": "(self, timeout_ms=None)",
        "need_rejoin": "(self)",
        "request_rejoin": "(self)",
        "reset_generation": "(self, member_id='')",
        "stable": "(self)",
    },
    _FETCHER: {
        "_send_fetches_async": "(self)",
        "fetched_records": "(self, max_records=None, update_offsets=True)",
    },
    _MANAGER: {
        "bootstrap": "(self, timeout_ms=None, refresh=True)",
        "close": "(self, node_id=None, timeout_ms=None)",
        "get_connection": "(self, node_id, timeout_ms=None, pop_on_close=True, "
        "refresh_metadata_on_err=True, reset_backoff_on_connect=True)",
    },
    _NET: {
        "call_later": "(self, delay, task)",
        "cancel": "(self, task)",
        "run": "(self, coro, *args)",
        "sleep": "(self, delay)",
    },
    _PARTITION: {
        "_consume_aborted_transactions_up_to": "(self, offset)",
        "_is_batch_aborted": "(self, batch)",
        "_unpack_records": "(self, tp, records, key_deserializer, value_deserializer)",
        "drain": "(self)",
    },
    _SSL: {"_sock_recv": "(self)"},
    "kafka.future:Future": {
        "add_both": "(self, f, *args, **kwargs)",
        "failure": "(self, e)",
        "success": "(self, value)",
    },
    "kafka.record.memory_records:MemoryRecords": {
        "next_batch": "(self, _min_slice=26, _magic_offset=16)",
    },
    "kafka.producer.sender:Sender": {"wakeup": "(self)"},
    _TCP: {"_sock_recv": "(self)", "write": "(self, data)"},
}

_OTHERS = {f"{owner}.{name}": "" for owner, names in _ATTRIBUTES.items() for name in names.split()}

PARTS: Parts = (
    _OTHERS
    | {
        f"{owner}.{name}": signature
        for owner, methods in _METHODS.items()
        for name, signature in methods.items()
    }
    | {"kafka.record.util:decode_varint": "(buffer, pos=0)"}
)
