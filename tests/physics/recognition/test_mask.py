import numpy as np
import pytest

from mript_jax.data.phantom.source import PhantomSource
from mript_jax.physics.masks import PATTERNS, sample_mask
from mript_jax.physics.measurement import zero_filled_image
from mript_jax.physics.recognition.image import recognize_image
from mript_jax.physics.recognition.mask import recognize_kspace, recognize_mask
from mript_jax.physics.tasks import TASKS

SAME = {  # patterns that cannot be distinguished from one mask
    "fastmri_random": {"cartesian_random"},
    "fastmri_equispaced_fraction": {"fastmri_equispaced"},
    "fastmri_magic": {"fastmri_magic", "equidistant"},  # identical for some offsets
    "fastmri_magic_fraction": {"fastmri_magic", "equidistant"},
}


def drawn(task, shape, seed, **options):
    return sample_mask(
        task.pattern, shape, task.acceleration, task.center_fraction, seed, **options
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.pattern}-{t.acceleration:g}")
def test_tasks_of_the_paper_are_recognized_from_masks(task):
    for seed, (shape, axis) in enumerate([((224, 224), -1), ((192, 256), -2)]):
        seen = recognize_mask(drawn(task, shape, seed, axis=axis))
        assert seen.pattern == task.pattern
        # A Gaussian mask can have as many samples as one of the next level.
        exact = task.pattern.startswith("cartesian")
        assert abs(np.log2(seen.acceleration / task.acceleration)) < (0.01 if exact else 0.42)
        if not task.pattern.endswith("2d"):
            assert seen.axis == axis


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS) - {task.pattern for task in TASKS}))
def test_other_patterns_are_recognized_from_masks(pattern):
    found = [
        recognize_mask(sample_mask(pattern, (256, 256), 6, 0.04, seed)).pattern for seed in range(4)
    ]
    assert sum(name in SAME.get(pattern, {pattern}) for name in found) >= 3


def test_center_acceleration_and_partial_fourier_are_measured():
    seen = recognize_mask(sample_mask("cartesian_random", (64, 200), 4, 0.1, 0))
    assert (seen.center_lines, seen.true_acceleration) == (20, 4.0)
    half = recognize_mask(
        sample_mask("cartesian_random", (64, 200), 2, 0.1, 0, partial_fourier=0.7)
    )
    assert abs(half.partial_fourier - 0.7) < 0.03
    assert recognize_mask(np.ones((8, 8))).acceleration == 1


def test_mask_of_kspace_is_1_where_some_coil_is_not_zero():
    kspace = np.zeros((2, 4, 4), complex)
    kspace[0, 1, 2], kspace[1, 3, 3] = 1, 1j
    assert np.argwhere(recognize_kspace(kspace)).tolist() == [[1, 2], [3, 3]]


def test_tasks_of_zero_filled_images_are_mostly_recognized():
    source = PhantomSource(count=8, size=128)
    right = []
    for number, task in list(enumerate(TASKS))[::4]:
        image = source[number % 8].image
        zero_filled = np.abs(zero_filled_image(image, drawn(task, image.shape, number)))
        seen = recognize_image(zero_filled)
        right.append((seen.pattern, seen.acceleration) == (task.pattern, task.acceleration))
    assert sum(right) >= len(right) - 1


@pytest.mark.parametrize(("width", "measured"), [(64, 48), (256, 192), (372, 279), (256, 160)])
@pytest.mark.parametrize("ends", [False, True], ids=["first lines", "last lines"])
def test_partial_fourier_without_acceleration_is_no_gaussian_pattern(width, measured, ends):
    mask = np.zeros((4, width))
    mask[:, :measured] = 1
    seen = recognize_mask(mask[:, ::-1] if ends else mask)
    assert (seen.pattern, seen.acceleration) == ("cartesian_random", 1.0)
    assert seen.partial_fourier == pytest.approx(measured / width)
