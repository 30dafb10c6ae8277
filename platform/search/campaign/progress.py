"""Who watches a campaign."""

from typing import Any, Protocol


class Monitor(Protocol):
    """Who watches a campaign: the progress bars of a terminal, or nobody."""

    def generation(self, done: int, total: int, record: dict[str, Any]) -> None:
        """So much of the search is done; the record is that of the last generation."""

    def starting(self) -> None:
        """The cluster is being started or joined."""

    def tell(self, sentence: str) -> None:
        """Something that a person should know, and need do nothing about."""

    def training(self, name: str, done: int, total: int) -> None:
        """A training that is waited for has got so far; (0, 0) before its first report."""


class Silent:
    """A `Monitor` that shows nothing: for scripts, and for whoever reads the table instead."""

    def generation(self, done: int, total: int, record: dict[str, Any]) -> None:
        """Nothing is shown."""

    def starting(self) -> None:
        """Nothing is shown."""

    def tell(self, sentence: str) -> None:
        """Nothing is shown."""

    def training(self, name: str, done: int, total: int) -> None:
        """Nothing is shown."""


class Both:
    """Two that watch."""

    def __init__(self, first: Monitor, second: Monitor) -> None:
        self._both = first, second

    def generation(self, done: int, total: int, record: dict[str, Any]) -> None:
        """Both are told."""
        for monitor in self._both:
            monitor.generation(done, total, record)

    def starting(self) -> None:
        """Both are told."""
        for monitor in self._both:
            monitor.starting()

    def tell(self, sentence: str) -> None:
        """Both are told."""
        for monitor in self._both:
            monitor.tell(sentence)

    def training(self, name: str, done: int, total: int) -> None:
        """Both are told."""
        for monitor in self._both:
            monitor.training(name, done, total)
