"""The tiers: each marker has a meaning, each test one place; a failure does not stop the rest."""

import os
import subprocess
import sys
import tomllib

import pytest
import tiers
from helpers import ROOT
from helpers.lesson_progress import table

OPTIONS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
MEANINGS = dict(line.split(": ", 1) for line in OPTIONS["ini_options"]["markers"])
OURS = {"lesson", "slow", "alone", "browser"}


def test_every_marker_has_a_meaning_and_no_other_is_accepted():
    assert MEANINGS.keys() == OURS
    assert all(len(meaning.split()) > 4 for meaning in MEANINGS.values())
    assert "--strict-markers" in OPTIONS["ini_options"]["addopts"]


@pytest.mark.parametrize(
    ("marks", "check", "test"),
    [
        ("", [True], [True, False]),
        ("slow", [False], [True, False]),
        ("lesson", [False], [True, False]),
        ("lesson alone", [False], [False, True]),
        ("slow alone", [False], [False, True]),
        ("browser", [False], [False, False]),
        ("browser alone", [False], [False, False]),
    ],
)
def test_a_test_runs_in_one_stage_of_a_tier_at_most(marks, check, test):
    def chosen(tier):  # pytest reads an expression of marks as Python does
        has = {name: name in marks.split() for name in OURS}
        return [eval(stage, {}, has) for stage, _ in tiers.STAGES[tier]]

    assert (chosen("check"), chosen("test")) == (check, test)


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """What would have been run; each command ends with the next of `commands.statuses`."""

    class Commands(list):
        statuses, environments = (), ()

    found = Commands()

    def run(command, cwd, env):
        found.append(command)
        found.environments += (env,)
        return subprocess.CompletedProcess(command, found.statuses[len(found) - 1])

    monkeypatch.setattr(tiers.subprocess, "run", run)
    monkeypatch.setattr(tiers, "TABLE", tmp_path / "lessons.json")
    return found


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [((0, 0), 0), ((1, 0), 1), ((0, 1), 1), ((5, 0), 0), ((0, 5), 0), ((5, 5), 5), ((5, 1), 1)],
)
def test_the_second_stage_runs_and_a_failure_of_either_is_told(commands, statuses, expected):
    commands.statuses = statuses
    assert tiers.run("test", []) == expected
    assert len(commands) == 2


def test_arguments_go_on_and_a_choice_of_marks_is_added(commands):
    commands.statuses = (0, 0)
    tiers.run("test", ["notebooks", "-m", "lesson or slow", "-x"])
    beside, alone = commands
    assert beside[:3] == [sys.executable, "-m", "pytest"] and beside[-2:] == ["notebooks", "-x"]
    assert "(not (alone or browser)) and (lesson or slow)" in beside
    assert "(alone and not browser) and (lesson or slow)" in alone
    assert "-n" in beside and "-n" not in alone


@pytest.mark.parametrize("of_user", [None, "7"])
def test_two_side_by_side_have_half_of_the_cores_each(commands, monkeypatch, of_user):
    name = "TF_NUM_INTRAOP_THREADS"
    monkeypatch.delenv(name, raising=False)
    if of_user:
        monkeypatch.setenv(name, of_user)
    commands.statuses = (0, 0)
    tiers.run("test", [])
    beside, alone = commands.environments
    assert beside[name] == (of_user or str(max(1, (os.cpu_count() or 1) // 2)))
    assert alone.get(name) == of_user


def test_the_table_adds_up():
    row = {"held": 2, "claims": 3, "correct": 4, "exercises": 4, "cells": 0, "failed": 0}
    rows = [row | {"name": "01_b", "seconds": 59.6}, row | {"name": "00_a", "seconds": 1.0}]
    rows[1] |= {"correct": 0, "exercises": 0, "failed": 1, "cells": 3}
    title, first, second, total = table(rows)
    assert " ".join(title.split()) == "lesson seconds claims held solved"
    assert " ".join(first.split()) == "00_a 1 2 of 3 FAILED in 1 cells 3 cells not run"
    assert " ".join(second.split()) == "01_b 60 2 of 3 4 of 4"
    assert " ".join(total.split()) == "all 61 4 of 6 4 of 4 FAILED in 1 cells"
