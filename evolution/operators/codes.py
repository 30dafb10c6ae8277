"""Codes of what made a body, as populations and saved files hold them, and their names.

A body is of a kind (a seed, an immigrant, what a lifter answered, what was refined) or was bred;
the code of a bred one is 1 + its marks, one bit for every operator that has changed it:

| bits | whose |
|---|---|
| 0 to 7 | the first eight built-in operators |
| 8 | nobody's, ever: 1 + 2^8 is an immigrant, 2 + 2^8 lifted, 3 + 2^8 refined |
| 9 to 31 | built-in operators to come, each the lowest that is free |
| 32 to 61 | operators of one's own, in the order of `breeding.mutations` |

Codes are never given another meaning, so that saved files stay readable.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.operators.catalogue import OPERATORS
from evoskeleton.evolution.operators.entry import Operator

SEED, IMMIGRANT, LIFTED, REFINED = 0, 257, 258, 259
KINDS = {"seed": SEED, "immigrant": IMMIGRANT, "lifted": LIFTED, "refined": REFINED}
"""Codes of bodies that nobody bred, by the name of their kind."""

COPY = "copy"
"""Name of the code of a child that nothing has changed."""

FIRST_OWN, MOST_OWN = 32, 30
"""The bit of the first operator of one's own, and how many there can be."""

_NAMES = {operator.bit: operator.name for operator in OPERATORS}


def marks_to_codes(marks: Tensor) -> Tensor:
    """Codes (bodies,) int64 of bred bodies out of their marks, a bit an operator."""
    return marks + 1


def has_mark(codes: Tensor, operator: Operator) -> Tensor:
    """Which bodies (bodies,) bool a built-in operator has changed."""
    bred = ~torch.isin(codes, torch.tensor(list(KINDS.values()), device=codes.device))
    return bred & ((codes - 1) >> operator.bit & 1).bool()


def code_to_name(code: int, own: Sequence[str] = ()) -> str:
    """What made a body: "seed", "immigrant", "copy", or operators such as "crossover+bend".

    Args:
        code: of a body.
        own: names of the operators of one's own, in the order of the settings.

    Raises:
        BadInput: no operator has one of its bits.
    """
    for kind, its_code in KINDS.items():
        if code == its_code:
            return kind
    names = _NAMES | {FIRST_OWN + place: name for place, name in enumerate(own)}
    marks = code - 1
    bits = [bit for bit in range(marks.bit_length()) if marks >> bit & 1]
    if code < 0 or any(bit not in names for bit in bits):
        hint = (
            "" if own or marks < 1 << FIRST_OWN else "; `own` takes the names of your own operators"
        )
        raise BadInput(f"no operator of this version has the code {code}{hint}")
    return "+".join(names[bit] for bit in bits) or COPY


def codes_to_names(codes: Tensor, own: Sequence[str] = ()) -> np.ndarray:
    """Names (bodies,) of codes (bodies,) int64, see `code_to_name`.

    Raises:
        BadInput: a code is unknown.
    """
    different, places = torch.unique(codes, return_inverse=True)
    names = np.array([code_to_name(int(code), own) for code in different], dtype=np.str_)
    found: np.ndarray = names[places.cpu().numpy()]
    return found
