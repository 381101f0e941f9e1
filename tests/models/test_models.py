"""One table of demands for every model of the registry, and what the parts promise one by one."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from fmagc.errors import SettingsError
from fmagc.models import networks
from fmagc.models.build import build, count_parameters
from fmagc.models.conv import OneChannelConv2d
from fmagc.models.encoders import Encoder1d, Encoder2d, ResidualBlock, ShortChunkEncoder
from fmagc.models.heads import ConcatPool, StatisticsPool
from fmagc.models.networks import Network
from fmagc.models.registry import MODELS
from fmagc.robustness.equivariance import encoders_of

PARAMETERS = {"cnn1d": 161_176, "cnn2d": 347_352, "crnn": 438_808, "mmcrnn": 623_848}
PARAMETERS |= {"resnet": 240_408, "attention_cnn": 159_192}
HOP = 1024
N_MELS = 32  # a quarter of the published bands: the same layers, a quarter of the work
CLIP_SAMPLES = 2**17

every_model = pytest.mark.parametrize("name", sorted(MODELS))


def small(name: str, *, n_classes: int = 8, dropout: float = 0.0) -> Network:
    torch.manual_seed(0)
    return build(name, n_classes=n_classes, dropout=dropout, clip_samples=CLIP_SAMPLES, hop_length=HOP, n_mels=N_MELS)


def views(batch: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "waveform": torch.randn(batch, CLIP_SAMPLES, generator=generator),
        "mel": torch.randn(batch, CLIP_SAMPLES // HOP, N_MELS, generator=generator),
    }


def loss_of(model: nn.Module, batch: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(model(batch), labels)


def test_the_table_covers_the_registry() -> None:
    assert sorted(PARAMETERS) == sorted(MODELS)


@every_model
def test_a_line_of_the_registry_describes_its_network(name: str) -> None:
    network = small(name)
    assert type(network) is getattr(networks, MODELS[name].network)
    assert isinstance(network, Network)
    assert [type(encoder).__bases__[0] for encoder in encoders_of(network)] == list(MODELS[name].encoders)


def test_every_network_has_a_line_in_the_registry() -> None:
    written = {name for name, cls in vars(networks).items() if isinstance(cls, type) and issubclass(cls, Network)}
    assert written - {"Network", "OneViewNetwork"} == {model.network for model in MODELS.values()}


@every_model
def test_published_parameter_count_and_shape(name: str) -> None:
    model = build(name, n_classes=8, dropout=0.3, clip_samples=2**19, hop_length=HOP, n_mels=128).eval()
    assert count_parameters(model) == PARAMETERS[name]
    with torch.no_grad():
        logits = model({"waveform": torch.randn(1, 2**19), "mel": torch.randn(1, 512, 128)})
    assert logits.shape == (1, 8)
    assert torch.isfinite(logits).all()


@every_model
@pytest.mark.parametrize("n_classes", [2, 16])
def test_number_of_classes(name: str, n_classes: int) -> None:
    assert small(name, n_classes=n_classes)(views(3)).shape == (3, n_classes)


@every_model
def test_reads_its_inputs_and_no_others(name: str) -> None:
    model = small(name).eval()
    batch = views(2)
    alone = {view: batch[view] for view in MODELS[name].inputs}
    assert torch.equal(model(alone), model(batch))
    for view in MODELS[name].inputs:
        altered = {**batch, view: batch[view] + torch.randn_like(batch[view])}
        assert not torch.allclose(model(altered), model(batch))


@every_model
def test_logits_are_not_probabilities(name: str) -> None:
    sums = small(name).eval()(views(4)).exp().sum(dim=1)
    assert not torch.allclose(sums, torch.ones(4), atol=1e-3)


@every_model
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_training_steps_lower_the_loss(name: str, memory_format: torch.memory_format) -> None:
    model = small(name).to(memory_format=memory_format)
    batch, labels = views(4), torch.tensor([0, 1, 2, 3])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    before = loss_of(model, batch, labels)
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(model, batch, labels).backward()
        optimizer.step()
    assert loss_of(model, batch, labels) < 0.8 * before


@every_model
def test_gradients_reach_every_parameter(name: str) -> None:
    model = small(name)
    loss_of(model, views(4), torch.tensor([0, 1, 2, 3])).backward()
    convolutions = {key for key, module in model.named_modules() if isinstance(module, nn.Conv1d | nn.Conv2d)}
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        owner, _, kind = key.rpartition(".")
        if not (
            kind == "bias" and owner in convolutions
        ):  # BatchNorm subtracts it: its gradient is nothing but rounding
            assert parameter.grad.abs().sum() > 0, key


@every_model
def test_bfloat16_autocast_agrees_with_float32(name: str) -> None:
    model = small(name).to(memory_format=torch.channels_last)
    batch, labels = views(4), torch.tensor([0, 1, 2, 3])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(model, batch, labels)
    loss.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert loss.item() == pytest.approx(loss_of(small(name), batch, labels).item(), abs=0.05)


@every_model
def test_weights_survive_a_round_trip(name: str) -> None:
    trained, fresh = (
        small(name),
        build(name, n_classes=8, dropout=0.5, clip_samples=CLIP_SAMPLES, hop_length=HOP, n_mels=N_MELS),
    )
    trained(views(4))  # moves BatchNorm's running statistics
    fresh.load_state_dict(trained.state_dict())
    assert torch.equal(trained.eval()(views(2)), fresh.eval()(views(2)))


@every_model
def test_evaluation_is_deterministic_and_independent_of_the_batch(name: str) -> None:
    model = small(name, dropout=0.5).eval()
    batch = views(4)
    with torch.no_grad():
        together = model(batch)
        assert torch.equal(together, model(batch))
        for row in range(4):
            alone = model({view: tensor[row : row + 1] for view, tensor in batch.items()})
            torch.testing.assert_close(alone[0], together[row], rtol=1e-4, atol=1e-5)


@every_model
def test_dropout_acts_in_training_only(name: str) -> None:
    batch = views(4)
    model = small(name, dropout=0.9)
    assert not torch.equal(model(batch), model(batch))
    undropped = small(name, dropout=0.0)
    assert torch.equal(undropped(batch), undropped(batch))


def test_unknown_model_names_the_known_and_the_nearest() -> None:
    with pytest.raises(SettingsError, match=rf"{', '.join(MODELS)}, found 'mmcrn'\. Did you mean mmcrnn\?") as e:
        build("mmcrn", n_classes=8, dropout=0.0, clip_samples=2**19, hop_length=HOP, n_mels=128)
    assert e.value.exit_status == 2


@pytest.mark.parametrize("n_mels", [8, 96, 100, 127, 512])
def test_bands_that_cannot_end_at_one_are_refused(n_mels: int) -> None:
    with pytest.raises(SettingsError, match=rf"16, 32, 64, 128, 256.*1 band, found {n_mels}$"):
        Encoder2d(n_mels=n_mels)


@pytest.mark.parametrize("n_mels", [16, 32, 64, 128, 256])
def test_encoder2d_brings_the_bands_to_one(n_mels: int) -> None:
    encoder = Encoder2d(n_mels=n_mels).eval()
    assert encoder.time_stride == 16
    with torch.no_grad():
        assert encoder(torch.randn(1, 79, n_mels)).shape == (1, encoder.out_channels, 79 // encoder.time_stride)


@pytest.mark.parametrize("n_mels", [16, 100, 127])
def test_bands_that_cannot_be_averaged_evenly_are_refused(n_mels: int) -> None:
    with pytest.raises(SettingsError, match=rf"mel\.n_mels: expected a multiple of 32.*found {n_mels}$"):
        ShortChunkEncoder(n_mels=n_mels)


@pytest.mark.parametrize("n_mels", [32, 96, 256])
def test_encoder_of_short_chunks_reads_32_bands_whatever_their_number(n_mels: int) -> None:
    torch.manual_seed(0)
    encoder = ShortChunkEncoder(n_mels=n_mels).eval()
    mel = torch.randn(1, 79, n_mels)
    even = mel.unflatten(2, (32, -1)).mean(dim=3, keepdim=True).expand(-1, -1, -1, n_mels // 32).flatten(2)
    with torch.no_grad():
        found = encoder(mel)
        assert found.shape == (1, encoder.out_channels, 79 // encoder.time_stride)
        torch.testing.assert_close(encoder(even), found)
        assert not torch.allclose(encoder(even.roll(n_mels // 32, dims=2)), found)


@pytest.mark.parametrize("samples", [2**14, 2**17, 2**17 + 2**13 + 1])
def test_encoder1d_divides_time_exactly(samples: int) -> None:
    encoder = Encoder1d().eval()
    assert encoder.time_stride == 2**14
    with torch.no_grad():
        assert encoder(torch.randn(1, samples)).shape == (1, encoder.out_channels, samples // encoder.time_stride)


def test_unequal_steps_are_refused_with_both_numbers() -> None:
    with pytest.raises(SettingsError, match="found 32 from 524288 samples and 64 from 1024 frames"):
        build("mmcrnn", n_classes=8, dropout=0.0, clip_samples=2**19, hop_length=512, n_mels=128)


@every_model
def test_clips_shorter_than_one_step_are_refused(name: str) -> None:
    layout = MODELS[name].encoders[0]
    least = f"{layout.time_stride} {'samples' if layout.view == 'waveform' else 'frames'}"
    with pytest.raises(SettingsError, match=rf"clip\.samples: expected at least {least}"):
        build(name, n_classes=8, dropout=0.0, clip_samples=2**12, hop_length=HOP, n_mels=128)


@pytest.mark.filterwarnings("ignore:The tensor attributes self.head.lstm")  # which torch itself assigns
@every_model
def test_no_step_of_a_network_depends_on_values(name: str) -> None:
    model, batch = small(name).eval(), views(2)
    exported = torch.export.export(model, ({view: batch[view] for view in MODELS[name].inputs},))
    others = {view: -batch[view] for view in MODELS[name].inputs}
    torch.testing.assert_close(exported.module()(others), model(others), rtol=1e-4, atol=1e-5)


def test_concat_pool_is_mean_then_maximum() -> None:
    x = torch.tensor([[[1.0, 2.0, 6.0], [-4.0, -2.0, 0.0]]])
    assert ConcatPool()(x).tolist() == [[3.0, -2.0, 6.0, 0.0]]


def test_statistics_pool_is_mean_then_deviation() -> None:
    x = torch.tensor([[[1.0, 2.0, 6.0], [-4.0, -4.0, -4.0]]], requires_grad=True)
    pooled = StatisticsPool()(x)
    torch.testing.assert_close(pooled, torch.tensor([[3.0, -4.0, 2.1602, 0.0032]]), rtol=1e-3, atol=1e-3)
    pooled.sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()  # where nothing changes in time, too


def gradients(module: nn.Module, y: Tensor) -> dict[str, Tensor]:
    module.zero_grad()
    (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (1, 0)])
@pytest.mark.parametrize("stride", [(1, 1), (1, 2)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_convolution_of_one_channel_is_that_of_torch(
    kernel: int, padding: int, stride: tuple[int, int], memory_format: torch.memory_format
) -> None:
    torch.manual_seed(0)
    ours = OneChannelConv2d(1, 16, kernel, stride=stride, padding=padding).to(memory_format=memory_format)
    torch.manual_seed(0)
    plain = nn.Conv2d(1, 16, kernel, stride=stride, padding=padding)
    x = torch.randn(3, 1, 33, 32)
    found, expected = ours(x), plain(x)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(ours, found), gradients(plain, expected), rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = ours(x)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("in_channels", [1, 4])
def test_pooling_before_relu_changes_nothing(in_channels: int) -> None:
    torch.manual_seed(0)
    block = ResidualBlock(in_channels, 8, band_stride=2)
    x = torch.randn(3, in_channels, 32, 32)
    found = block(x)
    expected = block.pool(block.activation(block.body(x) + block.shortcut(x)))
    assert torch.equal(found, expected)
    torch.testing.assert_close(gradients(block, found), gradients(block, expected), rtol=1e-4, atol=1e-4)
