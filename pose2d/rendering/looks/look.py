"""What a person looks like, drawn at random: build, skin, hair, face, clothes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evoskeleton.pose2d.rendering.body.figure import Build

Colour = tuple[float, float, float]
"""Red green blue in [0, 1], as a screen shows them."""

_SKINS = np.array(
    [
        (246, 224, 206), (240, 208, 184), (232, 190, 160), (220, 172, 138), (200, 150, 114),
        (176, 124, 90), (148, 100, 70), (118, 78, 54), (90, 60, 44), (66, 46, 36),
    ]
) / 255.0  # fmt: skip
_HAIRS = np.array(
    [
        (28, 22, 20), (44, 32, 26), (70, 48, 34), (98, 68, 44), (140, 100, 62), (190, 152, 98),
        (218, 190, 140), (140, 62, 34), (150, 146, 142), (212, 210, 206),
    ]
) / 255.0  # fmt: skip
_IRISES = ((0.28, 0.17, 0.10), (0.36, 0.24, 0.14), (0.30, 0.42, 0.52), (0.33, 0.42, 0.28))

Style = Literal[
    "bald", "cropped", "short", "bob", "long", "ponytail", "bun", "afro", "cap", "beanie"
]
Pattern = Literal["plain", "bands", "pinstripes", "checks", "dots", "mottled", "halves", "print"]


@dataclass(frozen=True)
class Cloth:
    """What a garment is made of.

    Attributes:
        colour, second: of the cloth and of what is on it.
        pattern: how the second colour lies on the first.
        scale: of the pattern, mm.
        tile: which textures it uses.
        folds: how much it creases, 0 to 1.
        shine: 0 wool to 1 silk.
    """

    colour: Colour
    second: Colour
    pattern: Pattern
    scale: float
    tile: int
    folds: float
    shine: float


@dataclass(frozen=True)
class Look:
    """One person.

    Attributes:
        build: of the body.
        skin, hair, lips, iris: colours.
        style: of the hair, or what is worn on it.
        hat: cloth of a cap.
        hairline: how far it has gone back, mm.
        beard: 0 none to 1 full.
        glasses: none, or how dark they are.
        top: cloth of the upper body; none: bare.
        sleeve: how far down the arm it reaches, mm from the shoulder.
        hem: height of its lower edge, rest frame mm.
        neckline: how deep it is cut, mm; `v_neck` to a point.
        collar: how far up the neck it goes, mm.
        open_front: whether a jacket shows another cloth below it.
        under: that cloth.
        bottom: cloth of the legs.
        leg: how far down the leg it reaches, mm from the hip.
        waist: height of its upper edge, rest frame mm.
        skirt: how far a skirt hangs down, mm; 0: trousers.
        flare: how wide it is cut, 0 to 1.
        loose: how far the top stands off, mm.
        shoes: colour; `sole` of their soles, `shaft` how high they go, mm; 0: barefoot.
        socks: colour; `sock` how high they go, mm.
        gloves: colour; none: bare hands.
    """

    build: Build
    skin: Colour
    hair: Colour
    lips: Colour
    iris: Colour
    style: Style
    hat: Cloth
    hairline: float
    beard: float
    glasses: float | None
    top: Cloth | None
    sleeve: float
    hem: float
    neckline: float
    v_neck: bool
    collar: float
    open_front: bool
    under: Cloth
    bottom: Cloth
    leg: float
    waist: float
    skirt: float
    flare: float
    loose: float
    shoes: Colour
    sole: Colour
    shaft: float
    socks: Colour
    sock: float
    gloves: Colour | None


def draw_look(draws: np.random.Generator) -> Look:
    """A person at random."""
    female = float(draws.random() < 0.5)
    build = Build(
        float(np.clip(abs(female - abs(draws.normal(0.0, 0.15))), 0.0, 1.0)),
        float(np.clip(draws.normal(0.0, 0.55), -1.0, 1.0)),
    )
    skin = _skin(draws)
    dress = female > 0.5 and draws.random() < 0.25
    skirt = float(draws.uniform(250, 780)) if dress or (female and draws.random() < 0.2) else 0.0
    bottom = _cloth(draws, 0.55)
    top: Cloth | None = bottom if dress else _cloth(draws, 0.4)
    if female < 0.5 and draws.random() < 0.06:
        top = None
    sleeve = _sleeve(draws)
    jacket = sleeve > 500 and draws.random() < 0.4
    return Look(
        build=build,
        skin=skin,
        hair=_near(draws, _HAIRS[_dark_first(draws, len(_HAIRS))], 0.05),
        lips=_near(draws, np.asarray(skin) * (0.86, 0.62, 0.62), 0.04),
        iris=_IRISES[int(draws.integers(len(_IRISES)))],
        style=_style(draws, female),
        hat=_cloth(draws, 0.8),
        hairline=float(draws.choice([0.0, draws.uniform(0, 40)], p=[0.7, 0.3])),
        beard=0.0 if female else float(draws.choice([0.0, 0.35, 1.0], p=[0.5, 0.25, 0.25])),
        glasses=_glasses(draws),
        top=top,
        sleeve=sleeve,
        hem=60.0 if dress else float(draws.choice([95.0, draws.uniform(-70, 60)], p=[0.25, 0.75])),
        neckline=float(draws.uniform(0, 90)) if not jacket else 0.0,
        v_neck=bool(draws.random() < 0.3),
        collar=float(draws.choice([0.0, draws.uniform(10, 60)], p=[0.7, 0.3])),
        open_front=bool(jacket),
        under=_cloth(draws, 0.8),
        bottom=bottom,
        leg=0.0 if skirt else _leg(draws),
        waist=float(draws.uniform(70, 130)),
        skirt=skirt,
        flare=float(draws.random() ** 2),
        loose=float(3.0 + 22.0 * draws.random() ** 2 + (8.0 if jacket else 0.0)),
        shoes=_colour(draws, 0.45),
        sole=_colour(draws, 0.2) if draws.random() < 0.4 else (0.9, 0.9, 0.88),
        shaft=float(
            draws.choice([0.0, 75.0, 110.0, draws.uniform(150, 380)], p=[0.08, 0.5, 0.27, 0.15])
        ),
        socks=_colour(draws, 0.3),
        sock=float(draws.choice([0.0, 130.0, 200.0, 420.0], p=[0.3, 0.35, 0.25, 0.1])),
        gloves=_colour(draws, 0.4) if draws.random() < 0.04 else None,
    )


def _skin(draws: np.random.Generator) -> Colour:
    place = draws.random() * (len(_SKINS) - 1)
    at = min(int(place), len(_SKINS) - 2)
    mixed = _SKINS[at] + (place - at) * (_SKINS[at + 1] - _SKINS[at])
    return _near(draws, mixed, 0.025)


def _near(draws: np.random.Generator, colour: np.ndarray, spread: float) -> Colour:
    r, g, b = np.clip(colour + draws.normal(0.0, spread) + draws.normal(0.0, 0.4 * spread, 3), 0, 1)
    return float(r), float(g), float(b)


def _dark_first(draws: np.random.Generator, count: int) -> int:
    """Dark hair is by far the most frequent."""
    return int(min(count - 1, int(draws.random() ** 1.7 * count)))


def _colour(draws: np.random.Generator, greyness: float) -> Colour:
    """Any colour; a share of them black, grey, white or dark blue."""
    value = float(
        draws.choice([draws.uniform(0.04, 0.25), draws.uniform(0.25, 0.95)], p=[0.4, 0.6])
    )
    if draws.random() < greyness:
        return _near(draws, np.array([value, value, value * draws.uniform(0.95, 1.1)]), 0.02)
    hue, strength = draws.random() * 6.0, draws.uniform(0.15, 0.9)
    wheel = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6.0 - 3.0) - 1.0, 0.0, 1.0)
    return _near(draws, value * (1.0 - strength + strength * wheel), 0.02)


_PATTERNS: tuple[Pattern, ...] = (
    "plain", "bands", "pinstripes", "checks", "dots", "mottled", "halves", "print"
)  # fmt: skip


def _cloth(draws: np.random.Generator, plain: float) -> Cloth:
    rest = (1.0 - plain) / (len(_PATTERNS) - 1)
    pattern = _PATTERNS[draws.choice(len(_PATTERNS), p=[plain, *[rest] * (len(_PATTERNS) - 1)])]
    return Cloth(
        colour=_colour(draws, 0.4),
        second=_colour(draws, 0.4),
        pattern=pattern,
        scale=float(np.exp(draws.uniform(np.log(12.0), np.log(90.0)))),
        tile=int(draws.integers(12)),
        folds=float(draws.uniform(0.2, 1.0)),
        shine=float(draws.random() ** 4),
    )


def _sleeve(draws: np.random.Generator) -> float:
    """None, short, to the elbow, rolled up, or to the wrist."""
    lengths = (draws.uniform(0, 30), draws.uniform(110, 210), draws.uniform(240, 330))
    full = draws.uniform(540, 585)
    return float(
        draws.choice([*lengths, draws.uniform(360, 480), full], p=[0.12, 0.38, 0.07, 0.08, 0.35])
    )


def _leg(draws: np.random.Generator) -> float:
    """Very short, to the knee, to the calf, or to the shoe."""
    lengths = (draws.uniform(90, 200), draws.uniform(290, 430), draws.uniform(560, 680))
    return float(draws.choice([*lengths, draws.uniform(780, 850)], p=[0.12, 0.2, 0.06, 0.62]))


def _style(draws: np.random.Generator, female: float) -> Style:
    hers: tuple[Style, ...] = ("long", "bob", "ponytail", "bun", "short", "afro", "cap", "beanie")
    his: tuple[Style, ...] = ("short", "cropped", "bald", "afro", "cap", "beanie", "bob", "long")
    odds = (0.28, 0.18, 0.18, 0.1, 0.12, 0.05, 0.05, 0.04) if female else (
        0.42, 0.2, 0.1, 0.05, 0.11, 0.06, 0.03, 0.03
    )  # fmt: skip
    styles = hers if female else his
    return styles[draws.choice(len(styles), p=odds)]


def _glasses(draws: np.random.Generator) -> float | None:
    kind = draws.random()
    return None if kind < 0.8 else 0.1 if kind < 0.92 else 0.92
