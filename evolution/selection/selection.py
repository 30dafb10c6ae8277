"""Who breeds, who is kept, who moves on: choices over whole populations.

Fitness is (bodies,) float, higher is fitter (a score is how wrong the lifter gets a body); a body
whose fitness is NaN comes last. Ties are broken by id, the lower first, so that a choice does not
depend on the order in which bodies arrived.
"""

import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution import chance
from evoskeleton.evolution.chance import Draws


def ranking(fitness: Tensor, ids: Tensor) -> Tensor:
    """(bodies,) int64 places, the fittest first.

    Raises:
        BadInput: not one id a body.
    """
    if fitness.shape != ids.shape or fitness.ndim != 1:
        raise BadInput(f"ids should be {tuple(fitness.shape)} like fitness, got {tuple(ids.shape)}")
    by_id = ids.argsort(stable=True)
    comparable = torch.where(fitness.isnan(), -torch.inf, fitness).index_select(0, by_id)
    unknown = fitness.isnan().index_select(0, by_id)
    order = comparable.argsort(descending=True, stable=True)
    order = order[unknown.index_select(0, order).to(torch.int8).argsort(stable=True)]
    return by_id.index_select(0, order)


def best(fitness: Tensor, ids: Tensor, count: int) -> Tensor:
    """Truncation: places (count,) int64 of the fittest, the fittest first.

    Raises:
        BadInput: more are wanted than there are.
    """
    _expect_enough("count", count, len(ids))
    return ranking(fitness, ids)[:count]


def _expect_enough(name: str, wanted: int, there: int) -> None:
    if not 0 <= wanted <= there:
        raise BadInput(f"{name} should lie in [0, {there}], the number of bodies, got {wanted}")


def tournament(draws: Draws, fitness: Tensor, ids: Tensor, size: int, winners: int) -> Tensor:
    """Tournaments without replacement: places (winners,) int64, everyone at most once.

    Everybody is dealt into groups of `size`, and the fittest of each group wins. While places are
    left, the losers are dealt again (Goldberg, Korb and Deb 1989, "Messy genetic algorithms").

    Args:
        draws: a group's; stream "tournament".
        fitness: (bodies,) higher is fitter.
        ids: (bodies,) int64.
        size: bodies that compete for a place; 1 draws evenly.
        winners: how many are wanted.

    Raises:
        BadInput: more winners than bodies, or groups of nobody.
    """
    _expect_enough("winners", winners, len(ids))
    if size < 1:
        raise BadInput(f"size of a tournament should be at least 1, got {size}")
    group = draws.group("tournament")
    ranked = ranking(fitness, ids)
    rank = torch.empty_like(ranked)
    rank[ranked] = torch.arange(len(ranked), device=ranked.device)
    won: list[Tensor] = []
    missing, round_ = winners, 0
    remaining = ranked
    while missing:
        names = ids.index_select(0, remaining)
        cards = chance.bits(chance.key(group, round_), names, 1)[:, 0]
        dealt = remaining[cards.argsort()]
        winning = _winners(rank.index_select(0, dealt), size)
        won.append(ranked[winning][:missing])
        missing -= len(won[-1])
        remaining = ranked[_without(rank.index_select(0, remaining), winning)]
        round_ += 1
    return torch.cat(won) if won else ranked[:0]


def _winners(dealt: Tensor, size: int) -> Tensor:
    """The lowest rank of every full group of `size`; of the rest where no group is full."""
    groups = max(len(dealt) // size, 1)
    return dealt[: groups * size].reshape(groups, -1).amin(1)


def _without(ranks: Tensor, winning: Tensor) -> Tensor:
    return ranks[~torch.isin(ranks, winning)]


def random_pairs(draws: Draws, bodies: int, pairs: int) -> tuple[Tensor, Tensor]:
    """Uniform mating: places of mothers and fathers, (pairs,) int64 each.

    In a round everybody mates at most once, with somebody else; further rounds follow until there
    are enough pairs. A body that is alone mates with itself.

    Args:
        draws: a group's; stream "pairs". Its slots, where it has any, give the device.
        bodies: how many there are to choose from.
        pairs: how many pairs are wanted.

    Raises:
        BadInput: there is nobody.
    """
    if bodies < 1:
        raise BadInput("an empty population cannot breed")
    device = draws.slots.device if draws.slots is not None else torch.device("cpu")
    if bodies == 1:
        alone = torch.zeros(pairs, dtype=torch.int64, device=device)
        return alone, alone
    couples = bodies // 2
    rounds = -(-pairs // couples)
    cards = chance.bits(draws.group("pairs"), torch.arange(rounds * bodies, device=device), 1)
    order = cards.reshape(rounds, bodies).argsort(1)
    mothers, fathers = order[:, :couples], order[:, couples : 2 * couples]
    return mothers.reshape(-1)[:pairs], fathers.reshape(-1)[:pairs]


def migrants(fitness: Tensor, ids: Tensor, count: int, known: Tensor | None = None) -> Tensor:
    """Places of the fittest (at most `count`) who are not yet `known` where they go.

    Args:
        fitness: (bodies,) higher is fitter.
        ids: (bodies,) int64.
        count: how many may move.
        known: (others,) int64 ids of those who live there.
    """
    order = ranking(fitness, ids)
    if known is not None:
        order = order[~torch.isin(ids.index_select(0, order), known)]
    return order[:count]
