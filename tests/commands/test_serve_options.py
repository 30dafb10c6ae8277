"""The options of `serve` are its settings: the same names, defaults and words."""

import pytest
import typer

from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.cli import app
from evoskeleton.commands.given.settings_as_options import Given, with_options
from evoskeleton.commands.options import CAMPAIGNS
from evoskeleton.commands.serve import OPTIONS
from evoskeleton.platform.search.campaign.settings import CampaignSettings

OWN = {
    "check",
    "wait_for_champion",
    "bundle",
    "model",
    "home",
    "tracking_uri",
    "detector",
    "no_detector",
    "change",
}


@pytest.fixture(scope="module")
def options() -> dict[str, object]:
    command = typer.main.get_command(app).commands["serve"]
    return {parameter.name: parameter for parameter in command.params}


def test_serve_has_its_own_options_and_those_of_its_settings(options):
    assert set(options) == OWN | set(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_says_what_its_setting_says(options, name):
    field = ServeSettings.model_fields[name]
    option = options[name]
    assert option.help == field.description
    assert option.default == field.default
    assert option.opts == [f"--{name.replace('_', '-')}"]


def test_the_password_of_the_database_may_stand_in_the_environment(options):
    assert options["annotations_url"].envvar == "EVOSKELETON_ANNOTATIONS_URL"


def test_what_is_left_empty_is_none_where_that_is_allowed():
    seen = []

    @with_options(ServeSettings, ("address", "metrics_address"))
    def command(given: Given, loud: bool = False) -> None:
        seen.append((given, loud))

    command(address="", metrics_address="", loud=True)
    assert seen == [({"address": "", "metrics_address": None}, True)]


def test_the_home_is_that_of_campaigns():
    assert CampaignSettings.model_fields["home"].default == CAMPAIGNS
