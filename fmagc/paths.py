"""The paths of dvc.yaml, each written once; they start from the folder of the project."""

from pathlib import Path

PIPELINE = Path("dvc.yaml")
PARAMS_FILE = Path("params.yaml")

DATA = Path("data")
RAW = DATA / "raw"  # a folder for each dataset: data/raw/<name>
MANIFEST = DATA / "raw.json"  # every file below it with its checksum
INDEX = DATA / "index"
TRACKS = INDEX / "tracks.csv"
NAMES = INDEX / "names.csv"
LEFT_OUT = INDEX / "left_out.csv"
GENRES = INDEX / "genres.csv"
SPLITS = INDEX / "splits"
WAVES = DATA / "waves"
MELS = DATA / "mels"
EMBEDDINGS = DATA / "embeddings"
STATS = DATA / "stats"
MODELS_FOLDER = DATA / "models"
PREDICTIONS = DATA / "predictions"
SHARE_PREDICTIONS = PREDICTIONS / "shares"  # of models that were trained on a share of the training set
DETAILS = DATA / "details"
SHARE_DETAILS = DETAILS / "shares"
CLIP_COUNTS = DATA / "clip_counts"  # this and the next two of networks alone
TIMELINES = DATA / "timelines"
ARCHITECTURES = DATA / "architectures"
ROBUSTNESS = DATA / "robustness"
SHARE_MODELS = DATA / "shares"
STAGING = DATA / ".staging"  # no path of dvc.yaml: finished artifacts, which DVC must not empty

METRICS = Path("metrics")
AUDIT = METRICS / "split.json"
CLEANING = METRICS / "cleaning.json"
VALIDATION = METRICS / "validation"
TRACK_METRICS = METRICS / "models"
CLIP_METRICS = METRICS / "clips"
SHARE_METRICS = METRICS / "shares"
LEADERBOARD = METRICS / "leaderboard.md"
CARDS = METRICS / "cards"
FOCUS = METRICS / "focus.json"

PLOTS = Path("plots")
VECTOR = PLOTS / "vector"  # the figures once more, as SVG
HISTORY = PLOTS / "history"
CONFUSION = PLOTS / "confusion"
CURVES = PLOTS / "curves.csv"  # all histories in one file: DVC's charts take one, or mix up the revisions
DATA_FIGURES = PLOTS / "data"
RESULT_FIGURES = PLOTS / "results"
REPORT_FIGURES = PLOTS / "report"
REPORT = PLOTS / "report.html"

LEDGER = "ledger.csv"  # in WAVES, and in the folder of an encoder in EMBEDDINGS
CARD = "config.json"  # in the folder of a training
WEIGHTS = "model.safetensors"


def verified_record(cache: Path) -> Path:
    """Return the file that tells which shards of a cache were read whole: outside every out, which DVC would empty."""
    data = cache.parent.parent if cache.parent.name == EMBEDDINGS.name else cache.parent
    return data / STAGING.name / "verified" / f"{cache.relative_to(data)}.json"


def training_folder(protocol: str, model: str, seed: int, *, share: float = 1.0) -> Path:
    """Return the folder of one training's weights and card, on a share of the training set or on the whole."""
    root = MODELS_FOLDER / protocol if share == 1 else SHARE_MODELS / protocol / str(share)
    return root / model / str(seed)


def share_results(protocol: str, share: float, model: str) -> Path:
    """Name the results of a model that was trained on a share, below the folders of such results."""
    return Path(protocol, str(share), model)
