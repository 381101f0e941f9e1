"""Settings of training: what all models share, the augmentations, and what each model has of its own."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from pydantic import Field, SerializerFunctionWrapHandler, create_model, model_serializer

from fmagc.params.base import Block

__all__ = [
    "Architecture",
    "Augmentation",
    "GaussianNoise",
    "ModelSettings",
    "TimeStretch",
    "Train",
]

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(ge=0.5, le=2)]  # beyond it a stretch is no longer the same music
Amplitude = Annotated[float, Field(ge=0, le=1)]  # full scale is 1


class GaussianNoise(Block):
    """White noise whose standard deviation is drawn uniformly for each clip."""

    name: Literal["gaussian_noise"]
    p: Probability
    min_amplitude: Amplitude
    max_amplitude: Amplitude


class TimeStretch(Block):
    """A change of tempo at the same pitch and length of clip; a rate above 1 is faster."""

    name: Literal["time_stretch"]
    p: Probability
    min_rate: Rate
    max_rate: Rate


Augmentation = Annotated[GaussianNoise | TimeStretch, Field(discriminator="name")]


class Train(Block):
    """Settings of training that all models share."""

    epochs: Annotated[int, Field(gt=0)]  # at most; the cosine's length
    patience: Annotated[int, Field(gt=0)]  # epochs without a lower validation loss before stopping
    batch_size: Annotated[int, Field(gt=0)]
    lr: Positive  # the highest
    schedule: Literal["constant", "cosine"]  # of the learning rate, by step
    warmup_epochs: Annotated[int, Field(ge=0)]  # in which it rises to lr
    max_grad_norm: Positive | None  # a longer gradient is shortened to it; null: none is
    precision: Literal["auto", "float32", "bfloat16"]
    class_balance: Literal["none", "weighted_loss", "logit_adjustment"]  # for classes of unequal size
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]  # of training alone; shared out among the classes
    augment: list[Augmentation]  # training clips only, in this order


class _Partial(Block):
    """A block of which only the keys that are set count."""

    @model_serializer(mode="wrap")
    def _set(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if name in self.model_fields_set}


if TYPE_CHECKING:
    Overrides = Train
else:
    _HINTS = get_type_hints(Train, include_extras=True)
    Overrides = create_model("Overrides", __base__=_Partial, **{name: (hint, None) for name, hint in _HINTS.items()})


class Architecture(Block):
    """Settings that each model has of its own, and that no other can have for it."""

    dropout: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    patch_samples: Annotated[int, Field(gt=0)] | None = None  # length of what the network sees; null: clip.samples
    patches_per_track: Annotated[int, Field(gt=0, le=10_000)] = 1  # random ones of each track in an epoch


class ModelSettings(Architecture):
    """The block of a model: settings of its own, and those of training that it has in place of the shared ones."""

    train: Overrides = Overrides.model_construct()

    @property
    def architecture(self) -> Architecture:
        """Return the settings of its own, without those of training."""
        return Architecture(**{name: getattr(self, name) for name in Architecture.model_fields})

    def merged(self, shared: Train) -> Train:
        """Return the settings of this model's training: its own, and the shared ones that it does not override."""
        return shared.model_copy(update={name: getattr(self.train, name) for name in self.train.model_fields_set})
