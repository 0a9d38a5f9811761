"""Results that remember what was read of them: for the tests that spoil it."""

from refimpl import catalogue
from refimpl.experiments.base import Result


def own_claims(paper):
    """The claims that compute; what reads the record of a comparison has tests of its own."""
    found = catalogue.claims([paper])
    return [claim for claim in found if not claim.function.__module__.endswith(".evidence")]


class Watched(dict):
    """The rows of a selection, which tells what is read of them."""

    def __init__(self, values, seen):
        super().__init__(values)
        self.seen = seen

    def __getitem__(self, name):
        self.seen.add(name)
        return super().__getitem__(name)


class Watching(Result):
    """A result that remembers which of its values were read."""

    def __init__(self, result):
        super().__init__(result.name, result.arrays, result.config)
        self.seen = set()

    def __getitem__(self, name):
        self.seen.add(name)
        return super().__getitem__(name)

    def select(self, **values):
        self.seen |= set(values)
        return Watched(
            Result(self.name, dict(super().arrays), self.config).select(**values), self.seen
        )

    @property
    def arrays(self):
        return Watched(super().arrays, self.seen)
