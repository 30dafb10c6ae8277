"""Choosing poses of a bred table without knowing whom the lifter will meet.

The table's poses are dealt into a random order. The first `keep` of them train the lifters that
judge, and are not offered; the next `keep * of` are offered, and `keep` of them are chosen. Every
way of choosing is offered the same, more offered begin with the fewer, and no judge has learnt what
it judges. A plain draw from what is offered is what the ways of choosing are compared with.

Ties go to those that were dealt first, and where a way of choosing names too few, a draw fills up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from evoskeleton.errors import BadInput
from evoskeleton.evolution import chance
from evoskeleton.evolution.archive.descriptor import fit_descriptor
from evoskeleton.evolution.archive.spread import spread_order
from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.selection.bands import BandSettings, within
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.hardness import hardness
from evoskeleton.lifting.lifter_training import LifterSettings, lifter_from, train_lifter
from evoskeleton.settings import Settings

By = Literal["random", "error", "error band", "learning progress", "disagreement", "k-means"]
Report = Callable[[int, int], None]


class JudgeSettings(Settings):
    """The lifters that judge; what is not set here is as in the row's own training."""

    lifters: int = Field(2, ge=1, description="how many, of different random seeds")
    steps: int = Field(500, ge=2, description="training steps of each")
    early_steps: int = Field(
        100, ge=1, description="steps after which learning progress begins to be measured"
    )
    views: int = Field(4, ge=1, description="virtual views in which they are tried on a pose")

    @model_validator(mode="after")
    def _early_comes_first(self) -> "JudgeSettings":
        if self.early_steps >= self.steps:
            raise ValueError(
                f"early_steps should be less than steps, {self.steps}, got {self.early_steps}"
            )
        return self


class ChoiceSettings(Settings):
    """Which of another row's poses are kept."""

    row: str = Field(description="name of the row whose poses are offered")
    keep: int = Field(8000, ge=1, description="poses that are chosen")
    of: int = Field(4, ge=1, description="poses that are offered for each that is chosen")
    by: By = Field(
        "random",
        description="what chooses: a draw; the largest error; a draw within `band` of error; the "
        "largest fall of error from the early judges to the late; the largest disagreement of the "
        "judges; or k-means of the pose descriptor",
    )
    share: float = Field(
        1.0, gt=0, le=1, description="share that is chosen so; a draw takes the rest"
    )
    band: BandSettings = Field(
        default_factory=lambda: BandSettings(low=0.5, high=0.95),
        description="error band: errors between which poses are drawn",
    )
    cells: int | None = Field(
        None,
        ge=1,
        description="k-means: cells that share equally; none: one for each pose that is chosen, "
        "and of each the pose nearest to its centre",
    )
    judges: JudgeSettings = Field(
        default_factory=JudgeSettings, description="lifters that measure error and disagreement"
    )

    @property
    def judged(self) -> bool:
        """Whether lifters have to be trained for it."""
        return self.by not in ("random", "k-means")

    @property
    def chosen_so(self) -> int:
        """How many are chosen by `by`, before a draw takes the rest."""
        return max(1, round(self.share * self.keep))


@dataclass(frozen=True)
class Judgement:
    """What the judges say of (poses,) that they were not trained on, float32 mm.

    Attributes:
        error: mean over views and judges.
        disagreement: of all judges and views, see `lifting.hardness`.
        progress: by how much the error has fallen since the judges' early steps.
    """

    error: np.ndarray
    disagreement: np.ndarray
    progress: np.ndarray


def dealt(poses: int, keep: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a table that judges are trained on (keep,) int64, and all others in random order."""
    order = chance.permutation(_key(seed, "deal"), poses).numpy()
    return order[:keep], order[keep:]


def expect_enough(choice: ChoiceSettings, poses: int, row: str) -> None:
    """Check that a table offers what is asked for.

    Raises:
        BadInput: it holds too few poses.
    """
    wanted = choice.keep * (choice.of + 1)
    if poses < wanted:
        raise BadInput(
            f"row {row} chooses {choice.keep} of {choice.keep * choice.of} poses and trains judges "
            f"on {choice.keep} others: row {choice.row} should have {wanted} or more, got {poses}"
        )


def judge(
    poses: np.ndarray,
    choice: ChoiceSettings,
    settings: LifterSettings,
    seed: int,
    device: str = "cpu",
    report: Report = lambda step, total: None,
) -> Judgement:
    """Train judges on the first poses that are dealt, and let them judge all others.

    Args:
        poses: (n, 17, 3) world mm, the whole table.
        choice: how many poses and which judges.
        settings: what the row's lifters are trained with.
        seed: of the study's cell.
        device: where to train and to judge.
        report: called now and then with the steps that a judge has done, and of how many.

    Returns:
        Of the (n - keep,) others, as they were dealt.
    """
    learnt, others = dealt(len(poses), choice.keep, seed)
    pairs = [
        _early_and_late(
            poses[learnt], _judge_settings(choice, settings, seed, number), device, report
        )
        for number in range(choice.judges.lifters)
    ]
    early, late = ([lifter.to(device) for lifter in each] for each in zip(*pairs, strict=True))
    views, key = choice.judges.views, _key(seed, "views")
    before = hardness(early, poses[others], views, key)
    after = hardness(late, poses[others], views, key)
    return Judgement(after.error, after.disagreement, before.error - after.error)


def _judge_settings(
    choice: ChoiceSettings, settings: LifterSettings, seed: int, number: int
) -> LifterSettings:
    judges = choice.judges
    own = {
        "steps": judges.steps,
        "report_every": judges.early_steps,
        "seed": _key(seed, "judges", number) >> 1,
    }
    return settings.model_copy(update=own)


def _early_and_late(
    poses: np.ndarray, settings: LifterSettings, device: str, report: Report
) -> tuple[Lifter, Lifter]:
    reports = train_lifter(poses, settings, device=device)
    early = late = next(reports)
    for late in reports:
        report(late.step, late.total)
    return lifter_from(early), lifter_from(late)


def choose(
    choice: ChoiceSettings,
    poses: np.ndarray,
    seeds: np.ndarray,
    judgement: Judgement | None,
    seed: int,
) -> np.ndarray:
    """Rows (keep,) int64 of a table that are kept, ascending.

    Args:
        choice: how many, of how many, by what.
        poses: (n, 17, 3) world mm, the whole table.
        seeds: (m, 17, 3) world mm, the real poses that it was bred from; the descriptor is theirs.
        judgement: from `judge`; none where no judges are asked for.
        seed: of the study's cell.
    """
    offered = dealt(len(poses), choice.keep, seed)[1][: choice.keep * choice.of]
    if choice.by == "k-means":
        order = _by_kmeans(choice, poses[offered], seeds)
    elif choice.by == "random":
        order = np.arange(len(offered))
    else:
        assert judgement is not None, "this choice wants judges"
        order = _JUDGED[choice.by](judgement, choice)
    chosen = _filled_up(order[: choice.chosen_so], len(offered))[: choice.keep]
    return np.sort(offered[chosen])


def _by_kmeans(choice: ChoiceSettings, poses: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    descriptor = fit_descriptor(encode(seeds))
    measures = descriptor.describe(encode(poses)).double()
    cells = choice.cells or choice.chosen_so
    return spread_order(measures, cells, nearest_first=choice.cells is None)


def _by_error(judgement: Judgement, choice: ChoiceSettings) -> np.ndarray:
    return _largest_first(_offered(judgement.error, choice))


def _by_progress(judgement: Judgement, choice: ChoiceSettings) -> np.ndarray:
    return _largest_first(_offered(judgement.progress, choice))


def _by_disagreement(judgement: Judgement, choice: ChoiceSettings) -> np.ndarray:
    return _largest_first(_offered(judgement.disagreement, choice))


def _by_band(judgement: Judgement, choice: ChoiceSettings) -> np.ndarray:
    errors = torch.from_numpy(_offered(judgement.error, choice))
    return np.flatnonzero(within(errors, choice.band).numpy())


_JUDGED: dict[By, Callable[[Judgement, ChoiceSettings], np.ndarray]] = {
    "error": _by_error,
    "error band": _by_band,
    "learning progress": _by_progress,
    "disagreement": _by_disagreement,
}


def _offered(scores: np.ndarray, choice: ChoiceSettings) -> np.ndarray:
    return scores[: choice.keep * choice.of]


def _largest_first(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, kind="stable")


def _filled_up(chosen: np.ndarray, offered: int) -> np.ndarray:
    """The chosen, then all others that are offered, as they were dealt."""
    return np.concatenate([chosen, np.setdiff1d(np.arange(offered), chosen)])


def _key(seed: int, what: str, number: int = 0) -> int:
    return chance.key(seed, chance.stream(f"choice {what}"), number)
