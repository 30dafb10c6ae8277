from .campaign.driver import Outcome as Outcome
from .campaign.driver import resume as resume
from .campaign.driver import start as start
from .campaign.settings import CampaignSettings as CampaignSettings

__all__ = ["CampaignSettings", "Outcome", "resume", "start"]
