# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled random small networks equal the reference in every value of every output."""

from __future__ import annotations

from pathlib import Path

import campaign
import numpy as np
import pytest
from test_random_layers import check

from bitnn import Reference
from bitnn.randomlayers import combine, random_networks

NETWORKS = 12


@pytest.mark.parametrize("target", ["host", "rv32i"])
def test_networks(
    compiler: str, emulator_tools: None, tmp_path: Path, seed: int, target: str
) -> None:
    check(random_networks(seed, NETWORKS), {"target": target}, seed, tmp_path)


def test_the_same_bytes_twice(seed: int) -> None:
    first, second = (combine(random_networks(seed, 4)) for _ in range(2))
    assert first.SerializeToString() == second.SerializeToString()


def test_outputs_depend_on_inputs(seed: int) -> None:
    """No network ends in constants, which would hide every fault before them."""
    for network in random_networks(seed, NETWORKS):
        reference, rng = Reference(combine([network])), np.random.default_rng(seed)
        results = [reference(network.random_inputs(rng)) for _ in range(8)]
        for edge in network.outputs:
            values = {result[edge.name].tobytes() for result in results}
            assert len(values) > 1, f"--seed={seed}: {network}"


def test_a_campaign_visits_every_configuration() -> None:
    """200 models of layers and 500 of networks: each schedule has its turn everywhere."""
    assert all(len(choices) > 1 for choices in campaign.CONFIGURATIONS)
    drawn = list(campaign.batches(120, 3, 7))
    assert [len(batch.layers) for batch in drawn] == [50, 50, 20, 1, 1, 1]
    assert [batch.seed for batch in drawn] == [7, 8, 9, 7, 8, 9]
    kinds = {layer.kind for batch in drawn[:2] for layer in batch.layers}
    assert kinds == set(campaign.EVERY_KIND.kinds)


def test_a_campaign_counts_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one_fault(layers: list, options: dict, seed: int, folder: Path) -> list[str]:
        return ["wrong"] if options["schedule"] == "table" else []

    monkeypatch.setattr(campaign, "faults_of", one_fault)
    assert campaign.run(60, 1, 5, tmp_path) == 3
    assert "seed 5, " in capsys.readouterr().out


def test_every_output_is_another_tensor() -> None:
    """Also of the network that once had one twice, where the last stage was taken back."""
    for start in (26112098, 1, 2, 3):
        (network,) = random_networks(start, 1)
        names = [edge.name for edge in network.outputs]
        sources = {node.output[0]: node.input[0] for node in network.nodes}
        tensors = [sources[name] if "dequantize" in name else name for name in names]
        assert len(set(tensors)) == len(tensors)
