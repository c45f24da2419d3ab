"""What the settings would mean for the saved state: read from the changelog, nothing is changed."""

from collections.abc import Iterable

from consumer.decode import Record
from consumer.model import ModelSpec
from consumer.state.belonging import ForeignError
from consumer.state.snapshot import DamagedError, Part, Snapshot, read


def check(spec: ModelSpec, saved: Iterable[tuple[int, Record]]) -> tuple[bool, list[str]]:
    """Whether the service would start with the saved states, and what becomes of each.

    Args:
        spec: The model of the settings.
        saved: The changelog's records, in their order, each with its partition.

    Returns:
        Whether it would, and sentences; the same of several partitions once.
    """
    newest: dict[int, Snapshot | str] = {}
    for number, record in saved:
        if record.key != Part.REGRESSION.key(number):
            continue
        try:
            (found, *_) = read(record.value, number, spec)
        except ForeignError as error:
            newest.setdefault(number, str(error))
        except DamagedError:
            continue
        else:
            known = newest.get(number)
            if not isinstance(known, Snapshot) or known.position <= found.position:
                newest[number] = found
    said: dict[str, list[str]] = {}
    for number, one in sorted(newest.items()):
        for sentence in _sentences(one, spec):
            said.setdefault(sentence, []).append(str(number))
    if not newest:
        return True, ["there is no saved state: the model is learned from the log's beginning"]
    usable = all(isinstance(one, Snapshot) for one in newest.values())
    return usable, [f"partition {', '.join(at)}: {sentence}" for sentence, at in said.items()]


def _sentences(one: Snapshot | str, spec: ModelSpec) -> list[str]:
    if isinstance(one, str):
        return [one]
    said = ["the saved state is of this model"] if one.change is None else one.change.sentences()
    return said + [
        f"challengers: {formula} is new: it knows what was learned, and is compared from here on"
        for formula in (str(it.formula) for it in spec.challengers)
        if formula not in one.challengers
    ]
