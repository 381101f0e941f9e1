"""The words of a model card: its page, with places for what is known of a model, and what is said of licences."""

from fmagc.params.corpus import DEMO, Dataset

__all__ = ["PAGE", "licence_of"]

PAGE = """\
# Model card: {model}, protocol `{protocol}`, corpus `{corpus}`

{note}## Task

Name the genre of a piece of recorded music, one of {n_genres}: {genres}. The network reads clips of {seconds:.1f} s
({samples:,} samples at {sample_rate:,} Hz, mono): {views}. The verdict on a track is the mean of the probabilities of
{clips} {placed} clips.

## Data

{sets}

{leak}. The numbers below are of the {n_judged:,} test tracks that could be decoded. Digests (xxh3-128) of what was
read:

{digests}

## Training

{training}

## Results on the test tracks

{results}

In brackets: the 95 % interval of a bootstrap over the test artists{and_seeds}. {spread}
`study_accuracy` (one-vs-rest) and `study_f1` are the measures of the reference study; `log_loss` is in nats.

### By genre

{by_genre}

### Most frequent confusions

{confusions}

### Calibration

`ece`, the expected calibration error, is the mean over 15 bins of how far confidence and accuracy lie apart. Of few
tracks it is never 0: a model whose confidences are all right would have {ece_by_chance:.3f} by chance. `ece_scaled` is
that after the logits are divided by one temperature, fitted to the validation tracks: {temperature}. It takes the log
loss of the test tracks from {log_loss:.3f} to {log_loss_scaled:.3f}; above 1, the model was too sure. The probabilities
that the model gives are the unscaled ones.

### Most confident errors

The worst mistakes of the model, or doubtful labels of the corpus: listen before you blame either.

{errors}

## Limits

- The genre is the one label of the corpus. Music of two genres, or of none of these, gets one of them all the same.
- {certainty}
- Other music than this corpus holds, other recordings and other codecs were not tested. Nor were tracks shorter than a
  clip: they are rejected.
- A confidence is worth what is said of its calibration above, on music like the test tracks.

## Licence

{licence}

## How to use it

`dvc repro evaluate@{protocol}-{model}` makes the weights, or `dvc checkout` where DVC's cache has them. For a file:

```bash
python -m fmagc predict FILE --model {folder}
```

In Python, for batches of your own:

```python
from pathlib import Path

from fmagc.models.pretrained import load_trained

network, card = load_trained(Path("{folder}"), stage="{stage}")
```

`network` takes {tensors}, normalised by `card["normalisation"]`, and returns logits in the order of `card["genres"]`.
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
    """Say what may be done with weights that were trained on a corpus."""
    if corpus.name == DEMO:
        return _DEMO_LICENCE
    return _LICENCE if corpus.layout == "fma" else _OWN_LICENCE
