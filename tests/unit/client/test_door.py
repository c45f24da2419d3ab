"""Why the way in is shut is looked for only when it is, told as a fault, and over when it opens."""

from kafka.errors import KafkaTimeoutError

from consumer.client.door import LOOK_SECONDS, NAMELESS_SECONDS, Door
from consumer.settings import Settings
from consumer.telemetry.faults import FaultKind, Faults
from contract.diagnose import DoorKind, Shut
from contract.environment import Environment

PASSWORD = Shut(DoorKind.REFUSED, "Kafka refused the password of user riverline (PLAIN)")
AWAY = Shut(DoorKind.UNREACHABLE, "127.0.0.1:9092 does not answer")
ERROR = KafkaTimeoutError("Unable to bootstrap")


class Keeper:
    """Says why the door is shut; counts who asks."""

    def __init__(self, shut: Shut | None) -> None:
        self.shut = shut
        self.asked = 0
        self.now = 0.0
        self.faults = Faults(lambda: self.now)
        self.door = Door(Settings(), self.faults, self.explain, lambda: self.now)

    def explain(self, _settings: Environment) -> Shut | None:
        self.asked += 1
        return self.shut


def test_a_shut_door_is_a_fault_of_its_kind_until_it_opens() -> None:
    keeper = Keeper(PASSWORD)
    keeper.door.shut(ERROR)
    assert keeper.faults.unready() == [PASSWORD.sentence]
    assert keeper.faults.counts[FaultKind.REFUSED] == 1
    keeper.door.opened()
    assert keeper.faults.unready() == []


def test_each_kind_of_a_door_is_one_of_faults() -> None:
    assert {str(kind) for kind in DoorKind} <= {str(kind) for kind in FaultKind}


def test_it_is_looked_for_now_and_then_and_counted_each_time() -> None:
    keeper = Keeper(PASSWORD)
    for _attempt in range(3):
        keeper.door.shut(ERROR)
    assert (keeper.asked, keeper.faults.counts[FaultKind.REFUSED]) == (1, 3)
    keeper.now += LOOK_SECONDS
    keeper.shut = AWAY
    keeper.door.shut(ERROR)
    assert keeper.faults.unready() == [AWAY.sentence]


def test_what_has_no_name_is_told_by_its_type_where_it_lasts() -> None:
    keeper = Keeper(None)
    keeper.door.shut(ERROR)
    assert keeper.faults.unready() == []
    keeper.now += NAMELESS_SECONDS
    keeper.door.shut(ERROR)
    (said,) = keeper.faults.unready()
    assert said == "Kafka is there, but not usable yet (KafkaTimeoutError)"


def test_while_kafka_is_heard_a_broker_may_have_gone_but_a_refusal_is_one() -> None:
    keeper = Keeper(AWAY)
    keeper.door.shut(ERROR, heard=True)
    assert keeper.faults.unready() == []
    keeper.now += LOOK_SECONDS
    keeper.shut = PASSWORD
    keeper.door.shut(ERROR, heard=True)
    assert keeper.faults.unready() == [PASSWORD.sentence]
