"""The losses of both tasks, where classes are of equal and of unequal size."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from fmagc.tasks.task import TASKS
from fmagc.training.loss import CRITERIA, BinaryCrossEntropy, Criterion, CrossEntropy
from tests.support.labels import multi, single

LABELS = [0] * 6 + [1] * 3 + [2]
BALANCED = ["weighted_loss", "logit_adjustment"]
SEVERAL = ["a", "a;b", "a;b;c", "b", "c", "d"]
SEVERAL_LABELS = [0, 0, 1, 1, 2, 3, 4, 5, 5, 5]  # of ten tracks a has 5, b 4, c 2, d 3


def criterion(balance: str) -> Criterion:
    return CrossEntropy(balance, LABELS, labels=single("abc"), device=torch.device("cpu"))


def pull(balance: str) -> torch.Tensor:
    """Return how the whole training set pulls at a network that says the same of every clip and prefers no class."""
    logits = torch.zeros(3, requires_grad=True)
    criterion(balance)(logits.expand(len(LABELS), 3), torch.tensor(LABELS)).backward()
    return logits.grad


def test_the_plain_loss_pulls_towards_the_large_class() -> None:
    assert pull("none").numpy() == pytest.approx(1 / 3 - np.array([0.6, 0.3, 0.1]))


@pytest.mark.parametrize("balance", BALANCED)
def test_a_balanced_loss_pulls_towards_no_class(balance: str) -> None:
    assert pull(balance).numpy() == pytest.approx(np.zeros(3), abs=1e-7)


@pytest.mark.parametrize("balance", BALANCED)
def test_classes_of_equal_size_are_left_as_they_are(balance: str) -> None:
    logits, target = torch.randn(5, 2), torch.tensor([0, 1, 1, 1, 0])
    plain, balanced = (
        CrossEntropy(which, [0, 1, 0, 1], labels=single("ab"), device=torch.device("cpu"))(logits, target)
        for which in ("none", balance)
    )
    assert balanced.item() == pytest.approx(plain.item(), rel=1e-6)


def test_weights_are_those_of_scikit_learn() -> None:
    weights = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    logits = torch.zeros(1, 3)
    found = [criterion("weighted_loss")(logits, torch.tensor([n])).item() for n in range(3)]
    assert found == pytest.approx((weights * np.log(3)).tolist())


@pytest.mark.parametrize("balance", ["none", *BALANCED])
def test_the_loss_of_a_batch_is_the_mean_of_those_of_its_clips(balance: str) -> None:
    logits, target = torch.randn(4, 3), torch.tensor([0, 2, 1, 2])
    each = [criterion(balance)(logits[n : n + 1], target[n : n + 1]).item() for n in range(4)]
    assert criterion(balance)(logits, target).item() == pytest.approx(np.mean(each), rel=1e-6)


@pytest.mark.parametrize("balance", ["none", *BALANCED])
def test_the_loss_of_a_mixed_clip_is_the_weighted_mean_of_those_of_its_classes(balance: str) -> None:
    logits, soft = torch.randn(1, 3), torch.tensor([[0.25, 0.0, 0.75]])
    first, second = (criterion(balance)(logits, torch.tensor([n])).item() for n in (0, 2))
    assert criterion(balance)(logits, soft).item() == pytest.approx(0.25 * first + 0.75 * second, rel=1e-6)


@pytest.mark.parametrize("balance", ["none", *BALANCED])
@pytest.mark.parametrize("target", [torch.tensor([0, 2]), torch.tensor([[0.25, 0.0, 0.75], [0.0, 1.0, 0.0]])])
def test_smoothing_shares_a_part_of_the_targets_out_among_all_classes(balance: str, target: torch.Tensor) -> None:
    logits = torch.randn(2, 3)
    soft = target if target.dim() == 2 else torch.eye(3)[target]
    expected = criterion(balance)(logits, 0.9 * soft + 0.1 / 3)
    smoothed = criterion(balance)(logits, target, label_smoothing=0.1)
    assert smoothed.item() == pytest.approx(expected.item(), rel=1e-6)


def binary(
    balance: str, codes: list[int] = SEVERAL_LABELS, *, genres: tuple[str, ...] = tuple("abcd")
) -> BinaryCrossEntropy:
    return BinaryCrossEntropy(balance, codes, labels=multi(SEVERAL, genres=genres), device=torch.device("cpu"))


def binary_pull(criterion: Criterion, codes: list[int], n_genres: int) -> torch.Tensor:
    """Return how the training set pulls at a network that gives each genre of every clip a probability of one half."""
    logits = torch.zeros(n_genres, requires_grad=True)
    criterion(logits.expand(len(codes), n_genres), torch.tensor(codes)).backward()
    return logits.grad


def test_genres_of_their_own_have_the_sum_of_torchs_binary_cross_entropies() -> None:
    logits, carried = torch.randn(3, 4), torch.tensor([[1.0, 1, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0]])
    expected = nn.functional.binary_cross_entropy(logits.sigmoid(), carried, reduction="none").sum(dim=1).mean()
    assert binary("none")(logits, torch.tensor([2, 5, 1])).item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_plain_loss_pulls_each_genre_towards_its_share() -> None:
    pulled = binary_pull(binary("none"), SEVERAL_LABELS, 4)
    assert pulled.numpy() == pytest.approx(0.5 - np.array([0.5, 0.4, 0.2, 0.3]), abs=1e-7)


def test_weights_pull_a_genre_of_at_most_half_of_the_tracks_neither_way() -> None:
    assert binary_pull(binary("weighted_loss"), SEVERAL_LABELS, 4).numpy() == pytest.approx(np.zeros(4), abs=1e-7)


def test_adjusted_logits_are_off_by_the_log_odds_of_each_genre_however_common() -> None:
    codes = [0] * 8 + [3, 4]  # a has 8 of ten
    shift = np.log(np.array([0.8, 0.1, 0.1]) / np.array([0.2, 0.9, 0.9]))
    criterion = BinaryCrossEntropy("logit_adjustment", codes, labels=multi(SEVERAL[:5]), device=torch.device("cpu"))
    logits, target = torch.randn(2, 3), torch.tensor([1, 4])
    plain = BinaryCrossEntropy("none", codes, labels=multi(SEVERAL[:5]), device=torch.device("cpu"))
    shifted = plain(logits + torch.tensor(shift, dtype=torch.float32), target)
    assert criterion(logits, target).item() == pytest.approx(shifted.item(), rel=1e-6)
    assert binary_pull(criterion, codes, 3).numpy() == pytest.approx(np.zeros(3), abs=1e-6)


def test_weights_of_rare_and_of_common_genres_are_bounded() -> None:
    codes = [0] * 99 + [5]  # a has all but one, d one, and b and c none
    ones = torch.zeros(1, 4)
    of_all = binary("weighted_loss", codes)(ones, torch.tensor([2])).item()  # a, b and c
    of_one = binary("weighted_loss", codes)(ones, torch.tensor([5])).item()  # d
    assert of_all == pytest.approx((1 + 20 + 20 + 1) * np.log(2))
    assert of_one == pytest.approx((1 + 1 + 1 + 20) * np.log(2))


@pytest.mark.parametrize("balance", BALANCED)
def test_a_genre_without_training_tracks_has_a_finite_loss(balance: str) -> None:
    loss = binary(balance, [0, 0, 0], genres=("a", "b", "c", "d", "e"))(torch.zeros(2, 5), torch.tensor([5, 0]))
    assert torch.isfinite(loss)


@pytest.mark.parametrize("balance", ["none", *BALANCED])
def test_the_loss_of_several_genres_is_the_mean_of_those_of_its_clips(balance: str) -> None:
    logits, target = torch.randn(4, 4), torch.tensor([0, 2, 5, 2])
    each = [binary(balance)(logits[n : n + 1], target[n : n + 1]).item() for n in range(4)]
    assert binary(balance)(logits, target).item() == pytest.approx(np.mean(each), rel=1e-6)


def test_smoothing_shares_the_genres_of_a_clip_out_and_leaves_their_number() -> None:
    logits, target = torch.randn(2, 4), torch.tensor([2, 5])
    soft = torch.tensor([[0.975, 0.975, 0.975, 0.075], [0.025, 0.025, 0.025, 0.925]])  # of three genres, and of one
    expected = nn.functional.binary_cross_entropy_with_logits(logits, soft, reduction="sum") / 2
    assert soft.sum(dim=1).tolist() == pytest.approx([3, 1])
    smoothed = binary("none")(logits, target, label_smoothing=0.1)
    assert smoothed.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("codes", [SEVERAL_LABELS, [0] * 99 + [5]], ids=["alike", "rare and common"])
@pytest.mark.parametrize("balance", ["none", *BALANCED])
def test_a_network_begins_where_the_loss_pulls_no_genre(balance: str, codes: list[int]) -> None:
    loss = binary(balance, codes)
    logits = loss.start.clone().requires_grad_()
    loss(logits.expand(len(codes), 4), torch.tensor(codes)).backward()
    assert logits.grad.numpy() == pytest.approx(np.zeros(4), abs=1e-4)


@pytest.mark.parametrize("balance", ["none", *BALANCED])
def test_a_network_of_one_genre_a_track_begins_as_it_is(balance: str) -> None:
    assert criterion(balance).start.tolist() == [0, 0, 0]


def test_each_task_has_a_loss() -> None:
    assert set(CRITERIA) == set(TASKS)
