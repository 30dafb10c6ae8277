"""Every mutation of the list keeps to the contract, and the list to its own."""

from operator_contract import OperatorContract

from evoskeleton.evolution.operators.build import LENGTHS, SHOULDERS
from evoskeleton.evolution.operators.catalogue import MUTATIONS, OPERATORS
from evoskeleton.evolution.operators.limbs import LIMB_TURNS
from evoskeleton.evolution.operators.orientation import BEND, TURN


class TestLimbs(OperatorContract):
    operator, strong = LIMB_TURNS, {"sigma_deg": 30.0}


class TestTurn(OperatorContract):
    operator, strong = TURN, {"sigma_deg": 30.0}


class TestBend(OperatorContract):
    operator, strong = BEND, {"sigma_deg": 30.0}


class TestLengths(OperatorContract):
    operator, strong = LENGTHS, {"scale_sigma": 0.2}


class TestShoulders(OperatorContract):
    operator, strong = SHOULDERS, {"up_sigma_deg": 10.0}


def test_every_mutation_of_the_list_has_a_contract():
    kept = {contract.operator.name for contract in OperatorContract.__subclasses__()}
    assert kept == {mutation.name for mutation in MUTATIONS}


def test_bits_are_those_of_saved_files_and_nobody_shares_one():
    bits = {operator.name: operator.bit for operator in OPERATORS}
    saved = ("crossover", "limbs", "turn", "bend", "lengths", "shoulders", "mirror", "tumble")
    assert [bits[name] for name in saved] == list(range(8))
    others = [bit for name, bit in bits.items() if name not in saved]
    assert len(set(bits.values())) == len(bits) == len(OPERATORS)
    assert all(9 <= bit < 32 for bit in others), "bit 8 would make an immigrant"
