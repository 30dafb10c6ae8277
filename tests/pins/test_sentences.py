"""No sentence with which something was refused has been lost."""

from pins import sentences


def test_every_recorded_refusal_is_still_in_the_source():
    there = sentences.everything(sentences.trees())
    lost = [sentence for sentence in sentences.recorded() if sentence not in there]
    assert not lost, f"{len(lost)} sentences are gone:\n" + "\n".join(lost)


def test_there_are_sentences():
    assert len(sentences.recorded()) > 700
    assert len(sentences.refusals(sentences.trees())) > 700
