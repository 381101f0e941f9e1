"""The demo corpus: its catalogue, its tables in FMA's layout, its audio, and that a cut-off writing is finished."""

import ast
import csv
import hashlib
import io
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from fmagc.corpus.fma.genres import read_genres
from fmagc.corpus.fma.layout import track_file
from fmagc.corpus.fma.tables import read_tracks
from fmagc.demo import write
from fmagc.demo.artists import draw_artist
from fmagc.demo.catalogue import Defect, Demo, catalogue
from fmagc.demo.mix import render
from fmagc.demo.rules import GENRES, SCALES
from fmagc.demo.signals import comb, decay, low_pass
from fmagc.demo.tables import COLUMNS, genres_csv, tracks_csv
from fmagc.demo.voices import DRUMS, VOICES
from fmagc.demo.write import encode, write_demo, write_tracks

TRACKS = catalogue()
DELAY = 1105  # samples in front, of LAME and of the decoder: the MP3s do not declare them, nor do FMA's clips

# Of the first three seconds of a track of each genre, mono and stereo, and of two other rates
DIGESTS = {
    2: "a50f8704685239f8",
    79: "838339dc64567ee0",
    143: "4fef046072afc22a",
    150: "c9e04d84e5f50517",
    442: "8fb0c9b61de6e2ae",
    731: "96c7bd01cd430d7a",
    803: "72a21d9b11817570",
    810: "b6eacba743b15bbd",
    945: "4462170740eb7423",
    1374: "42b9f865c3c109f6",
}


def samples(track: Demo, *, seconds: float) -> np.ndarray:
    artist = draw_artist(track.act.rules, seed=track.act.artist_id)
    return render(
        artist, track_id=track.track_id, sr=track.sr, channels=track.channels, seconds=seconds, hot=track.act.hot
    )


def decoded(track: Demo) -> tuple[np.ndarray, int]:
    return sf.read(io.BytesIO(encode(track)), always_2d=True)


def first(**wanted: object) -> Demo:
    """Find a whole track with these values, of the track or its artist."""
    for track in TRACKS:
        values = {name: getattr(track, name, None) for name in wanted} | {
            name: getattr(track.act, name) for name in wanted if hasattr(track.act, name)
        }
        if track.defect is Defect.NONE and values == wanted:
            return track
    raise AssertionError(f"no track with {wanted}")


def test_counts_a_genre_and_split():
    assert len(TRACKS) == len({track.track_id for track in TRACKS}) == 192
    counts = Counter((track.act.rules.title, track.act.split) for track in TRACKS)
    for rules in GENRES:
        assert [counts[rules.title, split] for split in ("training", "validation", "test")] == [12, 6, 6]
    artists = {(track.act.artist_id, track.act.name, track.act.split, track.act.rules.title) for track in TRACKS}
    assert len(artists) == len({artist_id for artist_id, *_ in artists}) == len({name for _, name, *_ in artists}) == 96


def test_ids_are_spread_over_folders_and_not_grouped_by_genre():
    ids = [track.track_id for track in TRACKS]
    assert ids == sorted(ids)
    assert ids[0] == 2
    assert Counter(track_file(i)[:3] for i in ids) == {f"{folder:03d}": 32 for folder in range(6)}
    genres = [track.act.rules.title for track in TRACKS]
    runs = 1 + sum(a != b for a, b in pairwise(genres))
    assert runs > 140  # grouped by genre it would be 8


def test_defects_are_in_training_and_in_six_genres():
    bad = [track for track in TRACKS if track.defect is not Defect.NONE]
    assert Counter(track.defect for track in bad) == {Defect.SHORT: 3, Defect.EMPTY: 3}
    assert {track.act.split for track in bad} == {"training"}
    assert len({track.act.rules.title for track in bad}) == 6


def test_formats_are_mixed_in_every_split():
    rates = Counter(track.sr for track in TRACKS)
    assert set(rates) == {44100, 48000, 22050}
    assert rates[44100] > 150
    for split in ("training", "validation", "test"):
        assert {track.channels for track in TRACKS if track.act.split == split} == {1, 2}


def test_rules_name_only_what_exists():
    titles = {rules.title for rules in GENRES}
    for rules in GENRES:
        assert rules.neighbour in titles - {rules.title}
        assert set(rules.scales) <= set(SCALES)
        assert {*rules.chord_voices, *rules.bass_voices, *rules.lead_voices} <= set(VOICES)
        for pattern in rules.patterns:
            for drum, strokes in pattern:
                assert drum in DRUMS
                assert len(strokes) == 16
                assert set(strokes) <= set("xo?.")


def test_tracks_csv_has_fma_header_and_its_traps():
    text = tracks_csv(TRACKS)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    groups, names, ids = rows[:3]
    assert len(COLUMNS) == 52
    assert {len(row) for row in rows} == {53}
    assert Counter(groups[1:]) == {"album": 13, "artist": 17, "set": 2, "track": 20}
    assert list(zip(groups[1:], names[1:], strict=True)) == list(COLUMNS)
    assert ids == ["track_id", *[""] * 52]
    assert len(rows) == 3 + 192
    assert len(text.splitlines()) > 3 + 192  # newlines within cells
    assert "<p>" in text
    place = {pair: number for number, pair in enumerate(COLUMNS, start=1)}
    for row in rows[3:]:
        assert [*map(str, ast.literal_eval(row[place["track", "genres"]]))] == [row[place["track", "genres_all"]][1:-1]]
        assert isinstance(ast.literal_eval(row[place["track", "tags"]]), list)
        assert float(row[place["track", "duration"]]) > 30
        assert row[place["set", "subset"]] == "small"


def test_project_reads_the_tables(tmp_path: Path):
    (tmp_path / "tracks.csv").write_text(tracks_csv(TRACKS), encoding="utf-8")
    (tmp_path / "genres.csv").write_text(genres_csv(TRACKS), encoding="utf-8")
    tree = read_genres(tmp_path / "genres.csv")
    assert sorted(tree.roots) == sorted(rules.title for rules in GENRES)
    table = read_tracks(tmp_path / "tracks.csv", genres=tree, lists=["genres"])
    assert list(table["track_id"]) == [track.track_id for track in TRACKS]
    assert list(table["genre"]) == [track.act.rules.title for track in TRACKS]
    assert list(table["artist_id"]) == [track.act.artist_id for track in TRACKS]
    assert [[tree[genre_id].title for genre_id in ids] for ids in table["genres"]] == [
        [title] for title in table["genre"]
    ]


def test_same_samples_twice_and_others_for_other_tracks():
    track, other = TRACKS[0], TRACKS[1]
    once, again = samples(track, seconds=2.0), samples(track, seconds=2.0)
    assert once.dtype == np.int16
    assert once.shape == (2 * track.sr, track.channels)
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once[:44100, 0], samples(other, seconds=2.0)[:44100, 0])


@pytest.mark.parametrize("track_id", DIGESTS)
def test_samples_stay_what_they_were(track_id: int):
    (track,) = (track for track in TRACKS if track.track_id == track_id)
    y = samples(track, seconds=3.0)
    assert hashlib.sha1(y.tobytes(), usedforsecurity=False).hexdigest()[:16] == DIGESTS[track_id]


@pytest.mark.parametrize("rules", GENRES, ids=lambda rules: rules.title)
def test_every_artist_of_a_genre_can_play(rules):
    for artist_id in sorted({track.act.artist_id for track in TRACKS if track.act.rules is rules})[:3]:
        artist = draw_artist(rules, seed=artist_id)
        y = render(artist, track_id=artist_id, sr=22050, channels=2, seconds=4.0, hot=False) / 32768
        assert np.abs(y).max() < 0.9
        assert np.sqrt(np.mean(y**2)) > 0.02
        assert np.abs(y[:, 0] - y[:, 1]).max() > 0.001  # stereo is no copy of one channel


@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_holds_the_music_it_was_made_from(channels: int):
    track = replace(first(hot=False, channels=channels), seconds=3.0)
    y, sr = decoded(track)
    x = samples(track, seconds=3.0) / 32768
    assert sr == track.sr
    assert len(x) + DELAY <= len(y) <= len(x) + DELAY + 2 * 1152
    correlation = np.corrcoef(x.ravel(), y[DELAY : DELAY + len(x)].ravel())[0, 1]
    assert correlation > 0.95


def test_hot_track_decodes_above_one():
    y, _ = decoded(replace(first(hot=True, channels=2), seconds=3.0))
    assert np.abs(y).max() > 1.0


def test_short_and_empty_files():
    for track in TRACKS:
        if track.defect is Defect.SHORT:
            y, sr = decoded(track)
            assert track.seconds <= len(y) / sr <= track.seconds + 0.05  # what the encoder adds
        elif track.defect is Defect.EMPTY:
            content = encode(track)
            assert content.startswith(b"ID3\x03")
            assert len(content) == 1800
            with pytest.raises(sf.LibsndfileError):
                sf.read(io.BytesIO(content))


def test_write_finishes_what_is_missing_and_leaves_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    chosen = [track for track in TRACKS if track.defect is not Defect.NONE][:3]
    monkeypatch.setattr(write, "catalogue", lambda: chosen)
    write_demo(tmp_path)
    audio = tmp_path / "fma_demo"
    paths = [audio / track_file(track.track_id) for track in chosen]
    listed = (audio / "checksums").read_text(encoding="utf-8")
    for path, line in zip(paths, listed.splitlines(), strict=True):
        sha1 = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
        assert line == f"{sha1}  {path.relative_to(audio).as_posix()}"
    assert {path.name for path in (tmp_path / "fma_metadata").iterdir()} == {
        "tracks.csv",
        "genres.csv",
        "checksums",
        "README.txt",
    }
    kept = paths[0].stat().st_mtime_ns
    paths[1].unlink()
    (audio / "checksums").unlink()
    write_demo(tmp_path)
    assert paths[0].stat().st_mtime_ns == kept
    assert (audio / "checksums").read_text(encoding="utf-8") == listed


def test_another_edition_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    chosen = [track for track in TRACKS if track.defect is Defect.EMPTY][:1]
    monkeypatch.setattr(write, "catalogue", lambda: chosen)
    path = tmp_path / "fma_demo" / track_file(chosen[0].track_id)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"of an older edition")
    (tmp_path / "fma_demo" / "README.txt").write_text("The demo corpus of fmagc\nolder", encoding="utf-8")
    write_demo(tmp_path)
    assert path.read_bytes() == encode(chosen[0])


def test_nothing_is_done_where_all_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    track = next(track for track in TRACKS if track.defect is Defect.EMPTY)
    write_tracks(tmp_path, [track])
    monkeypatch.setattr(write, "map_isolated", None)  # starting a process would fail
    write_tracks(tmp_path, [track])


def test_filters_equal_their_recursions():
    x = 2.0 * np.random.default_rng(0).random(3000) - 1.0
    a = np.exp(-2 * np.pi * 500.0 / 22050)
    expected, combed = np.zeros_like(x), x.copy()
    for n in range(len(x)):
        expected[n] = (1 - a) * x[n] + (a * expected[n - 1] if n else 0.0)
        if n >= 37:
            combed[n] += 0.7 * combed[n - 37]
    np.testing.assert_allclose(low_pass(x, cutoff_hz=500.0, sr=22050), expected, atol=1e-6)
    np.testing.assert_allclose(comb(x, delay=37, gain=0.7), combed, atol=1e-12)
    np.testing.assert_allclose(decay(1000, time_constant_s=0.01, sr=22050), np.exp(-np.arange(1000) / 220.5), atol=1e-8)
