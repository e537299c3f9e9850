# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`bitnn.prepare`: the same function as the float model, tied steps, and refusals that help."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest

import bitnn
from bitnn import BitnnError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from training_zoo import CASES, Case, Residual  # noqa: E402

from bitnn.training.layers import iter_quantized_layers  # noqa: E402
from bitnn.training.operators import QuantizedAdd, QuantizedConcat  # noqa: E402
from bitnn.training.quantizers import ActivationQuantizer  # noqa: E402


def outputs(result: Tensor | dict[str, Tensor]) -> Tensor:
    return torch.cat(list(result.values()), 1) if isinstance(result, dict) else result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_prepared_model_is_the_same_function(case: Case, seed: int) -> None:
    """With 8 bits everywhere it differs from the float model by little, in eval mode too."""
    model, sample = case.build(seed)
    prepared = bitnn.prepare(model, sample)
    # The statistics that prepare takes from the sample.
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    dropouts = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    for norm in norms:
        norm.momentum = 1.0
    for dropout in dropouts:
        dropout.eval()
    with torch.no_grad():
        model(sample)
        wanted, got = outputs(model.eval()(sample)), outputs(prepared.eval()(sample))
    assert float((got - wanted).norm() / wanted.norm()) < 0.15


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prepared_models_train(case: Case, seed: int) -> None:
    """Everything that is to be learned gets a finite gradient, and the loss falls."""
    model, sample = case.build(seed)
    prepared = bitnn.prepare(model, sample, **case.options).train()
    target = torch.randn_like(outputs(prepared(sample)))
    optimizer = torch.optim.Adam(prepared.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = (outputs(prepared(sample)) - target).square().mean()
        loss.backward()
        for name, parameter in prepared.named_parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0], losses


@pytest.mark.parametrize("name", ["residual", "residual-po2", "mobile"])
def test_mixed_precision(name: str, seed: int) -> None:
    """Steps, statistics and integers stay in float32; eval mode computes the same integers."""
    case = next(case for case in CASES if case.name == name)
    model, sample = case.build(seed)
    prepared = bitnn.prepare(model, sample, **case.options).train()
    optimizer = torch.optim.SGD(prepared.parameters(), 1e-2)
    with torch.autocast("cpu", torch.bfloat16):
        result = prepared(sample)
        result.float().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in prepared.parameters() if p.requires_grad)
    optimizer.step()
    wanted = prepared.eval()(sample)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(prepared(sample).float(), wanted)


def test_the_users_model_is_left_alone_and_a_copy_is_a_copy(seed: int) -> None:
    model, sample = Case("", Residual).build(seed)
    before = copy.deepcopy(model.state_dict())
    prepared = bitnn.prepare(model, sample)
    copied = copy.deepcopy(prepared)
    for parameter in copied.parameters():
        nn.init.zeros_(parameter)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert prepared.training
    assert float(prepared.eval()(sample).abs().sum()) > 0


def test_a_state_dict_restores_a_model_exactly(seed: int) -> None:
    model, sample = Case("", Residual).build(seed)
    prepared = bitnn.prepare(model, sample)
    other = bitnn.prepare(Case("", Residual).build(seed + 1)[0], torch.randn_like(sample))
    other.load_state_dict(prepared.state_dict())
    assert torch.equal(prepared.eval()(sample), other.eval()(sample))


def test_layers_are_measured_and_keep_their_paths(seed: int) -> None:
    model, sample = Case("", Residual).build(seed)
    layers = dict(iter_quantized_layers(bitnn.prepare(model, sample)))
    assert list(layers) == [
        "stem.0", "first.0.0", "first.2.0", "second.0.0", "second.2.0", "projection", "classifier",
    ]  # fmt: skip
    assert [layer.positions for layer in layers.values()] == [64, 64, 64, 16, 16, 16, 1]
    assert layers["second.0.0"].macs == 12 * 8 * 9 * 16


def test_operands_of_additions_differ_by_powers_of_two(seed: int) -> None:
    model, sample = Case("", Residual).build(seed)
    prepared = bitnn.prepare(model, sample)
    quantizers = {
        node: prepared.get_submodule(str(node.target)).output
        for node in prepared.graph.nodes
        if node.op == "call_module" and hasattr(prepared.get_submodule(str(node.target)), "output")
    }
    additions = [
        node
        for node in prepared.graph.nodes
        if node.op == "call_module"
        and isinstance(prepared.get_submodule(str(node.target)), QuantizedAdd)
    ]
    assert len(additions) == 2
    for node in additions:
        steps = [quantizers[operand].value() for operand in (*node.args, node)]
        for step in steps:
            assert float((step / steps[0]).log2()).is_integer()


def test_concatenated_operands_have_one_step(seed: int) -> None:
    case = next(case for case in CASES if case.name == "dense")
    model, sample = case.build(seed)
    prepared = bitnn.prepare(model, sample).eval()
    seen: list[tuple[Tensor, ...]] = []
    concats = [m for m in prepared.modules() if isinstance(m, QuantizedConcat)]
    for module in concats:
        module.register_forward_pre_hook(lambda _, operands: seen.append(operands))
    prepared(sample)
    assert len(seen) == 3
    # Every operand is a set of integers times the same step: the first layer's quantizer's family.
    roots = [m for m in prepared.modules() if isinstance(m, ActivationQuantizer)]
    steps = {float(q.value()) for q in roots}
    for operands in seen:
        fits = [
            step
            for step in steps
            if all(torch.equal((x / step).round() * step, x) for x in operands)
        ]
        assert fits


def test_settings_by_path() -> None:
    model, sample = Case("", Residual).build(0)
    prepared = bitnn.prepare(
        model,
        sample,
        weight_bits=4,
        layers={"stem.*": {"weight_bits": 8}, "first.*": {"activation_bits": 4}},
    )
    layers = dict(iter_quantized_layers(prepared))
    bits = {path: (layer.weight_bits, layer.output.bits) for path, layer in layers.items()}
    assert bits["stem.0"] == (8, 8) and bits["first.0.0"] == (4, 4)
    assert bits["second.0.0"] == bits["classifier"] == (4, 8)
    with pytest.raises(BitnnError, match=r"no layer matches steem; the layers are stem\.0, first"):
        bitnn.prepare(model, sample, layers={"steem": {"weight_bits": 8}})
    with pytest.raises(BitnnError, match="there is no setting 'bits'"):
        bitnn.prepare(model, sample, layers={"stem.0": {"bits": 8}})


def test_outputs_have_8_bits_in_any_shape(seed: int) -> None:
    for name, path in (("dense-5bit", "head"), ("perceptron-2bit", "last")):
        case = next(case for case in CASES if case.name == name)
        model, sample = case.build(seed)
        prepared = bitnn.prepare(model, sample, **case.options)
        assert dict(iter_quantized_layers(prepared))[path].output.bits == 8


def test_a_shared_step_reaches_all_that_is_concatenated(seed: int) -> None:
    class Unequal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList([nn.Conv2d(3, 4, 1, bias=False) for _ in range(2)])
            with torch.no_grad():
                self.convs[1].weight.copy_(100 * self.convs[0].weight)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([conv(x) for conv in self.convs], 1)

    torch.manual_seed(seed)
    model, sample = Unequal(), torch.randn(16, 3, 4, 4)
    got, wanted = bitnn.prepare(model, sample).eval()(sample), model(sample).detach()
    assert float((got - wanted).norm() / wanted.norm()) < 0.1


def test_one_example_is_too_few_for_fresh_statistics() -> None:
    model, sample = Case("", Residual).build(0, batch=1)
    with pytest.raises(BitnnError, match="the sample must have several examples"):
        bitnn.prepare(model, sample)


# --- Refusals -------------------------------------------------------------------------------------


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Conv2d(4, 4, 3))
        self.up = nn.ConvTranspose2d(4, 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) * torch.sigmoid(self.up(self.body[0](x))[:, :, :4, :4])


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.relu(self.conv(x)))


class Branch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class TwoInputs(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Broadcast(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + x.mean((2, 3), keepdim=True)


def then(*modules: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), *modules)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Several(), r"body\.1 \(GELU\) is not supported: use nn\.ReLU"),
        (Several(), r"up \(ConvTranspose2d\) is not supported: supported are Conv1d"),
        (then(nn.Softmax(1)), r"1 \(Softmax\) is not supported: leave it out of the model"),
        (then(nn.GroupNorm(2, 4)), r"1 \(GroupNorm\) is not supported: use nn\.BatchNorm2d"),
        (then(nn.Linear(6, 2)), r"1 \(Linear\): a Linear needs an input \[N, features\]"),
        (then(nn.Hardtanh()), r"0 \(Conv2d\): a Hardtanh from -1\.0 has no form here"),
        (then(nn.MaxPool2d(2, ceil_mode=True)), r"1 \(MaxPool2d\): ceil_mode"),
        (then(nn.AdaptiveAvgPool2d(4)), r"pools \(6, 6\) to \(4, 4\), in windows of different"),
        (then(nn.Flatten(0)), r"the batch must stay the first dimension"),
        (then(nn.Flatten(), nn.BatchNorm1d(144)), r"must follow its Linear directly"),
        (then(nn.BatchNorm2d(4, track_running_stats=False)), r"without running statistics"),
        (nn.Conv2d(3, 4, 4, padding="same"), r"'same' with an even kernel is not symmetric"),
        (Twice(), r"conv \(Conv2d\): it is called twice; give every call a module of its own"),
        (Branch(), r"torch\.fx cannot trace Branch: .* must not depend on the values"),
        (TwoInputs(), r"the model must have one input, it has 2: x, y"),
        (Broadcast(), r"the model: add\(\): adds .* shapes must be equal"),
        (nn.Conv2d(5, 4, 3), r"the sample does not pass through 0 \(Conv2d\): .*to have 5 .*\Z"),
    ],
)
def test_refusals_name_the_module_and_what_to_do(model: nn.Module, text: str) -> None:
    with pytest.raises(BitnnError, match=text):
        bitnn.prepare(model, torch.randn(4, 3, 8, 8))


def test_all_refusals_come_at_once() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Conv2d(4, 4, 3))
    both = nn.ModuleDict({"a": model, "b": copy.deepcopy(model)})

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = both

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.parts["a"](x), self.parts["b"](x)

    with pytest.raises(BitnnError) as caught:
        bitnn.prepare(Both(), torch.randn(2, 3, 8, 8))
    assert "parts.a.1 (GELU)" in str(caught.value) and "parts.b.1 (GELU)" in str(caught.value)


def test_importing_bitnn_does_not_import_torch() -> None:
    code = "import sys, bitnn; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
