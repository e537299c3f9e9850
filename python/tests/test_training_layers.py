# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantized layers and activations: gradients, grids, and what eval mode computes."""

from __future__ import annotations

import copy
import math

import pytest

from bitnn import BitnnError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

from torch import nn  # noqa: E402

from bitnn.training.layers import (  # noqa: E402
    QuantizedConv2d,
    QuantizedLayer,
    QuantizedLinear,
    estimate_statistics,
    step_per_rms,
)
from bitnn.training.quantizers import ActivationQuantizer  # noqa: E402


def quantizer(bits: int, signed: bool, step: float, **options: bool) -> ActivationQuantizer:
    made = ActivationQuantizer(bits, signed, **options)
    with torch.no_grad():
        made.log_step.fill_(math.log2(step))
    made.follow(at_once=True)
    return made


def convolution(seed: int, norm: bool = True, **options: object) -> QuantizedConv2d:
    torch.manual_seed(seed)
    batch_norm = nn.BatchNorm2d(6) if norm else None
    if batch_norm is not None:
        with torch.no_grad():
            batch_norm.weight.copy_(torch.linspace(-1.5, 1.5, 6))
            batch_norm.bias.normal_()
            batch_norm.running_mean.normal_()
            batch_norm.running_var.uniform_(0.5, 2)
    conv = nn.Conv2d(4, 6, 3, padding=1, groups=2)
    source, output = quantizer(8, False, 0.02), quantizer(8, True, 0.03)
    layer = QuantizedConv2d(conv, batch_norm, source, output, **options)
    layer.positions = 25
    return layer


# --- Activations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("signed", [False, True])
def test_activations_round_to_even_and_saturate(bits: int, signed: bool) -> None:
    q = quantizer(bits, signed, 0.25)
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    x = torch.arange(-4 * 300, 4 * 300) / 16
    wanted = [min(max(round(v / 0.25), lowest), highest) * 0.25 for v in x.tolist()]
    for training in (True, False):
        assert q.train(training)(x).tolist() == wanted


def test_gradients_of_a_step_are_those_of_lsq() -> None:
    q = quantizer(4, True, 0.5).train()
    x = torch.tensor([[-9.0, -1.3, 0.2, 0.26, 1.9, 9.0]], requires_grad=True)
    weights = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    (q(x) * weights).sum().backward()
    inside = [False, True, True, True, True, False]
    assert x.grad[0].tolist() == [w * i for w, i in zip(weights[0].tolist(), inside, strict=True)]
    slopes = [-8.0, *(round(v / 0.5) - v / 0.5 for v in (-1.3, 0.2, 0.26, 1.9)), 7.0]
    by_step = sum(w * s for w, s in zip(weights[0].tolist(), slopes, strict=True))
    wanted = by_step * 0.5 * math.log(2)  # by log2(step)
    assert q.log_step.grad.item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("value", [-30.0, 30.0])
def test_gradient_of_a_saturated_activation_equals_finite_differences(value: float) -> None:
    """Where nothing is rounded the gradient is that of the function itself."""
    x, change = torch.tensor([[value]]), 1.0 / 64
    outputs = [quantizer(4, True, 2**e).train()(x).item() for e in (-change, change)]
    q = quantizer(4, True, 1.0).train()
    q(x).backward()
    numeric = (outputs[1] - outputs[0]) / (2 * change)
    assert q.log_step.grad.item() == pytest.approx(numeric, rel=0.02)  # steps are short


def test_deployed_steps_have_short_mantissas() -> None:
    for exponent in torch.linspace(-9, 3, 500).tolist():
        step = quantizer(8, False, 2**exponent).value().item()
        mantissa, _ = math.frexp(step)
        assert (mantissa * 4096).is_integer()
        assert step == pytest.approx(2**exponent, rel=1 / 4096)


def test_tied_steps_follow_by_powers_of_two_with_hysteresis() -> None:
    base, tied = quantizer(8, False, 0.1), ActivationQuantizer(8, True)
    tied.tie(base)
    for wanted, shift in [(0.4, 2), (0.6, 2), (0.75, 3), (0.5, 3), (0.44, 2), (0.012, -3)]:
        with torch.no_grad():
            tied.log_step.fill_(math.log2(wanted))
        tied.follow()
        assert (tied.shift.item(), tied.value().item()) == (shift, base.value().item() * 2**shift)
    with pytest.raises(ValueError, match="only a root"):
        tied.tie(base)
    with pytest.raises(ValueError, match="only a root"):
        base.tie(tied)


def test_a_limit_is_never_passed() -> None:
    for tied in (False, True):
        q = ActivationQuantizer(8, False, limit=6.0)
        if tied:
            q.tie(quantizer(8, False, 0.01))
        q.calibrating = True
        assert q(torch.tensor([[0.0, 50.0]])).tolist() == [[0.0, 6.0]]
        q.calibrating = False
        q.follow(at_once=True)
        assert q.train()(torch.tensor([[100.0]])).item() <= 6.0 * (1 + 1 / 4096)


def test_a_sample_that_is_not_finite_is_refused() -> None:
    q = ActivationQuantizer(8, False)
    q.calibrating = True
    with pytest.raises(BitnnError, match="not finite"):
        q(torch.tensor([float("nan")]))


# --- Weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("per_channel", [True, False])
def test_integers_are_on_the_grid(bits: int, per_channel: bool) -> None:
    layer = convolution(1, weight_bits=bits, per_channel=per_channel)
    integers = layer.integer_weight()
    assert integers.dtype == torch.int32
    assert int(integers.abs().max()) <= 2 ** (bits - 1) - 1
    assert len(layer.scale.unique()) == (6 if per_channel else 1)
    wanted = (layer.weight / layer.scale.view(-1, 1, 1, 1)).round().clamp(-layer.limit, layer.limit)
    assert torch.equal(integers, wanted.int())
    assert (layer.fan_in, layer.macs) == (18, 6 * 18 * 25)


def test_steps_of_normally_distributed_weights() -> None:
    """Max, Quantizing for minimum distortion, 1960: 3 levels 1.224, 7 levels 0.6508."""
    assert step_per_rms(2) == pytest.approx(1.224, abs=2e-3)
    assert step_per_rms(3) == pytest.approx(0.6508, abs=2e-3)
    assert step_per_rms(8) == 6 / 64


def test_the_hook_assigns_integers_and_gradients_pass_straight_through() -> None:
    layer = convolution(2)
    layer.assign = lambda grid: 64 * (grid > 0).float()
    assert set(layer.integer_weight().unique().tolist()) == {0, 64}
    layer.quantized_weight().sum().backward()
    assert torch.allclose(layer.weight.grad, torch.ones_like(layer.weight))
    layer.assign = lambda grid: 1000 * torch.ones_like(grid)
    assert layer.integer_weight().unique().tolist() == [127]


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_equal_finite_differences(frozen: bool) -> None:
    """With nothing rounded, a layer is a convolution and a BatchNorm with gains of one sign."""
    layer = convolution(3).train()
    layer.statistics_frozen = frozen
    layer.assign = lambda grid: grid
    layer.output.calibrating = True  # hands everything on
    layer.scale.fill_(layer.weight.abs().max() / 100)
    x = torch.rand(3, 4, 5, 5)
    factors = torch.randn(3, 6, 5, 5)

    def loss() -> torch.Tensor:
        return (layer(x) * factors).double().sum()

    layer.norm.momentum = 0.0
    loss().backward()
    for parameter in (layer.weight, layer.norm.weight, layer.norm.bias):
        for place in (0, parameter.numel() // 2, parameter.numel() - 1):
            flat, change = parameter.data.view(-1), 5e-3
            flat[place] += change
            higher = loss().item()
            flat[place] -= 2 * change
            lower = loss().item()
            flat[place] += change
            numeric = (higher - lower) / (2 * change)
            got = parameter.grad.view(-1)[place].item()
            assert got == pytest.approx(numeric, rel=5e-3, abs=2e-2)


# --- BatchNorm ------------------------------------------------------------------------------------


def test_batchnorm_changes_no_integers_but_a_channels_sign() -> None:
    torch.manual_seed(4)
    conv, norm = nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6).eval()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([-2.0, -1, -0.5, 0.5, 1, 2]))
        for tensor in (norm.bias, norm.running_mean):
            tensor.normal_()
        norm.running_var.uniform_(0.5, 2)
    quantizers = quantizer(8, False, 0.02), quantizer(8, True, 0.03)
    plain = QuantizedConv2d(conv, None, *quantizers)
    folded = QuantizedConv2d(conv, copy.deepcopy(norm), *quantizers)
    assert torch.equal(folded.integer_weight()[:3], -plain.integer_weight()[:3])
    assert torch.equal(folded.integer_weight()[3:], plain.integer_weight()[3:])
    assert (folded.integers().scale > 0).all()

    x = torch.rand(2, 4, 5, 5)
    wanted = norm(nn.functional.conv2d(x, plain.quantized_weight(), plain.bias))
    folded.output.calibrating = folded.statistics_frozen = True
    assert torch.allclose(folded.train()(x), wanted, atol=1e-5)


@pytest.mark.parametrize("power_of_two", [False, True])
def test_training_with_frozen_statistics_is_what_deploys(power_of_two: bool) -> None:
    layer = convolution(5, power_of_two=power_of_two)
    layer.statistics_frozen = True
    x = layer.source.eval()(torch.rand(8, 4, 5, 5) * 3)
    trained, deployed = layer.train()(x), layer.eval()(x)
    steps = (trained - deployed).abs() / layer.output.value()
    assert steps.max() <= 1.001  # biases are rounded to the accumulator's unit
    assert (steps > 0.5).float().mean() < 0.01


@pytest.mark.parametrize("norm", [False, True])
def test_powers_of_two_make_every_multiplier_one(norm: bool) -> None:
    torch.manual_seed(6)
    source, output = (quantizer(8, s, 0.02, power_of_two=True) for s in (False, True))
    norms = nn.BatchNorm1d(7) if norm else None
    layer = QuantizedLinear(nn.Linear(9, 7), norms, source, output, power_of_two=True)
    integers = layer.integers()
    multipliers = integers.input_step * integers.scale / output.value()
    assert torch.equal(multipliers.log2(), multipliers.log2().round())


def test_channels_of_zeros_stay_finite() -> None:
    layer = convolution(7)
    with torch.no_grad():
        layer.weight[2] = 0
        layer.norm.weight[1] = 0
    layer.refresh_scale()
    layer.train()
    for _ in range(3):
        y = layer(torch.rand(4, 4, 5, 5))
        y.square().sum().backward()
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters() if p.grad is not None)
    integers = layer.integers()
    assert torch.isfinite(integers.scale).all() and (integers.scale > 0).all()
    assert int(layer.integer_weight()[2].abs().max()) == 0


def test_bad_settings_are_refused() -> None:
    with pytest.raises(BitnnError, match="weights have 2 to 8 bits, not 9"):
        convolution(1, weight_bits=9)
    with pytest.raises(BitnnError, match="activations have 2 to 8 bits, not 1"):
        ActivationQuantizer(1, True)
    conv = nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")
    with pytest.raises(BitnnError, match="padding_mode 'reflect' is not supported"):
        QuantizedConv2d(conv, None, quantizer(8, True, 1), quantizer(8, True, 1))
    with pytest.raises(NotImplementedError):
        QuantizedLayer(conv, None, quantizer(8, True, 1), quantizer(8, True, 1))(torch.ones(1))


def test_multipliers_do_not_follow_single_batches() -> None:
    """Their powers of two move with the running statistics, and only when those are far away."""
    torch.manual_seed(8)
    layer = convolution(8, power_of_two=True).train()
    x = layer.source.eval()(torch.rand(4, 4, 5, 5) * 3)
    for _ in range(60):
        layer(x)  # until the statistics are those of x
    before = layer.exponent.clone()
    for factor in (0.7, 1.4) * 10:
        layer(x * factor)
        assert torch.equal(layer.exponent, before)
    for _ in range(60):
        layer(x * 4)
    assert ((before - layer.exponent) >= 1).all()
    with torch.no_grad():
        unit = layer._unit(layer._running_gain()).log2()
    assert float((unit - layer.exponent).abs().max()) <= 0.75


def test_averaged_exponents_are_still_powers_of_two() -> None:
    """Processes that train together average their buffers, and may have disagreed."""
    layer = convolution(8, power_of_two=True)
    layer.exponent += 0.5
    units = layer.integers().scale.log2()
    assert torch.equal(units, units.round())
    layer.train()(torch.rand(4, 4, 5, 5))
    assert torch.equal(layer.exponent, layer.exponent.round())


def test_scales_without_batchnorm_do_not_flicker() -> None:
    layer = convolution(9, norm=False, power_of_two=True)
    layer.refresh_scale(torch.tensor(0.25), at_once=True)
    for wanted, scale in [(0.4, 0.25), (0.17, 0.25), (0.43, 0.5), (0.3, 0.5), (0.29, 0.25)]:
        layer.refresh_scale(torch.tensor(wanted))
        assert layer.scale.unique().tolist() == [scale]
        assert layer.integers().scale.unique().tolist() == [scale]


def test_estimated_statistics_are_those_of_the_integers(seed: int) -> None:
    """Means over the batches of what the integers give now, whatever was there before."""
    layer = convolution(seed)
    batches = [torch.rand(8, 4, 5, 5) for _ in range(3)]
    with torch.no_grad():
        layer.weight.mul_(torch.randn_like(layer.weight))
        sums = [
            layer._sums(x, layer.quantized_weight()).transpose(0, 1).flatten(1) for x in batches
        ]
    layer.statistics_frozen = True
    estimate_statistics(layer, batches)
    wanted = torch.stack([s.mean(1) for s in sums]).mean(0)
    torch.testing.assert_close(layer.norm.running_mean, wanted)
    wanted = torch.stack([s.var(1) for s in sums]).mean(0)
    torch.testing.assert_close(layer.norm.running_var, wanted)
    assert layer.norm.momentum == 0.1
    assert not layer.training


def test_statistics_of_a_model_that_is_not_quantized_stay(seed: int) -> None:
    torch.manual_seed(seed)
    norm = nn.BatchNorm2d(4)
    estimate_statistics(norm, [torch.rand(8, 4, 5, 5)])
    assert torch.equal(norm.running_mean, torch.zeros(4))
