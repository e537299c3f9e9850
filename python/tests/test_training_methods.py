# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Methods: budgets in the integers, the best allocation, gradients, guards."""

from __future__ import annotations

import itertools

import pytest

from bitnn import BitnnError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

from bitnn.training import models  # noqa: E402
from bitnn.training.data import load  # noqa: E402
from bitnn.training.digits import count_digits, project  # noqa: E402
from bitnn.training.layers import iter_quantized_layers  # noqa: E402
from bitnn.training.methods import BitPruning  # noqa: E402
from bitnn.training.methods.base import adds_per_mac  # noqa: E402
from bitnn.training.methods.rate_distortion import RateDistortion  # noqa: E402
from bitnn.training.methods.regularizers import (  # noqa: E402
    Proximal,
    WeightPruning,
    met_activations,
)
from bitnn.training.prepare import prepare  # noqa: E402

ENCODINGS = ["csd", "binary"]
METHODS = {
    "budget": lambda model: BitPruning(model, budget=0.3, steps=20),
    "weight form": lambda model: BitPruning(model, strength=4.0, prox_lambda=4.0),
    "activation form": lambda model: BitPruning(model, strength=4.0, form="activation"),
    "weight pruning": lambda model: WeightPruning(model, 1.0),
}


def layers_of(model: torch.nn.Module) -> list:
    return [layer for _, layer in iter_quantized_layers(model)]


def prepared(name: str, channels: int, size: int, seed: int, **options: object) -> torch.nn.Module:
    torch.manual_seed(seed)
    model = models.build(name, channels, 10, size)
    return prepare(model, torch.rand(8, channels, size, size), **options)


@pytest.fixture
def mlp(seed: int) -> torch.nn.Module:
    return prepared("mlp", 1, 8, seed).train()


@pytest.fixture(scope="module")
def resnet8(pytestconfig: pytest.Config) -> torch.nn.Module:
    return prepared("resnet8", 3, 16, int(pytestconfig.getoption("--seed")))


@pytest.mark.parametrize("name", ["weight form", "activation form", "weight pruning"])
def test_gradient_of_a_regularizer(mlp: torch.nn.Module, name: str) -> None:
    """Against finite differences, in float64 and where the target does not jump."""
    method = METHODS[name](mlp)
    mlp(torch.rand(4, 1, 8, 8))  # The activation form looks at the inputs.
    mlp.double()
    method.loss().backward()
    drawn = layers_of(mlp)[method._drawn[0]]
    checked = 0
    for index in range(0, drawn.weight.numel(), 97):
        fraction = float((drawn.weight.flatten()[index] / drawn.scale.max()).detach()) % 1
        if abs(fraction - 0.5) < 0.05:
            continue
        eps = 1e-7
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                drawn.weight.view(-1)[index] += sign * eps
                losses.append(float(method.loss()))
                drawn.weight.view(-1)[index] -= sign * eps
        slope = (losses[0] - losses[1]) / (2 * eps)
        assert float(drawn.weight.grad.flatten()[index]) == pytest.approx(slope, rel=2e-2, abs=1e-5)
        checked += 1
    assert checked > 3


@pytest.mark.parametrize("groups", [1, 4])
def test_activations_that_a_weight_meets(groups: int, seed: int) -> None:
    """Every weight's mean input is what the convolution of a one-weight kernel gives."""
    torch.manual_seed(seed)
    conv = torch.nn.Conv2d(4, 8, 3, 2, 1, groups=groups, bias=False)
    layer = layers_of(prepare(torch.nn.Sequential(conv), torch.rand(2, 4, 7, 7)))[0]
    x = torch.rand(3, 4, 7, 7)
    met = met_activations(layer, x).expand_as(layer.weight)
    for out, inner, row, column in ((0, 0, 0, 0), (5, 0, 1, 2), (7, 4 // groups - 1, 2, 2)):
        kernel = torch.zeros_like(layer.weight)
        kernel[out, inner, row, column] = 1
        wanted = layer._sums(x, kernel)[:, out].mean()
        assert float(met[out, inner, row, column]) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("budget", [1.0, 0.3, 0.15])
def test_budget_is_met_in_the_integers(
    resnet8: torch.nn.Module, budget: float, encoding: str
) -> None:
    """Of the whole network, first and last layer included, and no layer starves."""
    method = RateDistortion(resnet8, budget, encoding=encoding)
    method.finish()
    adds = macs = 0
    for _, layer in iter_quantized_layers(resnet8):
        digits = count_digits(layer.integer_weight(), encoding)
        adds += int(digits.sum()) * layer.positions
        macs += layer.macs
        assert int(digits.flatten(1).sum(1).min()) >= 1
        assert float(digits.sum()) / digits.numel() >= 0.3 * budget
    assert 0.97 * budget <= adds / macs <= budget


def test_allocation_is_the_best(seed: int) -> None:
    """Against all allocations of a tiny layer: none removes more error for the same adds."""
    torch.manual_seed(seed)
    linear = torch.nn.Linear(5, 1, bias=False)
    model = prepare(torch.nn.Sequential(linear), torch.rand(8, 5), weight_bits=4)
    layer = layers_of(model)[0]
    for adds in range(1, 8):
        method = RateDistortion(model, adds / 5)
        u = layer.grid_weight().detach().flatten()
        chosen = layer.integer_weight().flatten()
        assert int(count_digits(chosen).sum()) <= adds
        error = float((u - chosen).square().sum())
        rows = [project(u, c, layer.limit) for c in range(4)]
        best = min(
            float(sum((u[i] - rows[c][i]) ** 2 for i, c in enumerate(counts)))
            for counts in itertools.product(range(4), repeat=5)
            if sum(counts) <= adds
        )
        # The gain table has cells of 1/32 step; on it the allocation is exact where it is convex.
        assert error <= best + 0.25
        method.finish()


def test_budget_falls_along_the_ramp(mlp: torch.nn.Module) -> None:
    method = RateDistortion(mlp, 0.3, steps=100, ramp=0.5, solve_every=1)
    targets, seen = [], []
    for _ in range(100):
        method.step()
        targets.append(method.target())
        seen.append(adds_per_mac(layers_of(mlp)))
    assert targets == sorted(targets, reverse=True)
    assert targets[50:] == [0.3] * 50
    assert targets[0] > 1.5
    assert all(s <= t for s, t in zip(seen, targets, strict=True))
    assert all(layer.statistics_frozen for layer in layers_of(mlp))


def test_budget_holds_without_a_last_allocation(mlp: torch.nn.Module, seed: int) -> None:
    """Whatever an optimizer did since the last one: a weight never gets more digits than it may."""
    print(f"seed {seed}")
    method = BitPruning(mlp, budget=0.3)
    for _ in range(13):
        with torch.no_grad():
            for layer in layers_of(mlp):
                layer.weight.add_(torch.randn_like(layer.weight) * 5 * layer.scale.max())
        method.step()
        assert adds_per_mac(layers_of(mlp)) <= 0.3


def test_budget_below_one_digit_per_channel_is_refused(mlp: torch.nn.Module) -> None:
    with pytest.raises(BitnnError, match="one digit in every output channel takes"):
        RateDistortion(mlp, 0.01)


@pytest.mark.parametrize("name", METHODS)
def test_training_with_a_method(mlp: torch.nn.Module, name: str) -> None:
    """It learns, every gradient is finite, and state saved in the middle gives the same end."""
    data = load("digits").train
    x, y = data.values(data.images[:512]), data.labels[:512]
    method = METHODS[name](mlp)
    optimizer = torch.optim.AdamW(mlp.parameters(), 1e-2)
    losses = []
    for _ in range(20):
        task = torch.nn.functional.cross_entropy(mlp(x), y)
        losses.append(float(task.detach()))
        optimizer.zero_grad()
        (task + method.loss()).backward()
        assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in mlp.parameters())
        optimizer.step()
        method.step()
    method.finish()
    assert losses[-1] < 0.5 * losses[0]
    before = [layer.integer_weight() for layer in layers_of(mlp)]
    state = method.state_dict()
    other = METHODS[name](mlp)
    other.load_state_dict(state)
    after = [layer.integer_weight() for layer in layers_of(mlp)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_collapsed_weights_give_no_nan(mlp: torch.nn.Module) -> None:
    """Channels and whole layers of zeros: losses, gradients and integers stay finite."""
    with torch.no_grad():
        layers_of(mlp)[0].weight[3].zero_()
        layers_of(mlp)[1].weight.zero_()
    for make in METHODS.values():
        method = make(mlp)
        mlp.zero_grad()
        (mlp(torch.rand(16, 1, 8, 8)).sum() + method.loss()).backward()
        for _ in range(10):
            method.step()
        assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in mlp.parameters())
        assert all(bool(layer.scale.isfinite().all()) for layer in layers_of(mlp))
        for layer in layers_of(mlp):
            layer.assign = None


def test_regularizers_prune(seed: int) -> None:
    """A high strength leaves clearly fewer digits (weights) than training without it."""
    data = load("digits").train
    x, y = data.values(data.images[:512]), data.labels[:512]
    measured = {}
    for name, make in {
        "none": lambda model: Proximal(model, 0.0),
        "bits": lambda model: Proximal(model, 30.0, prox_lambda=4.0),
        "weights": lambda model: WeightPruning(model, 3.0),
    }.items():
        model = prepared("mlp", 1, 8, seed).train()
        method = make(model)
        optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
        for _ in range(60):
            optimizer.zero_grad()
            (torch.nn.functional.cross_entropy(model(x), y) + method.loss()).backward()
            optimizer.step()
            method.step()
        zeros = sum(int((layer.integer_weight() == 0).sum()) for layer in layers_of(model))
        measured[name] = adds_per_mac(layers_of(model)), zeros
    print(f"seed {seed}: {measured}")
    assert measured["bits"][0] < 0.75 * measured["none"][0]
    assert measured["weights"][1] > 1.2 * measured["none"][1]


def test_digits_go_where_the_model_goes(mlp: torch.nn.Module) -> None:
    """Pruned on one device, exported from another; what is saved does not change."""
    keys = mlp.state_dict().keys()
    BitPruning(mlp, budget=0.3)
    assert mlp.state_dict().keys() == keys
    for layer in layers_of(mlp.to("meta")):
        assert layer.integer_weight().device.type == "meta"
        layer.assign = torch.round  # Any function may take its place.


@pytest.mark.parametrize("options", [{}, {"budget": 0.3, "strength": 1.0}])
def test_budget_or_strength(mlp: torch.nn.Module, options: dict[str, float]) -> None:
    with pytest.raises(BitnnError, match="either a budget"):
        BitPruning(mlp, **options)


def test_a_model_that_is_not_prepared_is_refused() -> None:
    with pytest.raises(BitnnError, match=r"bitnn\.prepare"):
        BitPruning(torch.nn.Linear(3, 3), budget=0.3)
