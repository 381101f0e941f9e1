"""Counts, names and settings in sentences."""

from fmagc.reporting.text import capitalised, counted, listed, setting, with_article


def test_words_are_formatted_for_sentences() -> None:
    assert [capitalised("macro F1"), with_article("accuracy"), with_article("macro ROC-AUC")] == [
        "Macro F1",
        "an accuracy",
        "a macro ROC-AUC",
    ]
    assert [counted(1, "seed"), counted(2000, "track")] == ["1 seed", "2,000 tracks"]
    assert [listed(["a"]), listed(["a", "b"]), listed("abc")] == ["a", "a and b", "a, b and c"]
    block = {"lr": 0.001, "C": [1.0, 10.0], "augment": [{"name": "noise", "p": 1}], "root": None, "none": []}
    assert setting(block) == "lr 0.001, C 1/10, augment noise, root none"
