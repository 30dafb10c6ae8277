"""The hierarchical representation: there and back without loss, and right-handed all the way."""

import numpy as np
import pytest
import torch

from evoskeleton.evolution.hierarchy import REST, Genomes, decode, encode, out_of_bone_frame
from evoskeleton.evolution.skeleton import (
    BONES,
    H36M_32_INDEX,
    JOINT_NAMES,
    LIMB_MIRROR,
    LIMBS,
    MIRROR,
    PARENTS,
    Joint,
)


def test_every_real_pose_comes_back_within_a_hundredth_of_a_millimetre(cmu):
    assert np.abs(decode(encode(cmu.poses)).numpy() - cmu.poses).max() < 1e-2


def test_a_made_up_walker_comes_back(motion):
    assert np.abs(decode(encode(motion)).numpy() - motion).max() < 1e-2


def test_frames_are_right_handed_rotations(motion):
    genomes = encode(motion)
    for rotation in (genomes.pelvis, genomes.trunk):
        matrices = rotation.permute(2, 0, 1)
        assert torch.allclose(torch.linalg.det(matrices), torch.ones(len(genomes)), atol=1e-5)


def test_a_body_that_stands_upright_has_its_thighs_down_and_its_head_up(motion):
    genomes = encode(motion)
    names = [limb.name for limb in LIMBS]
    assert (genomes.limbs[2, names.index("head")] > 0.8).all()
    assert (genomes.limbs[2, names.index("left thigh")] < -0.5).all()


def test_turning_the_pelvis_turns_the_whole_body_about_the_hip(motion):
    genomes = encode(motion)
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned = decode(
        Genomes(**{**vars(genomes), "pelvis": torch.einsum("ij,jkn->ikn", quarter, genomes.pelvis)})
    ).numpy()
    expected = motion[:, :1] + (motion - motion[:, :1]) @ quarter.numpy().T
    assert np.abs(turned - expected).max() < 1e-2


def test_the_neck_follows_the_head(motion):
    genomes = encode(motion)
    limbs = genomes.limbs.clone()
    limbs[:, 0] = torch.tensor([0.6, 0.0, 0.8])[:, None]
    before, after = decode(genomes).numpy(), decode(Genomes(**{**vars(genomes), "limbs": limbs}))
    lengths = [
        np.linalg.norm(pose[:, Joint.HEAD] - pose[:, Joint.NECK], axis=1)
        for pose in (before, after.numpy())
    ]
    assert np.allclose(lengths[0], lengths[1], atol=1e-2)
    assert np.abs(after.numpy()[:, Joint.NECK] - before[:, Joint.NECK]).max() > 10


def test_a_bone_opposite_to_rest_still_carries_a_rotation():
    rest = torch.tensor(REST[3].copy(), dtype=torch.float32)[:, None, None]
    axes = torch.eye(3)[:, :, None].repeat(1, 1, 1)
    turned = out_of_bone_frame(-rest.expand(3, 3, 1), axes, rest)[:, :, 0]
    assert torch.allclose(turned.T @ turned, torch.eye(3), atol=1e-5)
    assert torch.linalg.det(turned) == pytest.approx(1.0, abs=1e-5)


def test_the_bone_frame_carries_rest_onto_the_bone():
    rest = torch.tensor(REST[3].copy(), dtype=torch.float32)[:, None, None]
    bone = torch.nn.functional.normalize(torch.tensor([0.2, 0.9, 0.4]), dim=0)[:, None, None]
    assert torch.allclose(out_of_bone_frame(bone, rest, rest), bone, atol=1e-6)


def test_sixteen_joints_are_refused_with_the_wanted_shape(motion):
    with pytest.raises(ValueError, match=r"joints should be \(bodies, 17, 3\), got \(240, 16, 3\)"):
        encode(motion[:, :16])


def test_genomes_survive_the_trip_through_numpy(motion):
    genomes = encode(motion)
    again = Genomes.from_arrays(genomes.to_arrays())
    assert torch.equal(decode(again), decode(genomes))


def test_mirroring_twice_gives_the_same_joint_and_limb():
    assert [MIRROR[i] for i in MIRROR] == list(range(17))
    assert [LIMB_MIRROR[i] for i in LIMB_MIRROR] == list(range(9))
    for joint in Joint:
        left = JOINT_NAMES[joint]
        right = JOINT_NAMES[MIRROR[joint]]
        assert left == right or left[1:] == right[1:]


def test_the_tree_has_sixteen_bones_and_one_root():
    assert len(BONES) == 16 and PARENTS.count(-1) == 1
    assert len(set(H36M_32_INDEX)) == 17
