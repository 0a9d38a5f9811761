"""Results that remember what was read of them: for the tests that spoil it."""

from refimpl.experiments.base import Result


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
