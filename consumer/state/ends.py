"""The ends of changelog partitions that are to be reached."""

from collections.abc import Iterable, Mapping


class Ends:
    """An offset to be reached in each partition; unknown until Kafka has told where its log ends.

    Not safe for two threads at once.
    """

    def __init__(self) -> None:
        self._ends: dict[int, int | None] = {}

    def want(self, partitions: Iterable[int]) -> None:
        """Add partitions whose present end is to be reached; those that are there already stay."""
        for partition in partitions:
            self._ends.setdefault(partition, None)

    def forget(self, partition: int) -> None:
        """Drop a partition; wanted again, it has a new end."""
        del self._ends[partition]

    def unknown(self) -> set[int]:
        """The partitions whose end Kafka has not told yet."""
        return {partition for partition, end in self._ends.items() if end is None}

    def learn(self, ends: Mapping[int, int]) -> None:
        """Note ends that Kafka has told; one that is known already stays."""
        for partition in self.unknown() & ends.keys():
            self._ends[partition] = ends[partition]

    def is_reached(self, partition: int, position: int) -> bool:
        """Whether the end is known and this position is not before it."""
        end = self._ends.get(partition)
        return end is not None and position >= end

    def unreached(self, positions: Mapping[int, int]) -> set[int]:
        """The partitions whose end is unknown, or beyond these positions."""
        return {
            partition
            for partition in self._ends
            if not self.is_reached(partition, positions.get(partition, -1))
        }
