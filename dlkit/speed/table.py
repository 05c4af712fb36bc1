"""The table of measured rows of lesson 22: each names its hardware, its day and its versions."""

import datetime
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from dlkit import machine
from dlkit.measured import SPEED_TABLE

# Peaks as vendors publish them, never measured here: operations per second, bytes per second.
# NVIDIA T4 Tensor Core GPU: https://www.nvidia.com/en-us/data-center/tesla-t4/
PUBLISHED_PEAKS = {
    "NVIDIA T4, float32, published": (8.1e12, 320e9),
    "NVIDIA T4, float16, published": (65e12, 320e9),
}
TABLE_VARIABLE = "DLKIT_SPEED_TABLE"  # names the file that a run of the lesson is to add its row to


def hardware() -> str:
    """What computes here: the GPU's name, or the processor's and its number of cores."""
    if gpus := machine.gpu_names():
        return ", ".join(gpus)
    return f"{machine.processor()}, {machine.cpu_cores()} cores"


def load_rows(path: str | os.PathLike = SPEED_TABLE) -> list[dict]:
    """The rows of a table, as a list of dicts; empty if there is none yet.

    Example:
        >>> all({"hardware", "date", "versions"} <= row.keys() for row in load_rows())
        True
    """
    return json.loads(Path(path).read_text(encoding="utf-8")) if Path(path).exists() else []


def add_row(measured: dict, versions: str) -> dict:
    """Add a row to the file that $DLKIT_SPEED_TABLE names, in place of one of the same hardware.

    Without that variable nothing is written: a learner's run leaves the course's table alone.

    Args:
        measured: dict from what was measured to numbers, or dicts of numbers.
        versions: what it ran on, in one line.

    Returns:
        The row: ``hardware``, ``kind`` ("GPU" or "CPU"), ``date``, ``versions``, what was
        measured, to three significant digits, and the ``load average`` at the end: how many
        processes wanted a core, this one among them. Above the number of cores, others disturbed.
    """
    kind = "GPU" if machine.gpu_names() else "CPU"
    head = {"hardware": hardware(), "kind": kind, "date": datetime.date.today().isoformat()}
    row = head | {"versions": versions} | _rounded(measured)
    if hasattr(os, "getloadavg"):
        row["load average"] = round(os.getloadavg()[0], 1)
    if path := os.environ.get(TABLE_VARIABLE):
        others = [other for other in load_rows(path) if other["hardware"] != row["hardware"]]
        text = json.dumps([*others, row], indent=1) + "\n"
        Path(path).write_text(text, encoding="utf-8")
    return row


def _rounded(value):
    if isinstance(value, dict):
        return {str(key): _rounded(number) for key, number in value.items()}
    return float(f"{float(value):.3g}")


def show_rows(table: Iterable[dict]) -> None:
    """Print rows: what was measured, and on what.

    Example:
        >>> row = {"hardware": "abacus", "kind": "CPU", "date": "2026-11-27", "versions": "none"}
        >>> show_rows([row | {"images per second": {"batch 1": 0.1}}])
        abacus (CPU), 2026-11-27, none
          images per second: batch 1: 0.1
        No GPU has been measured yet: benchmarks/speed_table.py adds a row where there is one.
    """
    table = list(table)
    for row in table:
        print(f"{row['hardware']} ({row['kind']}), {row['date']}, {row['versions']}")
        for name, value in row.items():
            if isinstance(value, dict):
                print(
                    f"  {name}:", "; ".join(f"{key}: {number:g}" for key, number in value.items())
                )
            elif isinstance(value, float):
                print(f"  {name}: {value:g}")
    if not any(row["kind"] == "GPU" for row in table):
        print("No GPU has been measured yet:", end=" ")
        print("benchmarks/speed_table.py adds a row where there is one.")


def timing_claims(claims: Callable) -> Callable[[str, float, tuple[float, float]], None]:
    """Claims on times, which have bands on a CPU; with a GPU only a line, until one is measured.

    Args:
        claims: a ``dlkit.claims.Claims``.

    Returns:
        A function of a name, a value and a band ``(low, high)``.
    """
    gpus = machine.gpu_names()

    def claim(name, value, band):
        if gpus:
            print(f"{name} = {value:.3g} (no band with a GPU)")
        else:
            claims(name, value, real=band)

    return claim


def show_costs(table: Iterable[dict], images: int, prices: dict[str, float]) -> None:
    """Print hours and money for a job of so many images, by the best measured speed of each row.

    Args:
        table: rows with ``"MLP, images per second"``.
        images: how many the job trains on, all epochs together.
        prices: dict from ``"CPU"`` and ``"GPU"`` to a price per hour.

    Example:
        >>> row = {"hardware": "abacus", "kind": "CPU", "MLP, images per second": {"32": 1000.0}}
        >>> show_costs([row], 7_200_000, {"CPU": 0.1})
        abacus: 1,000 images per second, 2.0 hours, 0.20 for 7,200,000 images
    """
    for row in table:
        speed = max(row["MLP, images per second"].values())
        hours = images / speed / 3600
        money = hours * prices[row["kind"]]
        print(f"{row['hardware']}: {speed:,.0f} images per second, {hours:.1f} hours,", end=" ")
        print(f"{money:.2f} for {images:,} images")
