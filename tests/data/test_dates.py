"""Dates drawn from a seed: against the standard library's calendar, and what each token says."""

import calendar
import datetime

import numpy as np
import pytest

from dlkit import data
from dlkit.data import dates as dates_module

KINDS = dates_module.KINDS


def dates_of(digits):
    """The dates of one line, as the standard library reads them."""
    return [datetime.date.fromisoformat(text) for text in data.join_digits(digits).split()]


def part_of(line, index, part):
    parts = lines_parts(line)
    return [token for token, found in zip(line[0], parts, strict=True) if found == 3 * index + part]


def lines_parts(line):
    return line[1].tolist()


def rows(lines):
    return zip(lines.written, lines.written_parts, lines.digits, lines.digit_parts, strict=True)


@pytest.mark.parametrize("kind", KINDS)
def test_months_weekdays_and_numbers_are_those_of_the_calendar(kind):
    months = [*calendar.month_name]
    for written, parts, digits, _ in rows(data.draw_dates(300, dates=(1, 3), kind=kind)):
        dates = dates_of(digits)
        for index, date in enumerate(dates):
            (month,) = part_of((written, parts), index, 2)
            if month.isdigit():
                assert int(month) == date.month
            else:
                assert months[date.month].lower().startswith(month.lower())
            day = part_of((written, parts), index, 3)
            if day[0].isdigit():
                assert int(day[0]) == date.day
            year = part_of((written, parts), index, 1)
            if year[-1].isdigit():
                assert int(year[-1]) == date.year % 100
                assert year[0] in ("'", f"{date.year // 100}")
        short = [date.strftime("%a") for date in dates]
        said = [token[:3] for token in written if token.endswith("day") or token in short]
        assert set(said) <= set(short)


@pytest.mark.parametrize(
    ("day", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th")]
    + [(21, "21st"), (22, "22nd"), (23, "23rd"), (30, "30th"), (31, "31st")],
)
def test_endings_of_numbers(day, text):
    assert dates_module._day(day, "3rd") == text


@pytest.mark.parametrize(
    ("year", "text"),
    [(1950, "nineteen fifty"), (1999, "nineteen ninety-nine"), (2000, "two thousand")]
    + [(2004, "two thousand and four"), (2012, "twenty twelve"), (2040, "twenty forty")],
)
def test_years_in_words(year, text):
    assert dates_module._year(year, "twenty twenty-four") == text


def test_days_in_words_are_all_different_and_spelled_as_ordinals():
    days = [dates_module._day(day, "third") for day in range(1, 32)]
    assert len(set(days)) == 31
    assert (days[19], days[20], days[29], days[30]) == (
        "twentieth", "twenty-first", "thirtieth", "thirty-first",
    )  # fmt: skip


def test_the_forms_of_the_kinds_have_nothing_in_common():
    forms = {kind: set(data.date_forms(kind)) for kind in KINDS}
    seen, combination, order = forms.values()
    assert not seen & combination and not seen & order and not combination & order
    for place in range(5):  # whatever is held out, each of its styles is met in training
        assert {form[place] for form in combination} <= {form[place] for form in seen}
    assert not {form[1] for form in order} & {form[1] for form in seen}


def test_a_seed_gives_the_same_lines_and_another_seed_others():
    first, again, other = (data.draw_dates(50, dates=(1, 4), seed=seed) for seed in (5, 5, 6))
    assert first.written == again.written and first.digits == again.digits
    assert all(map(np.array_equal, first.written_parts, again.written_parts))
    assert first.written != other.written


def test_every_line_has_four_tokens_a_date_and_parts_for_each_token():
    for written, parts, digits, digit_parts in rows(data.draw_dates(200, dates=(1, 6))):
        assert len(written) == len(parts) and len(digits) == len(digit_parts)
        assert len(digits) % 4 == 0
        expected = [3 * i + part for i in range(len(digits) // 4) for part in (1, 1, 2, 3)]
        assert digit_parts.tolist() == expected
        assert set(expected) <= set(parts.tolist())


@pytest.mark.parametrize("dates", [1, 4, (2, 3)])
def test_how_many_dates_a_line_has(dates):
    least, most = dates if isinstance(dates, tuple) else (dates, dates)
    counts = {len(digits) // 4 for digits in data.draw_dates(100, dates=dates).digits}
    assert counts == set(range(least, most + 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; expected"),
        ({"n": 1.5}, "n is 1.5; expected"),
        ({"n": True}, "n is True; expected"),
        ({"n": 1, "dates": 0}, "dates is 0; expected 1 to 6"),
        ({"n": 1, "dates": 7}, "dates is 7; expected 1 to 6"),
        ({"n": 1, "dates": (3, 2)}, "the least first"),
        ({"n": 1, "dates": 1.0}, "expected whole numbers"),
        ({"n": 1, "kind": "old"}, "kind is 'old'; expected one of 'seen'"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message.replace("(", "\\(")):
        data.draw_dates(**arguments)
