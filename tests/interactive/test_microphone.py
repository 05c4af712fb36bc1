"""A button that records: what the page sends is a wave, and what is wrong is said."""

import numpy as np
import pytest

from dlkit import interactive
from dlkit.interactive import _widget

WIDGET = "Microphone"
WAVE = np.linspace(-1, 1, 50, dtype=np.float32)


def test_where_nobody_sits_there_is_a_line_of_text(static, capsys):
    assert interactive.microphone(lambda wave: None) is None
    assert "where somebody sits at the notebook" in capsys.readouterr().out


def test_the_network_gets_the_wave_and_the_page_what_it_hears(shown, made):
    got = []

    def predict(wave):
        got.append(wave)
        return [[0.25, 0.75]]

    interactive.microphone(predict, class_names=["no", "yes"], rate=16_000, seconds=1)
    (widget,) = made
    assert len(shown) == 1
    assert (widget.rate, widget.seconds, widget.class_names) == (16_000, 1.0, ["no", "yes"])
    widget.samples = WAVE.astype("<f4").tobytes()
    assert got[0].dtype == np.float32
    np.testing.assert_array_equal(got[0], WAVE)
    assert (widget.probabilities, widget.percents) == ([0.25, 0.75], ["25 %", "75 %"])
    assert (widget.verdict, widget.error, widget.heard) == ("It hears yes, 75 %", "", 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda wave: [0.5, 0.5], "ValueError: predict returned shape (2,)"),
        (lambda wave: [[2.0, -1.0]], "ValueError: predict returned numbers from -1"),
        (lambda wave: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_wrong_is_shown_and_the_next_recording_starts_anew(shown, made, answer, said):
    answers = [answer, lambda wave: [[1.0, 0.0]]]
    interactive.microphone(lambda wave: answers.pop(0)(wave), class_names=["no", "yes"])
    (widget,) = made
    widget.samples = WAVE.tobytes()
    assert widget.error.startswith(said) and not widget.probabilities and not widget.verdict
    widget.samples = WAVE[:7].tobytes() + b"x"  # a byte too many does no harm
    assert (widget.error, widget.verdict, widget.heard) == ("", "It hears no, over 99 %", 2)


@pytest.mark.parametrize("options", [{"rate": 0}, {"seconds": 0}, {"seconds": 31}, {"rate": 1e6}])
def test_what_no_browser_can_do_is_refused(static, options):
    with pytest.raises(ValueError, match="expected"):
        interactive.microphone(lambda wave: None, **options)


def test_the_script_and_its_style_are_there():
    assert (
        "getUserMedia" in _widget.Microphone._esm and ".dlkit-microphone" in _widget.Microphone._css
    )
