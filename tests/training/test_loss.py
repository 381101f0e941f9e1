"""The loss, where classes are of equal and of unequal size."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from fmagc.training.loss import Criterion, CrossEntropy
from tests.support.labels import single

LABELS = [0] * 6 + [1] * 3 + [2]
BALANCED = ["weighted_loss", "logit_adjustment"]


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
