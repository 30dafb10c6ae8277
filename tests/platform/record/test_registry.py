"""The registry of champions, on a real SQLite store."""

import shutil

import pytest
import torch
from mlflow_server import free_port, served_pages

from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import Lifter, load_bundle, save_bundle, weight_hash
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.normalization import Normalization
from evoskeleton.platform.record.mlflow_store import Store
from evoskeleton.platform.record.registry import Registry, model_name
from evoskeleton.platform.record.tracking import Tracker, TrackingSettings

UNIT = (torch.zeros(17, 2), torch.ones(17, 2), torch.zeros(16, 3), torch.ones(16, 3))
"""Statistics that change nothing."""


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
    """Writes the bundle of a small lifter; another word gives other weights."""

    def write(word):
        cascade = Cascade(CascadeSettings(width=8, blocks=0, stages=1), seed=sum(word.encode()))
        lifter = Lifter(cascade, Normalization("per_pose", *UNIT))
        save_bundle(lifter, tmp_path / word, {})
        return tmp_path / word

    return write


def champion(registry, name):
    held = [v.number for v in registry.model(name).versions if "champion" in v.aliases]
    return held[0] if held else None


def test_a_bundle_comes_back_as_it_was_registered(registry, bundle, run_id, tmp_path):
    name = model_name("round")
    lifter = load_bundle(bundle("aa"))
    version = registry.register(tmp_path / "aa", name, {"mpjpe": 61.5}, run_id)
    (found,) = registry.model(name).versions
    fetched = load_bundle(registry.fetch(name, "champion", into=tmp_path / "copy"))
    assert weight_hash(fetched) == weight_hash(lifter) == found.weights
    assert weight_hash(load_bundle(registry.fetch(name, version))) == found.weights
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
    with pytest.raises(BadInput, match=r"bundle.json: No such file or directory"):
        registry.register(tmp_path, model_name("none"), {}, run_id)
    with pytest.raises(BadInput, match="no registered model is called evoskeleton-none"):
        registry.model(model_name("none"))


def test_a_version_whose_files_are_gone_is_told(home, registry, bundle, run_id):
    name = model_name("gone")
    registry.register(bundle("gone"), name, {}, run_id)
    shutil.rmtree(registry.fetch(name))
    with pytest.raises(BadInput, match="evoskeleton-gone version 1 are gone: ") as told:
        registry.fetch(name)
    assert "\n" not in str(told.value)


def test_two_homes_on_one_server_keep_their_own_champions(home, registry, make_bundle):
    said: list[str] = []
    weights = []
    for key, seed in (("home-one", 1), ("home-two", 2), ("home-one", 3)):
        folder = make_bundle(f"{key}{seed}", seed)
        weights.append(weight_hash(load_bundle(folder)))
        tracker = Tracker(TrackingSettings(), home, tell=said.append)
        tracker.start("namesake", {"seed": seed}, key=key)
        tracker.register_champion(folder, {"mpjpe": 60.0})
    first, second = (
        registry.model("evoskeleton-namesake"),
        registry.model("evoskeleton-namesake-home-t"),
    )
    assert [v.weights for v in first.versions] == [weights[2], weights[0]]
    assert [(v.weights, v.aliases) for v in second.versions] == [(weights[1], ("champion",))]
    (sentence,) = said
    assert "registered as evoskeleton-namesake-home-t" in sentence


def test_a_campaign_registers_its_champion_as_made_by_its_training(home, registry, bundle):
    tracker = Tracker(TrackingSettings(), home, tell=pytest.fail)
    parent = tracker.start("champions", {"seed": 1})
    folder = bundle("best")
    made = {"table_version": 4, "bundle": folder, "hash": weight_hash(load_bundle(folder))}
    tracker.log_training(made)
    tracker.register_champion(folder, {"mpjpe": 60.0})
    tracker.register_champion(folder, {"mpjpe": 60.0})
    (version,) = registry.model(model_name("champions")).versions
    client = Store(TrackingSettings(), home).client()
    maker = client.get_run(version.run_id).data.tags
    assert version.aliases == ("champion",)
    assert maker["mlflow.parentRunId"] == parent and maker["champion"] == "true"
    assert client.get_run(parent).data.tags["mlflow.evoskeleton.weights"] == version.weights


def test_looking_into_a_home_without_a_record_makes_none(tmp_path):
    registry = Registry(TrackingSettings(), tmp_path / "nowhere")
    assert registry.list_models() == []
    with pytest.raises(BadInput, match="no registered model is called demo: none is registered"):
        registry.promote("demo", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry(TrackingSettings(uri="http://me:secret@127.0.0.1:9"), tmp_path)
    with pytest.raises(BadInput, match=r"MLflow at http://127.0.0.1:9 cannot be used: ") as told:
        registry.list_models()
    assert "secret" not in str(told.value)


def test_a_home_that_was_moved_holds_its_bundles_and_takes_new_ones(make_bundle, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    run = Tracker(TrackingSettings(), old).start("moved", {"seed": 1})
    number = Registry(TrackingSettings(), old).register(make_bundle(seed=1), "mine", {}, run)
    old.rename(new)
    registry = Registry(TrackingSettings(), new)
    assert registry.fetch("mine", number, tmp_path / "copy").is_dir()
    assert registry.register(make_bundle(name="second", seed=2), "mine", {}, run) == number + 1
    assert not old.exists()


def told_by(tracker_of, folder):
    """What a campaign says that registers a bundle, and the names of the tables that it keeps."""
    told: list[str] = []
    tracker = tracker_of(told.append)
    run = tracker.start("damaged", {"seed": 1}, key="damaged")
    tracker.register_champion(folder, {"mpjpe": 60.0})
    for name in ("one", "two"):
        tracker.log_json(name, {})
    tracker.finish()
    return told, run


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("bundle.json", b"{", "is damaged: it is not JSON"),
        ("model.safetensors", b"no weights", "model.safetensors"),
        ("model.safetensors", None, "has no model.safetensors"),
    ],
)
def test_a_broken_bundle_is_told_once_never_registered_and_the_rest_is_written(
    home, registry, bundle, file, content, words
):
    folder = bundle("damaged")
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    told, run = told_by(lambda tell: Tracker(TrackingSettings(), home, tell), folder)
    assert len(told) == 1 and told[0].startswith("the champion's registration is left out of ")
    assert words in told[0] and "\n" not in told[0]
    client = Store(TrackingSettings(), home).client()
    assert client.get_run(run).info.status == "FINISHED"
    assert len(client.list_artifacts(run, "tables")) == 2
    with pytest.raises(BadInput, match="no registered model is called evoskeleton-damaged"):
        registry.model(model_name("damaged"))


def test_a_version_that_is_damaged_is_told_in_the_same_words_each_time(
    registry, bundle, run_id, tmp_path
):
    name = model_name("spoilt")
    registry.register(bundle("spoilt"), name, {}, run_id)
    (registry.fetch(name) / "bundle.json").write_text("{")
    told = set()
    for place in ("one", "two"):
        with pytest.raises(BadInput, match="spoilt version 1/bundle.json is damaged") as error:
            registry.fetch(name, into=tmp_path / place)
        told.add(str(error.value))
    assert len(told) == 1


@pytest.mark.parametrize("as_model", [True, False])
def test_files_of_a_version_that_are_gone_come_back_with_a_resume(
    home, registry, bundle, tmp_path, as_model
):
    name = f"back-{as_model}"
    folder = bundle(name)
    tracker = Tracker(TrackingSettings(), home, tell=pytest.fail)
    tracker.start(name, {"seed": 1}, key=name)
    if as_model:
        made = {"table_version": 4, "hash": weight_hash(load_bundle(folder)), "generation": 4}
        tracker.log_training(made | {"bundle": folder})
    tracker.register_champion(folder, {"mpjpe": 60.0})
    shutil.rmtree(registry.fetch(model_name(name)))
    with pytest.raises(BadInput, match="version 1 are gone"):
        registry.fetch(model_name(name))
    tracker.register_champion(folder, {"mpjpe": 60.0})
    assert load_bundle(registry.fetch(model_name(name), 1, tmp_path / "copy"))
    assert len(registry.model(model_name(name)).versions) == 1
    client = Store(TrackingSettings(), home).client()
    models = client.search_logged_models([client.get_run(tracker.run_id).info.experiment_id])
    named = [m.tags.get("mlflow.modelVersions", "") for m in models if m.name == f"{name}-g4"]
    assert [model_name(name) in tag for tag in named] == [True] * as_model
    outputs = client.get_run(tracker.run_id).outputs
    assert len(outputs.model_outputs if outputs else []) == as_model, "the campaign names it too"


@pytest.mark.long
def test_a_registry_that_was_away_gets_the_champion_when_it_is_back(bundle, tmp_path, monkeypatch):
    """A real server, which ends before the champion is registered."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    told: list[str] = []
    port, folder = free_port(), bundle("away")
    store = Store(TrackingSettings(), tmp_path)
    store.client()
    settings = TrackingSettings(uri=f"http://127.0.0.1:{port}")
    tracker = Tracker(settings, tmp_path, told.append)
    with served_pages(store, tmp_path, port):
        tracker.start("away", {"seed": 1}, key="away")
        made = {"table_version": 4, "hash": weight_hash(load_bundle(folder)), "bundle": folder}
        tracker.log_training(made)
    tracker.register_champion(folder, {"mpjpe": 60.0})
    tracker.log_json("closing", {})
    assert len(told) == 1 and "does not answer, the campaign goes on: Connection" in told[0]
    with served_pages(store, tmp_path, port):
        tracker.finish()
        (version,) = Registry(settings, tmp_path).model(model_name("away")).versions
        assert (version.number, version.aliases) == (1, ("champion",))
    run = store.client().get_run(tracker.run_id)
    assert run.info.status == "FINISHED" and run.outputs.model_outputs
    assert store.client().list_artifacts(tracker.run_id, "tables")
    assert len(told) == 1
