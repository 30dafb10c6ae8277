from .campaign.driver import Outcome as Outcome
from .campaign.driver import resume as resume
from .campaign.driver import start as start
from .campaign.progress import Monitor as Monitor
from .campaign.progress import Silent as Silent
from .campaign.settings import CampaignSettings as CampaignSettings

__all__ = ["CampaignSettings", "Monitor", "Outcome", "Silent", "resume", "start"]
