"""Plans: how machines are written, and hours that a simulation of the driver's loop confirms."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from evoskeleton.cli import main
from evoskeleton.errors import BadInput
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.planning.nodes import NodeKind, nodes_of
from evoskeleton.platform.search.planning.plan import BEFORE_STARTS, CALL_S, plan
from evoskeleton.platform.search.planning.rates import Rates
from evoskeleton.platform.search.workers.joined.room import divide
from evoskeleton.platform.search.workers.training_job import is_small

RATES = Rates(
    breed=0.5,
    score=0.25,
    select=0.05,
    renew=0.04,
    rescore=0.1,
    kept=100.0,
    seeds=1000.0,
    save=0.02,
    commit=0.01,
    commit_row=1e-6,
    train=5.0,
    train_step=0.1,
    start=3.0,
    weights=4e6,
    state_bytes=1e6,
    bundle_bytes=5e6,
)
MANY = nodes_of("64x16cpu64gb")


def settings(**search) -> CampaignSettings:
    """16 islands, 50 generations, trainings of 300 steps."""
    motion = {"seed": {"kind": "deepmimic"}}
    given = {"islands": 16, "generations": 50} | search
    training = {"growth": 3, "limit": 4, "fit": {"steps": 300}}
    return CampaignSettings.parse({"motion": motion, "search": given, "training": training})


def on(known: CampaignSettings, workers: int | None, scorers: int) -> CampaignSettings:
    machine = known.machine.model_copy(update={"workers": workers, "scorers": scorers})
    return known.model_copy(update={"machine": machine})


def simulated(known: CampaignSettings, rates: Rates, draws: np.random.Generator) -> float:
    """Hours, by actors that take their calls in the order in which they were made."""
    small = is_small(known.training, divide(known.machine, known.search.islands, {"CPU": 1024.0}))
    islands, training = known.search.islands, known.training
    workers, scorers = known.machine.workers, known.machine.scorers
    lasts = rates.train + training.fit.steps * rates.train_step
    lasts += (1.0 if small else 1.0 + BEFORE_STARTS) * rates.start

    def noisy(seconds: float) -> float:
        return seconds * max(0.3, draws.normal(1.0, 0.15))

    clock = 3 * rates.start + noisy(lasts)
    rows = trained = rates.seeds
    trainings, due, ready = 1, 0, 0.0
    for generation in range(1, known.search.generations + 1):
        again = 0.0
        if due == generation:
            clock, due, again = max(clock, ready), 0, rates.rescore
        busy, scoring = np.full(workers, clock), np.full(scorers, clock)
        for island in range(islands):
            worker, scorer = island % workers, island % scorers
            bred = busy[worker] + noisy(rates.breed + CALL_S)
            scoring[scorer] = max(scoring[scorer], bred) + noisy(rates.score + CALL_S + again)
            busy[worker] = max(bred, scoring[scorer]) + noisy(rates.select + CALL_S)
        busy[:] = busy.max()
        for island in range(islands):
            busy[island % workers] += noisy(rates.renew + CALL_S)
        kept = islands * rates.kept
        clock = busy.max() + rates.save + rates.commit + kept * rates.commit_row
        rows += kept
        if not due and rows >= training.growth * trained and trainings < training.limit - 1:
            due, ready, trained = generation + training.lag, clock + noisy(lasts), rows
            trainings += 1
    return (max(clock, ready if due else 0.0) + noisy(lasts)) / 3600


@pytest.mark.parametrize("seed", range(6))
def test_a_simulation_of_the_loop_takes_as_long_as_the_plan(seed):
    draws = np.random.default_rng(seed)
    workers, scorers = int(draws.choice([1, 4, 16])), int(draws.choice([1, 2, 4]))
    rates = replace(
        RATES, score=float(draws.uniform(0.02, 1.0)), breed=float(draws.uniform(0.1, 1))
    )
    known = on(settings(islands=int(draws.choice([16, 32]))), workers, scorers)
    hours = np.mean([simulated(known, rates, draws) for _ in range(5)])
    assert plan(known, MANY, rates).hours == pytest.approx(hours, rel=0.12)


def test_more_machines_are_never_slower_and_more_work_never_faster():
    known = on(settings(), None, 4)
    hours = [plan(known, nodes_of(f"{count}x4cpu16gb"), RATES).hours for count in (1, 2, 4, 16)]
    assert hours == sorted(hours, reverse=True) and hours[0] > 1.3 * hours[-1]
    longer = [plan(settings(generations=count), MANY, RATES).hours for count in (10, 20, 40)]
    assert longer == sorted(longer)


def test_hours_of_processors_are_the_work_however_many_do_it():
    few, many = (plan(on(settings(), number, number), MANY, RATES) for number in (1, 8))
    assert few.hours > 2 * many.hours
    starts = 14 * RATES.start / 3600
    assert many.processor_hours - few.processor_hours == pytest.approx(starts)
    assert few.processor_hours < few.hours * (1 + 1 + settings().training.threads)


def test_what_limits_is_told():
    assert plan(on(settings(), 16, 1), MANY, RATES).limited_by == "scorers"
    assert plan(on(settings(), 1, 4), MANY, RATES).limited_by == "workers"
    slow = plan(settings(), MANY, replace(RATES, train_step=10.0))
    assert slow.limited_by.startswith("trainings") and slow.waiting_hours > 0.5
    two = nodes_of("2cpu16gb")
    assert plan(settings(), two, replace(RATES, score=0.5)).limited_by in ("processors", "scorers")


def test_the_end_is_the_campaigns_own():
    known = settings(rows=5000)
    planned = plan(known, MANY, RATES)
    assert planned.rows == 5800 and planned.generations == 3
    assert planned.trainings <= known.training.limit


def test_money_is_hours_times_prices():
    planned = plan(settings(), nodes_of("2x16cpu64gb,8cpu32gb1gpu", "0.5,2"), RATES)
    assert planned.cost == pytest.approx(3.0 * planned.hours)


def test_machines_that_are_too_small_are_refused():
    with pytest.raises(BadInput, match="needs .* GB of memory for its share, it has 1"):
        plan(settings(), nodes_of("4x16cpu1gb"), RATES)


def test_machines_are_read():
    kinds = nodes_of("4x16cpu32gb, 8cpu64.5gb1gpu", "0.9,2.5")
    assert kinds == (NodeKind(4, 16, 32.0, 0, 0.9), NodeKind(1, 8, 64.5, 1, 2.5))


@pytest.mark.parametrize(
    "text", ["", "4x", "0x4cpu8gb", "4x0cpu8gb", "4cpu", "4cpu8gb,", "8gb4cpu"]
)
def test_other_words_for_machines_are_refused(text):
    with pytest.raises(BadInput, match="--nodes should be such as"):
        nodes_of(text)


@pytest.mark.parametrize("prices", ["1", "1,x", "1,-2", "1,2,3"])
def test_prices_are_one_a_kind(prices):
    with pytest.raises(BadInput, match="--price should be 2 numbers"):
        nodes_of("4cpu8gb,8cpu8gb", prices)


def test_rates_are_kept(tmp_path):
    RATES.write(tmp_path / "rates.json")
    assert Rates.read(tmp_path / "rates.json") == RATES
    (tmp_path / "other.json").write_text('{"breed": 1}')
    for name, words in (("other", "--measure"), ("none", "No such file")):
        with pytest.raises(BadInput, match=words):
            Rates.read(tmp_path / f"{name}.json")


def test_the_command_plans_by_rates_of_before(tmp_path, capsys):
    RATES.write(tmp_path / "rates.json")
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(settings().model_dump(mode="json")))
    words = ["campaign", "plan", str(file), "--nodes", "4x4cpu16gb"]
    with pytest.raises(SystemExit) as done:
        main([*words, "--rates", str(tmp_path / "rates.json"), "--json", "--price", "1"])
    planned = json.loads(capsys.readouterr().out)
    assert done.value.code in (0, None)
    assert planned["generations"] == 50 and planned["cost"] == pytest.approx(4 * planned["hours"])
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 2
    assert "a plan needs rates: --measure" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(SystemExit):
        main([*words, "--measure", "--rates", str(tmp_path / "rates.json")])
    assert "rates.json is there already; --overwrite" in " ".join(capsys.readouterr().err.split())


@pytest.mark.long
def test_rates_are_measured_with_the_campaigns_own_parts():
    from evoskeleton.platform.search.planning.measuring import measured

    actions = {"kind": "deepmimic", "actions": ["walk", "run"]}
    island = {"population": 64, "offspring": 64}
    given = {"motion": {"seed": actions}, "search": {"islands": 2, "island": island}}
    small = CampaignSettings.parse(given)
    more = CampaignSettings.parse(
        given | {"search": {"islands": 2, "island": island | {"offspring": 1024}}}
    )
    first, second = measured(small), measured(more)
    assert 0 < first.kept <= 64 < second.kept <= 1024
    assert second.breed > 1.5 * first.breed
    assert first.score > 0 and second.score > 0  # in padded chunks: of so few, all cost the same
    assert first.train_step > 0 and first.start > 0.5
