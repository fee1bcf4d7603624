"""Where one event source mapping stands in a stream, and what it does after each invocation.

Pure: it knows positions and counts, and neither the emulator nor the records.
A batch is a half-open range of positions. A batch that is split leaves its parts on a stack,
the first part on top, so that no part starts before the one in front of it is settled.
"""

from dataclasses import dataclass, field

UNLIMITED = -1


@dataclass(frozen=True)
class Limits:
    """The settings of a mapping that decide about retries."""

    retries: int = UNLIMITED
    age_seconds: float = UNLIMITED
    bisect: bool = False


@dataclass(frozen=True)
class Discarded:
    """Records given up, which belong in the failure destination."""

    start: int
    end: int
    invocations: int
    condition: str


@dataclass
class BatchCursor:
    """The next position to read, and the parts of the current batch that are still unsettled."""

    position: int
    invocations: int = 0
    _part_ends: list = field(default_factory=list)

    @property
    def in_batch(self):
        return bool(self._part_ends)

    @property
    def part_end(self):
        """The end of the part to invoke with, once a batch has begun."""
        return self._part_ends[-1]

    def begin(self, end):
        """A batch of the records up to `end` has been read."""
        self._part_ends = [end]
        self.invocations = 0

    def skip_expired(self, horizon):
        """Records before `horizon` have left the stream."""
        if horizon <= self.position:
            return
        self.position = horizon
        self.invocations = 0
        while self._part_ends and self._part_ends[-1] <= horizon:
            self._part_ends.pop()

    def discard_aged(self, aged):
        """Gives up the first `aged` records of the part: they are too old to be sent."""
        given_up = Discarded(self.position, self.position + aged, self.invocations, "MaxRecordAgeExceeded")
        self._settle_up_to(given_up.end)
        return given_up

    def succeeded(self):
        self._settle_up_to(self.part_end)

    def failed(self, at, limits, oldest_age):
        """The function failed, or reported that records from offset `at` on are not done.

        Gives the records that are given up for it, or None when they are to be tried again.
        """
        self.invocations += 1
        if at > 0:
            self._settle_up_to(self.position + at)
            return None
        if 0 <= limits.age_seconds < oldest_age:
            return self._discard("MaxRecordAgeExceeded")
        if limits.bisect and self.part_end - self.position > 1:
            middle = self.position + (self.part_end - self.position) // 2
            self._part_ends.append(middle)
            self.invocations = 0
            return None
        if 0 <= limits.retries < self.invocations:
            return self._discard("RetryAttemptsExhausted")
        return None

    def _discard(self, condition):
        given_up = Discarded(self.position, self.part_end, self.invocations, condition)
        self._settle_up_to(given_up.end)
        return given_up

    def _settle_up_to(self, position):
        self.position = position
        self.invocations = 0
        while self._part_ends and self._part_ends[-1] <= position:
            self._part_ends.pop()
