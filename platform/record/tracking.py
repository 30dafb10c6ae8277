"""The campaign's record in MLflow, kept by one writer.

    campaign   a parent run: settings, one point per generation and metric, figures, tables
    training   a child run each: the curve, the table version it read, the bundle it made

The record is an outlet. Whatever MLflow does, the campaign goes on: what could not be written waits
in an outbox, is reported once, and is written when MLflow answers again, or by the next resume. All
writes are idempotent, so a driver killed at any moment leaves no gap and no double point.
"""

import csv
import io
import json
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evoskeleton.errors import BadInput
from evoskeleton.platform.record import provenance
from evoskeleton.platform.record.metric_names import (
    RESULT,
    generation_metric,
    model_name,
    training_metric,
)
from evoskeleton.platform.record.mlflow_run import Point, Run, numeric, public_settings
from evoskeleton.platform.record.mlflow_store import (
    Store,
    TrackingSettings,
    one_line,
    without_secrets,
)
from evoskeleton.platform.record.registry import Registry, expect_whole, weights_of
from evoskeleton.platform.record.run_page.data_sets import UsedPoses, input_of, table_input
from evoskeleton.platform.record.run_page.experiment_page import describe_experiment
from evoskeleton.platform.record.run_page.gone_on import GoneOn
from evoskeleton.platform.record.run_page.logged_lifter import link_champion, log_lifter
from evoskeleton.platform.record.run_page.machine_load import Load, now_ms
from evoskeleton.platform.record.run_page.opening import (
    Page,
    links_to,
    page_of,
    picture_of,
)
from evoskeleton.platform.record.run_page.tags import (
    CAMPAIGN,
    CHAMPION,
    CLOSINGS,
    CODE,
    COLOUR,
    COMPLETE,
    GENERATIONS,
    KEY,
    MACHINE,
    MODEL,
    NOTE,
    PARENT,
    RESULT_TOLD,
    STOPPED,
    TRAINING,
    WEIGHTS,
    earlier,
    told,
)
from evoskeleton.platform.record.run_page.words import (
    COLOURS,
    changed_words,
    renamed,
    training_name,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = ["Page", "Tracker", "TrackingSettings"]

ATTEMPTS = 3
"""How often a record is tried while MLflow answers but refuses it."""

PAUSE = 30.0
"""Seconds for which MLflow is left alone after it did not answer."""

SMALL = "bred_poses"
"""A figure that stands in the description itself: a larger one would widen all of its text."""

MOST_LOADS = 500
"""Looks at the machines that wait while MLflow is away; the oldest go first."""

_IMAGE = re.compile(r"([^/]+)[%+]step[%+](\d+)[%+]timestamp")
"""How MLflow names the files of a picture of a step."""


@dataclass
class _Job:
    what: str
    write: Callable[[], None]
    attempts: int = 0


class Tracker:
    """Writes one campaign to MLflow, from the process that drives it."""

    def __init__(
        self,
        settings: TrackingSettings,
        home: Path | str,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Nothing is opened before `start`. `tell` gets the sentences meant for a person."""
        self._settings = settings
        self._home = home
        self._store = Store(settings, home)
        self._tell = tell or to_stderr
        self._opening: Callable[[], Run] | None = None
        self._run: Run | None = None
        self._experiment = ""
        self._campaign = ""
        self._key: str | None = None
        self._groups: dict[str, str] = {}
        self._began_ms = 0
        self._gone_on: GoneOn | None = None
        self._differing: Mapping[str, tuple[str, str]] = {}
        self._logbook: dict[int, Mapping[str, Any]] = {}
        self._lasting: dict[str, _Job] = {}
        self._loads: deque[Load] = deque(maxlen=MOST_LOADS)
        self._pages: list[str] = []
        self._validation: UsedPoses | None = None
        self._version: tuple[str, int] | None = None
        self._rows: dict[int, Mapping[str, Any]] = {}
        self._trainings: dict[str, tuple[Run, bool]] = {}
        self._images: set[tuple[str, int]] | None = None
        self._outbox: deque[_Job] = deque()
        self._silent = False
        self._pause_until = 0.0

    @property
    def run_id(self) -> str | None:
        """The campaign's run, once MLflow has answered."""
        return self._run.id if self._run else None

    def start(
        self,
        campaign: str,
        settings: Mapping[str, Any],
        *,
        run_id: str | None = None,
        key: str | None = None,
        groups: Mapping[str, str] | None = None,
        began_ms: int | None = None,
    ) -> str | None:
        """Open the campaign's run.

        Args:
            campaign: its name.
            settings: all of its settings, as plain data.
            run_id: the run to go on in; a new one is opened where it is gone.
            key: what names this campaign for good, such as a random word kept in its folder; a run
                that has it is found again even where its id was never noted.
            groups: of the settings, in words, those that another campaign may lack.
            began_ms: when the campaign began, since 1970, if MLflow was not told then; none: now.

        Returns:
            The run's id; None where MLflow is switched off or does not answer yet (see `run_id`).
        """
        self._campaign, self._key, self._groups = campaign, key, dict(groups or {})
        self._began_ms = began_ms or now_ms()
        self._opening = partial(self._open, dict(settings), run_id, key)
        self._flush()
        return self.run_id

    def sync_generations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the logbook rows that the run lacks: one request a generation, step = generation.

        Args:
            rows: one dict a generation, with `generation` and any numbers; earlier rows may be
                given again, or left out.
        """
        self._rows.update({int(row["generation"]): row for row in rows})
        self._logbook |= self._rows
        self._flush()

    def log_training(self, record: Mapping[str, Any]) -> None:
        """Write one training as a child run; the same training again changes nothing.

        Args:
            record: `table_version`, `table` (URI), `rows`, `hash`, `settings`, `curve` (a list of
                dicts with `step`), `validation` (name to number), `bundle` (folder), `generation`,
                `name`, `seconds`, `champion` (whether it became champion); each but the first may
                be missing.
        """
        what = f"training on table version {record['table_version']}"
        self._send(what, partial(self._write_training, dict(record)), lasts=True)

    def mark_champion(self, weights: str) -> None:
        """Note that the training which made these weights (hash) became champion."""
        self._send("champion", lambda: _ignored(self._write_champion(weights)))

    def register_champion(
        self, bundle: Path | str, metrics: Mapping[str, float], worth: str | None = None
    ) -> None:
        """Register a bundle under the campaign's own model name, and note that it is champion.

        The version points to the training that made it.

        Args:
            bundle: folder of the bundle.
            metrics: what it is worth, such as `mpjpe` in mm.
            worth: the same in words; none: the metrics.
        """
        write = partial(self._write_registration, Path(bundle), dict(metrics), worth)
        self._send("champion's registration", write)

    def log_figure(self, name: str, figure: "Figure") -> None:
        """Keep a figure as `figures/<name>.png`; one of the same name is replaced."""
        if not self._settings.enabled:
            return
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=150)
        self.log_picture(name, picture)

    def log_picture(self, name: str, picture: io.BytesIO) -> None:
        """Keep a PNG file as `figures/<name>.png`."""
        self._pages.append(f"figures/{name}.png")
        self._send(f"figure {name}", partial(self._write_file, f"figures/{name}.png", picture))

    def log_table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep rows as `tables/<name>.csv`, which MLflow's page shows as a table."""
        text = io.StringIO()
        names = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _short(value) for name, value in row.items()} for row in rows)
        self._send(f"table {name}", partial(self._write_text, f"tables/{name}.csv", text))

    def log_json(self, name: str, data: Any) -> None:
        """Keep plain data as `tables/<name>.json`."""
        text = io.StringIO(json.dumps(data, indent=1, default=float))
        self._send(f"table {name}", partial(self._write_text, f"tables/{name}.json", text))

    def log_sources(self, used: Sequence[UsedPoses]) -> None:
        """Note the sets of poses that the campaign is made of, as inputs of its run."""
        inputs = [input_of(poses) for poses in used] if self._settings.enabled else []
        judges = (poses for poses in used if poses.role == "validation")
        self._validation = next(judges, self._validation)
        self._send(
            f"data sets {', '.join(poses.role for poses in used)}",
            lambda: self._store.client().log_inputs(self._parent().id, datasets=inputs),
            lasts=True,
        )

    def log_loads(self, loads: Sequence[Load]) -> bool:
        """Write looks at the machines as MLflow's system metrics; whether none waits any more."""
        self._loads.extend(loads)
        self._flush()
        return not self._loads

    def _write_loads(self) -> None:
        if self._loads:
            self._parent().write(self._points_of(list(self._loads)))
            self._loads.clear()

    def _points_of(self, loads: Sequence[Load]) -> list[Point]:
        """Steps are seconds since the run began, so that a resume goes on with them."""
        return [
            Point(name, max(0, load.at_ms - self._began_ms) // 1000, value, load.at_ms)
            for load in loads
            for name, value in load.by_name().items()
        ]

    def log_image(
        self, name: str, draw: Callable[[], "Image"], step: int, written: Callable[[], None]
    ) -> None:
        """Keep a picture of a generation, which MLflow's page shows with a slider.

        Args:
            name: of all generations' pictures.
            draw: makes the picture, when MLflow is ready for it.
            step: the generation.
            written: is called when MLflow has it.
        """
        self._send(f"picture {name}", partial(self._write_image, name, draw, step, written))

    def _write_image(
        self, name: str, draw: Callable[[], "Image"], step: int, written: Callable[[], None]
    ) -> None:
        client, run = self._store.client(), self._parent()
        if self._images is None:
            self._images = {
                (found[1], int(found[2]))
                for item in client.list_artifacts(run.id, "images")
                if (found := _IMAGE.search(item.path))
            }
        if (name, step) not in self._images:
            try:
                client.log_image(run.id, draw(), key=name, step=step)
            except BaseException:
                self._images = None  # the request may have been carried out all the same
                raise
            self._images.add((name, step))
        written()

    def describe(self, words: str) -> None:
        """Say in Markdown what was asked, unless the run says already what came."""
        self._send("description", partial(self._describe, words), lasts=True)

    def _describe(self, words: str) -> None:
        tags = self._store.client().get_run(self._parent().id).data.tags
        if told(tags, RESULT_TOLD) is None:
            parts = [words, changed_words(self._differing), _note(self._campaign)]
            self._parent().tag({NOTE: "\n\n".join(filter(None, parts))})

    def log_headline(self, numbers: Mapping[str, float], generation: int, words: str) -> None:
        """What came: metrics that stand before all groups, and the run's description.

        Args:
            numbers: such as `test_mpjpe_mm`.
            generation: of the end.
            words: the result in Markdown, put before what explains the page.
        """
        self._send("headline", partial(self._write_closing, dict(numbers), generation))
        self._send("description", partial(self._write_result, words))

    def _write_result(self, words: str) -> None:
        """The result, and links to what else the run holds."""
        run = self._parent().id
        links = links_to(self._experiment, run, self._pages, self._version)
        first, _, rest = words.partition("\n\n")  # the page folds all but the first lines away
        changed = changed_words(self._differing)
        file = f"figures/{SMALL}.png"
        above = "Bred poses of the table, from the easiest to the hardest, and the error on each:"
        shown = f"{above}\n\n{picture_of(run, file)}" if file in self._pages else ""
        parts = [first, links, changed, shown, rest, _note(self._campaign)]
        note = "\n\n".join(filter(None, parts))
        self._parent().tag({NOTE: note, RESULT_TOLD: "true"})

    def log_page(self, name: str, html: str) -> None:
        """Keep a page at the root of the artifacts, where MLflow shows it."""
        self._pages.append(name)
        self._send(f"page {name}", partial(self._write_text, name, io.StringIO(html)))

    def log_summary(self, numbers: Mapping[str, float], generation: int = 0) -> None:
        """Numbers about the whole campaign, such as the closing comparison, as metrics
        `1-result/<name>`; an extended campaign closes again, at a later generation."""
        named = {f"{RESULT}{name}": value for name, value in numbers.items()}
        self._send("summary", partial(self._write_closing, named, generation))

    def _write_closing(self, numbers: Mapping[str, float], generation: int) -> None:
        """Points whose step is how often the campaign was closed before: the page draws a first
        one as a bar with its number, and more as a curve."""
        tags = self._store.client().get_run(self._parent().id).data.tags
        closings: list[int] = json.loads(tags.get(CLOSINGS, "[]"))
        if generation not in closings:
            closings.append(generation)
            self._parent().tag({CLOSINGS: json.dumps(closings)})
        step = closings.index(generation)
        self._parent().write(Point(name, step, value) for name, value in numeric(numbers))

    def finish(self, status: str = "FINISHED") -> None:
        """Close the run as FINISHED, FAILED or KILLED, after one last try to write all."""
        self._end("end of the campaign", partial(self._close, status))

    def leave(self) -> None:
        """Leave the run to the driver that goes on, after one last try to write all.

        Until then it stands as KILLED, with a hidden tag.
        """
        self._end("stop of the campaign", self._stop)

    def _stop(self) -> None:
        if self._gone_on is not None and self._gone_on.ended_ms is not None:
            return  # it is done as before
        self._parent().tag({STOPPED: "true"})
        self._close("KILLED")

    def _end(self, what: str, write: Callable[[], None]) -> None:
        self._send(what, write, now=True)
        if self._outbox:
            self._tell(
                f"MLflow lacks {len(self._outbox)} records of campaign {self._campaign}: resume "
                "it when MLflow answers, and they are written"
            )

    def how_to_open(self, port: int = 5000) -> Page | None:
        """The command that serves the campaign's page, and the addresses; none without a page."""
        if self._run is None:
            return None
        return page_of(self._store, self._experiment, self._run.id, port)

    def _send(
        self, what: str, write: Callable[[], None], now: bool = False, lasts: bool = False
    ) -> None:
        """Write a record, now or later; one that lasts would be written into a new run again."""
        if self._settings.enabled:
            job = _Job(what, write)
            self._outbox.append(job)
            if lasts:
                self._lasting[what] = job
            self._flush(now)

    def _flush(self, now: bool = False) -> None:
        """Write whatever waits, in order; stop at the first that fails."""
        if not self._settings.enabled or self._opening is None:
            return
        if not now and time.monotonic() < self._pause_until:
            return
        job = None
        try:
            if self._run is None:
                self._run = self._opening()
            self._write_generations()
            self._write_loads()
            while self._outbox:
                job = self._outbox[0]
                job.write()
                self._outbox.popleft()
        except Exception as error:  # an outlet: nothing that MLflow raises may end a campaign
            self._hold(error, job)
        else:
            self._silent = False

    def _hold(self, error: Exception, refused: _Job | None) -> None:
        """Tell once that MLflow fails; drop a record that it keeps refusing though it answers."""
        if self._run is not None and _tells_of_state(error) and self._is_deleted():
            self._begin_anew()
            return
        if refused is not None and self._answers():
            refused.attempts += 1
            if refused.attempts >= ATTEMPTS:
                self._outbox.popleft()
                self._tell(_left_out(refused.what, error))
            return
        self._pause_until = time.monotonic() + PAUSE
        if not self._silent:
            where = without_secrets(self._store.uri)
            self._tell(
                f"MLflow at {where} does not answer, the campaign goes on: {one_line(error)}"
            )
        self._silent = True

    def _is_deleted(self) -> bool:
        """Whether somebody has deleted the campaign's run in MLflow since it was opened."""
        try:
            stage = self._store.client().get_run(self._parent().id).info.lifecycle_stage
        except Exception as error:  # of a server that is away nobody knows
            return getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"
        return bool(stage == "deleted")

    def _begin_anew(self) -> None:
        """Write all that is known into a new run."""
        self._tell(
            f"the run {self._parent().id} was deleted in MLflow: the campaign is written to a new "
            "one, from its beginning"
        )
        self._run, self._trainings, self._images = None, {}, None
        self._rows = dict(self._logbook)
        waiting = [job for job in self._outbox if job.what not in self._lasting]
        self._outbox = deque([*self._lasting.values(), *waiting])
        if self._opening is not None:
            self._flush(now=True)

    def _answers(self) -> bool:
        try:
            self._store.client().get_run(self._parent().id)
        except Exception:
            return False
        return True

    def _parent(self) -> Run:
        assert self._run is not None
        return self._run

    def _open(self, settings: dict[str, Any], run_id: str | None, key: str | None) -> Run:
        client = self._store.client()
        self._experiment = self._store.experiment()
        found = self._find(run_id, key)
        if found is None:
            run, self._gone_on = Run(client, self._new_run(key)), None
            run.tag(self._origin())
        else:
            run, self._gone_on = Run(client, found), GoneOn(client, found, self._origin)
        self._differing = run.write_settings(settings, self._groups)
        self._began_ms = int(client.get_run(run.id).info.start_time)
        client.log_text(run.id, _as_yaml(settings), "settings.yaml")
        describe_experiment(client, self._experiment)
        return run

    def _new_run(self, key: str | None) -> str:
        tags = {CAMPAIGN: self._campaign, COLOUR: self._colour(), NOTE: _note(self._campaign)}
        if key is not None:
            tags[KEY] = key
        made = self._store.client().create_run(
            self._experiment, start_time=self._began_ms, run_name=self._campaign, tags=tags
        )
        return str(made.info.run_id)

    def _colour(self) -> str:
        """The first colour that the fewest other campaigns have."""
        found = self._store.client().search_runs([self._experiment], f"tags.`{COLOUR}` != ''")
        taken = [run.data.tags.get(COLOUR) for run in found if PARENT not in run.data.tags]
        return min(COLOURS, key=taken.count)

    def _origin(self) -> dict[str, str | None]:
        """What a run says of code, machine and, unless settings say no, of who started it."""
        said = _origin()
        return said if self._settings.user else {**said, "mlflow.user": "not recorded"}

    def _find(self, run_id: str | None, key: str | None) -> str | None:
        """The run to go on in: by its id, by the campaign's key, or none."""
        from mlflow.exceptions import MlflowException

        if run_id is not None:
            try:
                info = self._store.client().get_run(run_id).info
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
            else:
                if info.lifecycle_stage == "active":
                    self._experiment = info.experiment_id
                    return run_id
            self._tell(f"MLflow has no run {run_id} any more: the campaign is written to a new one")
        if key is None:
            return None
        quoted = key.replace("'", "")
        for tag in (KEY, earlier(KEY)):
            runs = self._store.client().search_runs(
                [self._experiment], f"tags.`{tag}` = '{quoted}'"
            )
            if runs:
                return str(runs[0].info.run_id)
        return None

    def _write_generations(self) -> None:
        for generation in sorted(self._rows):
            self._more(generation, self._parent().lacks(generation_metric("rows"), generation))
            points = [
                Point(generation_metric(name), generation, value)
                for name, value in numeric(self._rows[generation])
                if name != "generation"
            ]
            self._parent().write(points)
            del self._rows[generation]

    def _more(self, generation: int, new: bool) -> None:
        if new and self._gone_on is not None:
            self._gone_on.more(generation)

    def _write_training(self, record: dict[str, Any]) -> None:
        run, complete = self._training(record)
        if not complete:
            self._more(int(record.get("generation", 0)), True)
            self._fill_training(run, record)
        if record.get("champion") is not None:
            run.tag({CHAMPION: str(bool(record["champion"])).lower()})

    def _fill_training(self, run: Run, record: dict[str, Any]) -> None:
        client = self._store.client()
        facts = {
            name: record.get(name) for name in ("table", "table_version", "rows", "generation")
        }
        run.write_settings(facts | {"fit": record.get("settings") or {}})
        run.write(_training_points(record))
        judged_on = [] if self._validation is None else [input_of(self._validation)]
        inputs = [table_input(record, self._campaign), *judged_on]
        client.log_inputs(run.id, datasets=inputs)
        if (bundle := record.get("bundle")) is not None:
            if not Path(
                bundle
            ).is_dir():  # MLflow takes a folder that is not there for an empty one
                raise FileNotFoundError(f"there is no bundle at {bundle}")
            client.log_artifacts(run.id, str(bundle), "bundle")
            name = f"{self._campaign}-g{record.get('generation', record['table_version'])}"
            log_lifter(client, run.id, name, Path(bundle), record, self._validation)
        validation = _shown(record)
        generation = int(record.get("generation", 0))
        self._parent().write(
            Point(f"lifter/validation_{name}", generation, value)
            for name, value in validation.items()
        )
        run.tag({WEIGHTS: record.get("hash"), NOTE: _training_note(record), COMPLETE: "true"})
        client.set_terminated(run.id, end_time=_times(record)[1])
        self._trainings[_training_key(self._campaign, record)] = run, True

    def _training(self, record: Mapping[str, Any]) -> tuple[Run, bool]:
        """The child run of a training, and whether it is complete."""
        key = _training_key(self._campaign, record)
        if key not in self._trainings:
            self._trainings |= self._children()
        if key not in self._trainings:
            made = self._store.client().create_run(
                self._experiment,
                run_name=training_name(record),
                start_time=_times(record)[0],
                tags={TRAINING: key, PARENT: self._parent().id, CAMPAIGN: self._campaign}
                | {name: value for name, value in self._origin().items() if value},
            )
            self._trainings[key] = Run(self._store.client(), made.info.run_id), False
        return self._trainings[key]

    def _children(self) -> dict[str, tuple[Run, bool]]:
        client = self._store.client()
        where = f"tags.`{PARENT}` = '{self._parent().id}'"
        return {
            name: (Run(client, child.info.run_id), told(child.data.tags, COMPLETE) == "true")
            for child in client.search_runs([self._experiment], where)
            if (name := told(child.data.tags, TRAINING)) is not None
        }

    def _write_champion(self, weights: str) -> str:
        """Tag the training that made these weights; returns its run, or the parent's."""
        client = self._store.client()
        where = f"tags.`{PARENT}` = '{self._parent().id}'"
        maker, called = self._parent().id, weights[:12]
        for child in client.search_runs([self._experiment], where):
            run, tags = child.info.run_id, child.data.tags
            won = told(tags, WEIGHTS) == weights
            name = renamed(child.info.run_name, won)
            if name != child.info.run_name:
                client.update_run(run, name=name)
            if won:
                maker, called = run, renamed(name, False)
            if won or CHAMPION in tags:
                client.set_tag(run, CHAMPION, str(won).lower())
        self._parent().tag({CHAMPION: called, WEIGHTS: weights})
        return maker

    def _write_registration(
        self, bundle: Path, metrics: dict[str, float], worth: str | None
    ) -> None:
        expect_whole(bundle)
        maker = self._write_champion(weights_of(bundle))
        registry = Registry(self._settings, self._home)
        name = model_name(self._campaign)
        if self._key is not None and (own := registry.name_for(name, self._key)) != name:
            self._tell(
                f"the model {name} belongs to a campaign of the same name in another home: this "
                f"one's champion is registered as {own}"
            )
            name = own
        number = registry.register(bundle, name, metrics, maker, description=worth)
        self._version = name, number
        self._parent().tag({MODEL: name})
        link_champion(self._store.client(), self._parent().id, maker)

    def _write_file(self, place: str, content: io.BytesIO) -> None:
        import tempfile

        folder, _, name = place.rpartition("/")
        with tempfile.TemporaryDirectory() as here:
            path = Path(here) / name
            path.write_bytes(content.getvalue())
            self._store.client().log_artifact(self._parent().id, str(path), folder)

    def _write_text(self, place: str, text: io.StringIO) -> None:
        self._store.client().log_text(self._parent().id, text.getvalue(), place)

    def _close(self, status: str) -> None:
        if self._logbook:
            self._parent().tag({GENERATIONS: max(self._logbook)})
        ended = self._gone_on.ended_ms if self._gone_on and status == "FINISHED" else None
        self._store.client().set_terminated(self._parent().id, status, end_time=ended)
        describe_experiment(self._store.client(), self._experiment)


def to_stderr(sentence: str) -> None:
    """Say something to a person."""
    print(sentence, file=sys.stderr)


def _left_out(what: str, error: Exception) -> str:
    """What a record lacks, and whose fault it is: MLflow's, or that of what was to be recorded."""
    if isinstance(error, BadInput) and error.__cause__ is None:
        return f"the {what} is left out of MLflow: {error}"
    return f"MLflow refuses the {what}, which is left out: {one_line(error)}"


def _tells_of_state(error: Exception) -> bool:
    """Whether MLflow answered, and said that a run is not there or not as it should be."""
    return getattr(error, "error_code", "") in (
        "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE",
    )  # fmt: skip


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _ignored(_: Any) -> None:
    return None


def _origin() -> dict[str, str | None]:
    commit = provenance.code_commit()
    return {
        CODE: _code(commit),
        MACHINE: provenance.device(),
        "mlflow.user": provenance.user(),
        "mlflow.source.git.commit": commit,
        "mlflow.source.name": "evoskeleton campaign",
        "mlflow.source.type": "LOCAL",
    }


def _code(commit: str | None) -> str:
    """Version and, of a repository, the commit in short."""
    if commit is None:
        return provenance.package_version()
    number, changed, _ = commit.partition("+changes")
    return f"{provenance.package_version()}, {number[:12]}{' and changes' if changed else ''}"


def _note(campaign: str) -> str:
    return (
        f"Campaign **{campaign}**: poses bred generation by generation, and the lifters trained "
        "on them.\n\n"
        "- *Model metrics*: one point a generation. `search/` of a generation's offspring how many "
        "were `tried`, how many are `valid`, within the joint limits, and how many objectives and "
        "bands have `kept`; `rows` are in the table, where an archive admits fewer and better ones "
        "replace others. `score/` how wrong the champion lifter is on them (mm), `validity/` how "
        "far they are from the joint limits, `population/` the same of those that breed next, "
        "`diversity/` how different these are, `speed/` how fast bodies are bred, `lifter/` the "
        "error on held-out real poses (mm) of each training, `1-result/` the closing comparison "
        "of baseline and evolved lifter.\n"
        "- *Child runs*: one a training, named by the generation after which it started, its poses "
        "and its error on the validation poses.\n"
        "- *Artifacts*: `report.html` tells everything on one page; settings, figures, tables."
    )


def _training_note(record: Mapping[str, Any]) -> str:
    rows = f" ({record['rows']:,} poses)" if record.get("rows") else ""
    after = f", after generation {record['generation']}" if "generation" in record else ""
    return f"A lifter trained on version {record['table_version']} of the pose table{rows}{after}."


def _as_yaml(settings: Mapping[str, Any]) -> str:
    return yaml.safe_dump(public_settings(settings), sort_keys=False)


def _training_key(campaign: str, record: Mapping[str, Any]) -> str:
    key = f"{campaign}/v{record['table_version']}"
    return f"{key}/{record['name']}" if record.get("name") else key


def _shown(record: Mapping[str, Any]) -> dict[str, float]:
    """Validation errors as curves; those by decile of rarity are a figure and a table."""
    errors = numeric(record.get("validation") or {})
    return {name: value for name, value in errors if not name.startswith("rarity_")}


def _times(record: Mapping[str, Any]) -> tuple[int, int]:
    """When a training began and ended, ms since 1970, by its folder's date and its duration."""
    bundle = record.get("bundle")
    there = bundle is not None and Path(bundle).is_dir()
    end = Path(bundle).stat().st_mtime if there and bundle is not None else time.time()
    return int(1000 * (end - float(record.get("seconds", 0.0)))), int(1000 * end)


def _training_points(record: Mapping[str, Any]) -> list[Point]:
    """The curve, and the final figures at its last step."""
    curve = record.get("curve") or []
    dull = {"step"} if len({place.get("stage") for place in curve}) > 1 else {"step", "stage"}
    points = [
        Point(training_metric(name), int(place["step"]), value)
        for place in curve
        for name, value in numeric(place)
        if name not in dull
    ]
    last = int(curve[-1]["step"]) if curve else 0
    final = _shown(record)
    points += [Point(f"validation/{name}", last, value) for name, value in final.items()]
    points += [
        Point(f"training/{name}", last, record[name]) for name in ("seconds",) if name in record
    ]
    return points
