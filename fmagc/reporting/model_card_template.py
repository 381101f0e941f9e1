"""The template of a model card, and the parts of it that only a tested model has, or only one that was not tested."""

__all__ = ["DATA", "LIMITS", "PAGE", "RESULTS", "USE", "USE_HEADING", "VALIDATION"]

USE_HEADING = "## How to use it"

PAGE = """\
{metadata}# Model card: {title}

{note}## Task

{purpose} The network reads {unit} of {seconds:.1f} s
({samples:,} samples at {sample_rate:,} Hz, mono): {views}. The prediction for a track is the mean of the probabilities
of {seen}.

{genres}{data}## Training

{training}

{results}## Limits

{limit}
- A recording that is shorter than one of the {unit} is rejected.
{limits}
## Licence

{licence}

{use}"""

DATA = """\
## Data

{sets}

{leak}. The numbers below are of the {n_tested:,} test tracks that could be decoded. Digests (xxh3-128) of the data and
the weights:

{digests}

"""

RESULTS = """\
## Results on the test tracks

{results}

In brackets: the 95 % interval of a bootstrap over the test artists{and_seeds}. {spread}
{measures}

### By genre

{by_genre}

{mistakes}

### Calibration

{ece} With few
tracks it is never 0: a perfectly calibrated model would have {ece_by_chance:.3f} by chance. `ece_scaled` is the error
after the logits are divided by one temperature, fitted to the validation tracks: {temperature}. Above 1, the model is
overconfident. Scaling changes the log loss of the test tracks from {log_loss:.3f} to {log_loss_scaled:.3f}. The model
returns unscaled probabilities.

### Most confident errors

The worst errors of the model, or doubtful labels of the corpus: listen to a track before you decide which.

{errors}

"""

VALIDATION = """\
## Results on the validation tracks

{results}

{measures} The weights are those of
the epoch with the lowest loss on these very tracks, so that the numbers flatter the model.
Results on test tracks, {beyond}, are in the project that trained it: this page was made
from a copy of the weights and their `config.json` alone.

"""

LIMITS = """\
- {certainty}
- Music, recordings and codecs that this corpus does not contain were not tested.
- The calibration above holds for music like the test tracks.
"""

USE = """\
{heading}

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
