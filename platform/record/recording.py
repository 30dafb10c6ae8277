"""The record of a campaign, written by a thread of its own.

What MLflow is told waits in a queue, so that a server that hangs, or a slow upload, takes no time
from the campaign. Nothing in the queue is all there is of anything: generations and trainings lie
in the campaign's folder and are written by the next resume, figures are drawn again by it, and what
else there is lies in files until MLflow has it, see `Unwritten`.
"""

import io
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.record.mlflow_store import one_line
from evoskeleton.platform.record.run_page.data_sets import UsedPoses
from evoskeleton.platform.record.run_page.gallery_strip import Galleries, spread_by_error, strip
from evoskeleton.platform.record.run_page.machine_load import Load
from evoskeleton.platform.record.run_page.unwritten import Shown, Unwritten
from evoskeleton.platform.record.tracking import (
    MOST_LOADS,
    Page,
    Tracker,
    TrackingSettings,
    to_stderr,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PICTURES = 200
"""Pictures of generations that may wait; those of later generations are left out then."""

END_SECONDS, STOP_SECONDS = 90.0, 10.0
"""How long the end of a campaign, and a stop, wait for MLflow to take the next record."""


class _Record(NamedTuple):
    what: str
    write: Callable[[], object]


class Recording:
    """A `Tracker` whose calls return at once; `finish` and `leave` wait as long as it gets on."""

    def __init__(
        self,
        settings: TrackingSettings,
        home: Path | str,
        tell: Callable[[str], None] | None = None,
        unwritten: Path | None = None,
    ) -> None:
        """Nothing is opened before `start`.

        Args:
            settings: of the record.
            home: where it lies unless the settings say otherwise.
            tell: gets sentences for a person, from the thread.
            unwritten: folder for what waits; none: it lives as long as this process.
        """
        self._enabled = settings.enabled
        self._tell = tell or to_stderr
        self._tracker = Tracker(settings, home, self._tell)
        self._campaign = ""
        self._queue: deque[_Record] = deque()
        self._rows: dict[int, Mapping[str, Any]] = {}
        self._loads: deque[Load] = deque(maxlen=MOST_LOADS)
        self._galleries = Galleries()
        self._unwritten = Unwritten(unwritten)
        self._pictures: set[int] = set()
        self._known = -1
        self._done = 0
        self._writing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(
        self,
        campaign: str,
        settings: Mapping[str, Any],
        *,
        key: str | None = None,
        groups: Mapping[str, str] | None = None,
    ) -> None:
        """Open the campaign's run, see `Tracker.start`, and take up what an earlier driver left."""
        self._campaign = campaign
        loads = self._unwritten.loads() if self._enabled else []
        began_ms = loads[0].at_ms if loads else None
        start = partial(
            self._tracker.start, campaign, settings, key=key, groups=groups, began_ms=began_ms
        )
        self._put("start", start)
        if self._enabled:
            self._put_loads(loads)
            for shown in self._unwritten.pictures():
                self._put_picture(shown)

    def sync_generations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows of the logbook; those that were given before are passed over."""
        new = {int(row["generation"]): row for row in rows if row["generation"] > self._known}
        if not new or not self._enabled:
            return
        self._known = max(new)
        with self._changed:
            waiting = bool(self._rows)
            self._rows |= new
        if not waiting:
            self._put("generations", self._write_rows)

    def _write_rows(self) -> None:
        with self._changed:
            rows, self._rows = self._rows, {}
        self._tracker.sync_generations(list(rows.values()))

    def log_training(self, record: Mapping[str, Any]) -> None:
        """Write one training as a child run."""
        self._put("training", partial(self._tracker.log_training, dict(record)))

    def mark_champion(self, weights: str) -> None:
        """Note that the training which made these weights (hash) became champion."""
        self._put("champion", partial(self._tracker.mark_champion, weights))

    def register_champion(
        self, bundle: Path | str, metrics: Mapping[str, float], worth: str | None = None
    ) -> None:
        """Register a bundle under the campaign's own model name."""
        write = partial(self._tracker.register_champion, bundle, dict(metrics), worth)
        self._put("champion's registration", write)

    def log_figure(self, name: str, figure: "Figure") -> None:
        """Keep a figure, which is drawn here and now."""
        if not self._enabled:
            return
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=150)
        self._put(f"figure {name}", partial(self._tracker.log_picture, name, picture))

    def log_picture(self, name: str, png: bytes) -> None:
        """Keep a PNG file as a figure."""
        self._put(f"figure {name}", partial(self._tracker.log_picture, name, io.BytesIO(png)))

    def log_table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep rows as a table."""
        self._put(f"table {name}", partial(self._tracker.log_table, name, list(rows)))

    def log_json(self, name: str, data: Any) -> None:
        """Keep plain data."""
        self._put(f"table {name}", partial(self._tracker.log_json, name, data))

    def log_gallery(self, generation: int, rows: PoseRows) -> None:
        """Keep a small picture of what a generation bred, if there is time for it."""
        if not self._enabled or len(rows) == 0:
            return
        if len(self._pictures) >= MOST_PICTURES:
            return
        error = np.full(len(rows), np.nan) if rows.error is None else rows.error
        places = spread_by_error(error)
        shown = Shown(generation, rows.take(places).poses, error[places])
        self._unwritten.keep_picture(shown)
        self._put_picture(shown)

    def _put_picture(self, shown: Shown) -> None:
        self._pictures.add(shown.generation)
        captions = ["" if np.isnan(e) else f"{e:.0f} mm" for e in shown.error]
        draw = partial(strip, shown.poses, captions)
        done = partial(self._pictured, shown.generation)
        write = partial(self._galleries.write, self._tracker, shown.generation, draw, done)
        self._put("gallery", write)

    def _pictured(self, generation: int) -> None:
        self._unwritten.drop_picture(generation)
        self._pictures.discard(generation)

    def log_load(self, load: Load) -> None:
        """Keep a look at the machines; all that wait are written together."""
        if self._enabled:
            self._unwritten.keep_load(load)
            self._put_loads([load])

    def _put_loads(self, loads: Sequence[Load]) -> None:
        with self._changed:
            waiting = bool(self._loads)
            self._loads.extend(loads)
        if loads and not waiting:
            self._put("system metrics", self._write_loads)

    def _write_loads(self) -> None:
        with self._changed:
            loads = list(self._loads)
            self._loads.clear()
        if self._tracker.log_loads(loads) and not self._loads:
            self._unwritten.drop_loads()

    def log_sources(self, used: Sequence[UsedPoses]) -> None:
        """Note the sets of poses that the campaign is made of."""
        self._put("data sets", partial(self._tracker.log_sources, list(used)))

    def describe(self, words: str) -> None:
        """Say what was asked, until there is a result."""
        self._put("description", partial(self._tracker.describe, words))

    def log_headline(self, numbers: Mapping[str, float], generation: int, words: str) -> None:
        """What came, in numbers and in words."""
        self._put("headline", partial(self._tracker.log_headline, numbers, generation, words))

    def log_page(self, name: str, html: str) -> None:
        """Keep a page at the root of the artifacts."""
        self._put(f"page {name}", partial(self._tracker.log_page, name, html))

    def log_summary(self, numbers: Mapping[str, float], generation: int = 0) -> None:
        """Numbers about the whole campaign."""
        self._put("summary", partial(self._tracker.log_summary, dict(numbers), generation))

    def finish(self, status: str = "FINISHED") -> None:
        """Close the run, once all that waits is written or MLflow has long taken nothing."""
        self._put("end of the campaign", partial(self._tracker.finish, status))
        self._wait(END_SECONDS)

    def leave(self) -> None:
        """Leave the run open for the driver that goes on."""
        self._put("stop of the campaign", self._tracker.leave)
        self._wait(STOP_SECONDS)

    def how_to_open(self, port: int = 5000) -> Page | None:
        """See `Tracker.how_to_open`."""
        return self._tracker.how_to_open(port)

    def _put(self, what: str, write: Callable[[], object]) -> None:
        if not self._enabled:
            return
        with self._changed:
            self._queue.append(_Record(what, write))
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, daemon=True, name="record")
            self._thread.start()

    def _write(self) -> None:
        """All that comes, in order, for as long as the process lives."""
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                record = self._queue.popleft()
                self._writing = True
            try:
                record.write()
            except Exception as error:  # an outlet: nothing may end a campaign
                self._tell(f"the {record.what} could not be recorded: {one_line(error)}")
            with self._changed:
                self._done += 1
                self._writing = False
                self._changed.notify_all()

    def _wait(self, seconds: float) -> None:
        """Until nothing waits, or nothing was written for so many seconds."""
        with self._changed:
            while self._queue or self._writing:
                before = self._done
                if not self._changed.wait_for(partial(self._moved, before), seconds):
                    break
            waiting = len(self._queue) + self._writing
        if waiting:
            self._tell(
                f"MLflow lacks {waiting} records of campaign {self._campaign}: resume it when "
                f"MLflow answers, and they are written"
            )

    def _moved(self, before: int) -> bool:
        return self._done > before or not (self._queue or self._writing)
