"""Random shifts: where pixels go, how far, and that a seed says it all."""

import copy

import torch

from unseen.nets.augmentation import RandomShift

IMAGES = torch.arange(500 * 5 * 7 * 2.0).view(500, 5, 7, 2)


def moved_plainly(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Returns one image moved pixel by pixel, its edges repeated."""
    result = torch.empty_like(image)
    for i in range(5):
        for j in range(7):
            result[i, j] = image[min(max(i + down, 0), 4), min(max(j + right, 0), 6)]

    return result


def test_each_image_is_moved_by_a_distance_of_its_own_and_all_are_as_likely() -> None:
    choices = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    counts = dict.fromkeys(choices, 0)
    for image, moved in zip(IMAGES, RandomShift(2, seed=0)(IMAGES), strict=True):
        fits = [each for each in choices if torch.equal(moved, moved_plainly(image, *each))]
        assert len(fits) == 1
        counts[fits[0]] += 1

    assert min(counts.values()) > 5  # 20 expected of each, standard error 4.4
    assert max(counts.values()) < 40


def test_evaluation_and_no_distance_change_nothing() -> None:
    assert torch.equal(RandomShift(2, seed=0).eval()(IMAGES), IMAGES)
    assert torch.equal(RandomShift(0, seed=0)(IMAGES), IMAGES)


def test_shifts_resume_from_the_saved_state_and_leave_the_global_generator() -> None:
    state, shift = torch.get_rng_state(), RandomShift(2, seed=0)
    first, saved = shift(IMAGES), copy.deepcopy(shift.state_dict())
    wanted = shift(IMAGES)
    again = RandomShift(2, seed=7)
    assert not torch.equal(again(IMAGES), first)
    again.load_state_dict(saved)

    assert not torch.equal(first, wanted)
    assert torch.equal(again(IMAGES), wanted)
    assert torch.equal(torch.get_rng_state(), state)
