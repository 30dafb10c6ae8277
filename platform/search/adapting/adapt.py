"""A search towards given people: a campaign that is started, or gone on with, by the same call."""

import math
from dataclasses import dataclass
from pathlib import Path

from evoskeleton.errors import BadInput
from evoskeleton.files import local_folder
from evoskeleton.platform.data.target.found import Readers
from evoskeleton.platform.record.tracking import Page
from evoskeleton.platform.search.campaign.closing.explained import Explained, explained
from evoskeleton.platform.search.campaign.driver import adapt_settings, resume, start, table_of
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.progress import Monitor, Silent
from evoskeleton.platform.search.campaign.settings import differences, read_settings
from evoskeleton.platform.search.campaign.state import committed_state


@dataclass(frozen=True, eq=False)
class Adapted:
    """A finished campaign towards keypoints.

    Attributes:
        explained: what it has changed.
        bundle: folder of the champion's bundle.
        how_to_open: where to look through the campaign, if it was recorded.
    """

    explained: Explained
    bundle: Path
    how_to_open: Page | None


def adapt(
    home: str,
    name: str,
    changes: list[str],
    monitor: Monitor,
    readers: Readers,
    until: float = math.inf,
) -> Adapted:
    """Run the campaign of that name to its end, from wherever it is.

    Args:
        home: folder of campaigns.
        name: of the campaign.
        changes: `key=value` settings, `search.target.keypoints` among them.
        monitor: who watches.
        readers: of targets.
        until: when all should be over, on the monotonic clock.

    Raises:
        BadInput: something cannot be used, or a campaign of that name was started otherwise.
    """
    folder = CampaignFolder(local_folder(home, "home"), name)
    if folder.exists():
        _expect_the_same(folder, changes)
        outcome = resume(home, name, changes, monitor, readers, until)
    else:
        settings = adapt_settings([*changes, f"name={name}", f"home={folder.home}"])
        outcome = start(settings, monitor, readers, until)
    champion = int(outcome.report["champion_training"])
    return Adapted(
        explained=_explained(folder, champion),
        bundle=folder.training(champion) / "bundle",
        how_to_open=outcome.how_to_open,
    )


def _expect_the_same(folder: CampaignFolder, changes: list[str]) -> None:
    known, asked = read_settings(folder.settings), read_settings(folder.settings, changes)
    if changed := differences(known, asked):
        raise BadInput(
            f"campaign {folder.name} exists in {folder.home} with other settings "
            f"({'; '.join(changed)}): --name gives this one a name of its own"
        )


def _explained(folder: CampaignFolder, champion: int) -> Explained:
    settings = read_settings(folder.settings)
    state = committed_state(folder, table_of(settings, folder), Silent().tell)
    assert state is not None, "the campaign has ended"
    return explained(settings, folder, state, champion)
