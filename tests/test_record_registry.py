"""The registry of champions, on a real SQLite store."""

import pytest

from evoskeleton.errors import BadInput
from evoskeleton.platform.record.registry import Registry, model_name
from evoskeleton.platform.record.store import Store
from evoskeleton.platform.record.tracking import Tracker, TrackingSettings


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def run_id(home):
    return Tracker(TrackingSettings(), home).start("registry", {"seed": 1})


@pytest.fixture
def registry(home, run_id):
    return Registry(TrackingSettings(), home)


@pytest.fixture
def bundle(tmp_path):
    """Writes a bundle folder with given weights."""

    def write(weights):
        folder = tmp_path / weights
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(weights.encode())
        (folder / "bundle.json").write_text("{}")
        return folder

    return write


def champion(registry, name):
    held = [v.number for v in registry.model(name).versions if "champion" in v.aliases]
    return held[0] if held else None


def test_a_bundle_comes_back_as_it_was_registered(registry, bundle, run_id, tmp_path):
    name = model_name("round")
    version = registry.register(bundle("aa"), name, {"mpjpe": 61.5}, run_id)
    folder = registry.fetch(name, "champion", into=tmp_path / "copy")
    assert (folder / "model.safetensors").read_bytes() == b"aa"
    assert registry.fetch(name, version).joinpath("bundle.json").read_text() == "{}"
    (found,) = registry.model(name).versions
    assert found.metrics == {"mpjpe": 61.5} and found.aliases == ("champion",)
    assert found.run_id == run_id


def test_the_same_weights_are_registered_once(registry, bundle, run_id):
    name, first = model_name("once"), bundle("aa")
    assert registry.register(first, name, {}, run_id) == 1
    assert registry.register(bundle("bb"), name, {}, run_id) == 2
    assert registry.register(first, name, {}, run_id) == 1
    assert len(registry.model(name).versions) == 2
    assert champion(registry, name) == 2


def test_a_bundle_that_the_run_keeps_already_is_not_stored_twice(home, registry, bundle, run_id):
    client = Store(TrackingSettings(), home).client()
    folder = bundle("kept")
    client.log_artifacts(run_id, str(folder), "bundle")
    registry.register(folder, model_name("kept"), {}, run_id)
    source = client.get_model_version(model_name("kept"), "1").source
    assert source.endswith("/artifacts/bundle")


def test_a_campaign_moves_only_the_alias_of_its_own_model(registry, bundle, run_id):
    mine, other = model_name("mine"), model_name("demo")
    registry.register(bundle("aa"), mine, {}, run_id)
    registry.register(bundle("bb"), other, {}, run_id)
    registry.register(bundle("cc"), other, {}, run_id)
    assert (champion(registry, mine), champion(registry, other)) == (1, 2)
    names = [model.name for model in registry.list_models()]
    assert {mine, other} <= set(names) and names == sorted(names)


def test_rollback_goes_back_through_earlier_champions(registry, bundle, run_id):
    name = model_name("back")
    for weights in ("aa", "bb", "cc"):
        registry.register(bundle(weights), name, {}, run_id)
    assert registry.rollback(name) == 2
    assert registry.rollback(name) == 1
    with pytest.raises(BadInput, match="evoskeleton-back has no earlier champion to go back to"):
        registry.rollback(name)
    assert champion(registry, name) == 1


def test_registering_again_does_not_undo_a_rollback(registry, bundle, run_id):
    name, second = model_name("undo"), bundle("bb")
    registry.register(bundle("aa"), name, {}, run_id)
    registry.register(second, name, {}, run_id)
    registry.rollback(name)
    registry.register(second, name, {}, run_id)
    assert champion(registry, name) == 1


def test_promoting_the_champion_again_leaves_the_past_as_it_was(registry, bundle, run_id):
    name = model_name("same")
    for weights in ("aa", "bb"):
        registry.register(bundle(weights), name, {}, run_id)
    assert registry.promote(name, 2) == 2
    assert registry.promote(name, "champion") == 2
    assert registry.rollback(name) == 1


def test_another_alias_has_a_past_of_its_own(registry, bundle, run_id):
    name = model_name("aliases")
    for weights in ("aa", "bb"):
        registry.register(bundle(weights), name, {}, run_id)
    registry.promote(name, 2, alias="field-test")
    registry.promote(name, 1, alias="field-test")
    assert registry.rollback(name, alias="field-test") == 2
    assert champion(registry, name) == 2


def test_a_word_that_somebody_tagged_a_version_with_does_no_harm(home, registry, bundle, run_id):
    name = model_name("tagged")
    registry.register(bundle("aa"), name, {"mpjpe": 60.0}, run_id)
    Store(TrackingSettings(), home).client().set_model_version_tag(name, "1", "mood", "good")
    assert registry.model(name).versions[0].metrics == {"mpjpe": 60.0}


def test_unknown_names_and_versions_are_told(registry, bundle, run_id):
    name = model_name("known")
    registry.register(bundle("aa"), name, {}, run_id)
    with pytest.raises(BadInput, match="no registered model is called nobody: there are .*known"):
        registry.fetch("nobody")
    with pytest.raises(BadInput, match="has no version or alias 7: it has 1, champion"):
        registry.promote(name, 7)
    with pytest.raises(BadInput, match="has no version or alias best: it has 1, champion"):
        registry.fetch(name, "best")


def test_a_folder_without_a_bundle_is_told(registry, tmp_path, run_id):
    with pytest.raises(BadInput, match="is no lifter bundle: it has no model.safetensors"):
        registry.register(tmp_path, model_name("none"), {}, run_id)
