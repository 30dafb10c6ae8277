"""A campaign's run that is opened again: what it said of its end and its code stays true.

A campaign that is done may be resumed and breed nothing more: then its run ends when it ended, and
names the code that bred. Where it does go on, the run says since when, and with which code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from evoskeleton.platform.record.run_page.tags import (
    CODE,
    MACHINE,
    NOTE,
    RESULT_TOLD,
    STOPPED,
    told,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

_EARLIER = "**This campaign goes on; what follows is how it ended before.**"


class GoneOn:
    """One run that was there already."""

    def __init__(
        self, client: "MlflowClient", run_id: str, said: Callable[[], dict[str, str | None]]
    ) -> None:
        """It runs, unless it is done: then it is left as it is until `more`.

        Args:
            client: of MLflow.
            run_id: of the run.
            said: tags of this process, of which those of code and machine count.
        """
        self._client, self._run_id, self._said = client, run_id, said
        found = client.get_run(run_id)
        done = str(found.info.status) == "FINISHED"
        self.ended_ms: int | None = found.info.end_time if done else None
        self._told = False
        if not done:
            self._runs()

    def more(self, generation: int) -> None:
        """Note, once, that something new is there, from a generation on."""
        if self._told:
            return
        tags = self._client.get_run(self._run_id).data.tags
        for name in (CODE, MACHINE):
            text = _continued(tags.get(name), self._said().get(name), generation)
            if text is not None:
                self._client.set_tag(self._run_id, name, text)
        if self.ended_ms is not None:
            self._runs()
            if told(tags, RESULT_TOLD) == "true":
                self._client.set_tag(self._run_id, NOTE, f"{_EARLIER}\n\n{tags.get(NOTE, '')}")
        self.ended_ms, self._told = None, True

    def _runs(self) -> None:
        self._client.update_run(self._run_id, status="RUNNING")
        self._client.set_tag(self._run_id, STOPPED, "false")


def _continued(before: str | None, now: str | None, generation: int) -> str | None:
    """What a tag says when another value holds from a generation on; none: it stays."""
    if now is None or before is None:
        return now
    latest = before.rpartition("; ")[2].rpartition(" from generation ")[0] or before
    return None if latest == now else f"{before}; {now} from generation {generation}"
