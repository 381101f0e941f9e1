"""The template of a model card, and its text on licences."""

from fmagc.params.corpus import DEMO, Dataset

__all__ = ["PAGE", "licence_of"]

PAGE = """\
# Model card: {model}, protocol `{protocol}`, corpus `{corpus}`

{note}## Task

Predict the genre of recorded music, one of {n_genres}: {genres}. The network reads {unit} of {seconds:.1f} s
({samples:,} samples at {sample_rate:,} Hz, mono): {views}. The prediction for a track is the mean of the probabilities
of {seen}.

## Data

{sets}

{leak}. The numbers below are of the {n_tested:,} test tracks that could be decoded. Digests (xxh3-128) of the data and
the weights:

{digests}

## Training

{training}

## Results on the test tracks

{results}

In brackets: the 95 % interval of a bootstrap over the test artists{and_seeds}. {spread}
`study_accuracy` (one-vs-rest) and `study_f1` are the measures of the study; `log_loss` is in nats.

### By genre

{by_genre}

### Most frequent confusions

{confusions}

### Calibration

`ece`, the expected calibration error, is the mean distance between confidence and accuracy over 15 bins. With few
tracks it is never 0: a perfectly calibrated model would have {ece_by_chance:.3f} by chance. `ece_scaled` is the error
after the logits are divided by one temperature, fitted to the validation tracks: {temperature}. Above 1, the model is
overconfident. Scaling changes the log loss of the test tracks from {log_loss:.3f} to {log_loss_scaled:.3f}. The model
returns unscaled probabilities.

### Most confident errors

The worst errors of the model, or doubtful labels of the corpus: listen to a track before you decide which.

{errors}

## Limits

- Each track of the corpus has one genre. Music of two genres, or of none of these, still gets one of them.
- {certainty}
- Music, recordings and codecs that this corpus does not contain were not tested. Tracks shorter than a clip were not
  tested either: they are rejected.
- The calibration above holds for music like the test tracks.

## Licence

{licence}

## How to use it

`dvc repro evaluate@{protocol}-{model}` makes the weights; `dvc checkout` restores them where DVC's cache has them.
For a file:

```bash
fmagc predict FILE --model {folder}
```

In Python:

```python
import fmagc

model = fmagc.load_model("{folder}")
prediction = model.predict("song.mp3")
print(prediction.top(3))
```
"""

_DEMO_LICENCE = (
    "The demo corpus is synthesised by this project and CC0 1.0. The code is under the MIT licence, and so are weights "
    "that were trained on the demo."
)
_LICENCE = (
    "The code is under the MIT licence. The audio of the Free Music Archive belongs to its artists: every track has a "
    "licence of its own (`track.license` in `tracks.csv`), often for non-commercial use alone. None of it is in this "
    "repository. Weights that were trained on such audio should be passed on with this note, and used as the licences "
    "of the training tracks allow."
)
_OWN_LICENCE = (
    "The code is under the MIT licence. The music belongs to others: weights that were trained on it should be passed "
    "on as the licences of the training tracks allow."
)


def licence_of(corpus: Dataset) -> str:
    """Choose the text on the use of weights that were trained on a corpus."""
    if corpus.name == DEMO:
        return _DEMO_LICENCE
    return _LICENCE if corpus.layout == "fma" else _OWN_LICENCE
