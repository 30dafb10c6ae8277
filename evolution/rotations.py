"""Rotations of many bodies at once.

Arrays are component-first: a vector field is (3, ..., bodies), a rotation (3, 3, bodies) with
`rotation[i, j]` in row i and column j. Every coordinate is then one contiguous run over the bodies,
which is what makes the operators fast on a CPU and on a GPU alike.
"""

import torch
from torch import Tensor

_TINY = 1e-30


def normalize(vectors: Tensor) -> Tensor:
    """Unit vectors (3, ..., bodies); a zero vector stays zero."""
    return vectors * dot(vectors, vectors).clamp_min_(_TINY).rsqrt_()


def dot(left: Tensor, right: Tensor) -> Tensor:
    """Scalar product over the first axis: (3, ..., bodies) -> (..., bodies)."""
    product = left[0] * right[0]
    return product.addcmul_(left[1], right[1]).addcmul_(left[2], right[2])


def cross(left: Tensor, right: Tensor) -> Tensor:
    """Vector product over the first axis."""
    return torch.stack(
        [
            left[1] * right[2] - left[2] * right[1],
            left[2] * right[0] - left[0] * right[2],
            left[0] * right[1] - left[1] * right[0],
        ]
    )


def rotate(rotation: Tensor, vectors: Tensor) -> Tensor:
    """Apply (3, 3, bodies) to (3, k, bodies): out of the rotation's frame."""
    r = rotation[:, :, None]
    turned = r[:, 0] * vectors[0]
    return turned.addcmul_(r[:, 1], vectors[1]).addcmul_(r[:, 2], vectors[2])


def rotate_back(rotation: Tensor, vectors: Tensor) -> Tensor:
    """Apply the transpose of (3, 3, bodies) to (3, k, bodies): into the rotation's frame."""
    return rotate(rotation.transpose(0, 1), vectors)


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """Matrix product of (3, 3, bodies) rotations: first `inner`, then `outer`."""
    return rotate(outer, inner)


def frame(first: Tensor, second: Tensor) -> Tensor:
    """Right-handed frame whose x axis is `first` and whose z axis lies towards `second`.

    Gram-Schmidt; the columns of the (3, 3, bodies) result are the axes.
    """
    x = normalize(first)
    z = normalize(second - dot(second, x) * x)
    return torch.stack([x, cross(z, x), z], dim=1)


def about_axis(axis: Tensor, angle: Tensor) -> Tensor:
    """Rotations (3, 3, bodies) by `angle` (bodies,) radians about unit `axis` (3, bodies).

    Rodrigues' formula; an angle of zero gives the identity exactly.
    """
    cosine = angle.cos()
    rotation = (axis * (1.0 - cosine))[:, None] * axis
    skew = axis * angle.sin()
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        rotation[i, i].add_(cosine)
        rotation[j, i].add_(skew[k])
        rotation[i, j].sub_(skew[k])
    return rotation


def half_turn(axis: Tensor, vectors: Tensor) -> Tensor:
    """Turn vectors by 180 degrees about unit `axis`: its own inverse."""
    return (axis * (dot(axis, vectors) * 2.0)).sub_(vectors)
