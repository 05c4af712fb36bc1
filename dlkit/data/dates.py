"""Dates written in thousands of forms, and the same in digits: drawn, never downloaded.

Whoever writes a date knows which of its words say the day, the month and the year. So a
network that rewrites dates can be asked where it looks, and the answer can be checked.
"""

import datetime
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ORDINALS = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]

FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)
YEAR, MONTH, DAY = 1, 2, 3  # the parts; 0 is what belongs to none
MOST = 6  # dates in one line

DAY_STYLES = ("3", "03", "3rd", "third")
MONTH_STYLES = ("May", "Sep", "MAY", "05")
YEAR_STYLES = ("2024", "'24", "twenty twenty-four")
# {d}, {m} and {y} are the parts; those of the second list take a month in digits, and those of the
# third are never drawn for training.
ORDERS = (
    "{d} {m} {y}",
    "the {d} of {m} {y}",
    "{d} of {m}, {y}",
    "{m} {d}, {y}",
    "{m} the {d}, {y}",
    "{y}, {m} {d}",
    "in {y}, on the {d} of {m}",
)
DIGIT_ORDERS = ("{d}/{m}/{y}", "{d}.{m}.{y}", "{d}-{m}-{y}", "{y}/{m}/{d}")
NEW_ORDERS = ("in {m} {y}, on the {d}", "the {d}, in {y}, of {m}", "{y}, {d} {m}")
WEEKDAY_STYLES = ("", "Fri ", "on Friday, ")
JOINTS = (" and ", ", then ", "; ", " or ")
KINDS = ("seen", "new combination", "new order")


@dataclass(frozen=True, eq=False)
class DateLines:
    """Lines of dates, as people write them and in digits, cut in tokens, and which says what.

    Args:
        written: for each line its tokens, such as ``["the", "third", "of", "May", "20", "24"]``.
        digits: the same dates, four tokens each: ``["20", "24", "05", "03"]``.
        written_parts: for each line an int array, one number for each token: 0 if it belongs to no
            part, else ``3 * i`` + 1 (year), + 2 (month) or + 3 (day) of date ``i``.
        digit_parts: the same for ``digits``.
    """

    written: list[list[str]]
    digits: list[list[str]]
    written_parts: list[np.ndarray]
    digit_parts: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.written)

    def __repr__(self) -> str:
        longest = max(map(len, self.written))
        return f"{len(self):,} lines of dates, drawn here; the longest has {longest} tokens"


def split_date(text: str) -> list[str]:
    """A line's tokens: words, numbers of one or two digits, single signs. Blanks are dropped.

    Example:
        >>> split_date("the 3rd of May 2024, '24")
        ['the', '3', 'rd', 'of', 'May', '20', '24', ',', "'", '24']
    """
    return re.findall(r"[A-Za-z]+|\d\d?|[^ ]", text)


def join_digits(tokens: Sequence[str]) -> str:
    """Tokens of `DateLines.digits` as people read them; what is no whole date stays as it is.

    Example:
        >>> join_digits(["20", "24", "05", "03", "19", "99", "12", "31"])
        '2024-05-03 1999-12-31'
    """
    dates = [tokens[start : start + 4] for start in range(0, len(tokens), 4)]
    return " ".join("".join(date[:2]) + "".join(f"-{part}" for part in date[2:]) for date in dates)


def date_forms(kind: str = "seen") -> list[tuple[str, ...]]:
    """All forms of one date: (weekday, order, day, month, year), each part's style by an example.

    Args:
        kind: ``"seen"``, for training; ``"new combination"``, a tenth of all, whose parts are met
            in training, but never together; ``"new order"``, of orders that are never met.

    Returns:
        A list of tuples of `str`, always in the same order.

    Raises:
        ValueError: there is no such kind.

    Example:
        >>> [len(date_forms(kind)) for kind in ("seen", "new combination", "new order")]
        [708, 72, 324]
        >>> date_forms()[0]
        ('', '{d} {m} {y}', '3', 'May', '2024')
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(map(repr, KINDS))}")
    orders = NEW_ORDERS if kind == "new order" else ORDERS
    words = itertools.product(WEEKDAY_STYLES, orders, DAY_STYLES, MONTH_STYLES[:3], YEAR_STYLES)
    if kind == "new order":
        return [*words]
    in_digits = itertools.product(
        WEEKDAY_STYLES, DIGIT_ORDERS, DAY_STYLES[:2], MONTH_STYLES[3:], YEAR_STYLES[:1]
    )
    forms = [*words, *in_digits]
    is_out = np.random.default_rng(2024).random(len(forms)) < 0.1
    wanted = kind == "new combination"
    return [form for form, out in zip(forms, is_out, strict=True) if out == wanted]


def draw_dates(
    n: int, *, dates: int | tuple[int, int] = 1, kind: str = "seen", seed: int = 0
) -> DateLines:
    """Lines with one date or several, each in a form of its own, from 1950 to 2049.

    03/05/2024 is the third of May, '49 is 2049, '50 is 1950, and weekdays are right.

    Args:
        n: how many lines, 1 or more.
        dates: in each line, 1 to 6; or the least and the most, equally often all between.
        kind: of the forms, as `date_forms` has them.
        seed: the same seed gives the same lines.

    Returns:
        DateLines: ``n`` of them.

    Raises:
        ValueError: ``n``, ``dates`` or ``kind`` is out of range.

    Example:
        >>> lines = draw_dates(2, dates=2, seed=3)
        >>> [join_digits(tokens) for tokens in lines.digits]
        ['2031-02-25 1967-12-12', '2030-02-16 2008-03-20']
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"n is {n!r}; expected a whole number of lines, 1 or more")
    least, most = dates if isinstance(dates, tuple) else (dates, dates)
    for count in (least, most):
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
            raise ValueError(f"dates is {dates!r}; expected whole numbers: give 2, or (1, 3)")
    if not 1 <= least <= most <= MOST:
        raise ValueError(f"dates is {dates!r}; expected 1 to {MOST}, the least first")
    rng = np.random.default_rng(seed)
    forms = date_forms(kind)
    lines = DateLines([], [], [], [])
    for count in rng.integers(least, most + 1, n):
        line, digits = _Line(), _Line()
        for index in range(count):
            date = FIRST + datetime.timedelta(days=int(rng.integers((LAST - FIRST).days + 1)))
            form = forms[rng.integers(len(forms))]
            if index:
                line.add(JOINTS[rng.integers(len(JOINTS))])
            _write(line, date, form, 3 * index)
            _write(digits, date, ("", "{y}{m}{d}", "03", "05", "2024"), 3 * index)
        lines.written.append(line.tokens)
        lines.digits.append(digits.tokens)
        lines.written_parts.append(np.array(line.parts))
        lines.digit_parts.append(np.array(digits.parts))
    return lines


class _Line:
    """Tokens that become more, and the part that each of them belongs to."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.parts: list[int] = []

    def add(self, text, part=0):
        tokens = split_date(text)
        self.tokens += tokens
        self.parts += [part] * len(tokens)


def _write(line, date, form, offset):
    """Add a date in a form to a line; its parts are numbered from ``offset`` + 1."""
    weekday, order, day, month, year = form
    line.add(_weekday(date, weekday))
    says = {
        "d": (_day(date.day, day), DAY),
        "m": (_month(date.month, month), MONTH),
        "y": (_year(date.year, year), YEAR),
    }
    for number, piece in enumerate(order.replace("}", "{").split("{")):  # text, name, text, …
        if number % 2:
            text, part = says[piece]
            line.add(text, offset + part)
        else:
            line.add(piece)


def _weekday(date, style):
    name = WEEKDAYS[date.weekday()]
    return style.replace("Friday", name).replace("Fri", name[:3]) if style else ""


def _day(day, style):
    if style == "third":
        if day <= 20:
            return ORDINALS[day]
        return "thirtieth" if day == 30 else f"{TENS[day // 10]}-{ORDINALS[day % 10]}"
    if style == "3rd":
        ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return f"{day}{ending}"
    return f"{day:02}" if style == "03" else str(day)


def _month(month, style):
    name = MONTHS[month - 1]
    return {"May": name, "Sep": name[:3], "MAY": name.upper(), "05": f"{month:02}"}[style]


def _year(year, style):
    if style == "2024":
        return str(year)
    if style == "'24":
        return f"'{year % 100:02}"
    rest = year % 100
    if 2000 <= year < 2010:
        return "two thousand" + (f" and {SMALL[rest]}" if rest else "")
    return f"{SMALL[year // 100] if year < 2000 else 'twenty'} {_below_hundred(rest)}"


def _below_hundred(number):
    if number < 20:
        return SMALL[number]
    return TENS[number // 10] + (f"-{SMALL[number % 10]}" if number % 10 else "")
