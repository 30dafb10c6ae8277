"""Where a person looks through the campaigns of a home, whichever command was asked."""

from collections.abc import Iterable

from evoskeleton.errors import BadInput
from evoskeleton.platform.record.mlflow_store import TrackingSettings
from evoskeleton.platform.record.run_page.found_page import found_page
from evoskeleton.platform.record.run_page.opening import Page
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import read_settings


def page_of_campaign(home: str, name: str) -> Page | None:
    """The page of one campaign; none where it is not recorded."""
    folder = CampaignFolder(home, name)
    settings = _tracking(folder)
    if settings is None:
        return None
    key = folder.path / "identity"
    return found_page(settings, folder.home, key.read_text() if key.exists() else None)


def pages_of_home(home: str, names: Iterable[str]) -> list[Page]:
    """The pages of a home's campaigns, each once: they may be recorded in different places."""
    folders = [CampaignFolder(home, name) for name in names]
    known = [(_tracking(folder), folder.home) for folder in folders]
    found = [found_page(settings, place) for settings, place in known if settings is not None]
    return list(dict.fromkeys(page for page in found if page is not None))


def _tracking(folder: CampaignFolder) -> TrackingSettings | None:
    """Where a campaign says that it is recorded; none where its settings are not here."""
    try:
        return read_settings(folder.settings).tracking
    except BadInput:
        return None
