"""The service without Ray: paths, bodies, versions on the disk, and which of them is live."""

import asyncio
import json
import os

import numpy as np
import pytest
from helpers.serving_stand_ins import ONE, PICTURES, Engine, save

from dlkit.serving import body, protocol, versions
from dlkit.serving.protocol import RequestError, Signature, Target
from dlkit.serving.version_manager import VersionManager

REALS = Signature("x", "float32", (None, 2), "y", "float32", (None, 3))
ANY_SIZE = Signature("x", "float32", (None, None), "y", "float32", (None, 3))


def refused(call, *arguments, **options):
    """The ``(status, sentence)`` of a refusal."""
    with pytest.raises(RequestError) as caught:
        call(*arguments, **options)
    return caught.value.status, str(caught.value)


# ---- Paths ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", "/v1/models/digits", Target("digits", None, "status")),
        ("HEAD", "/v1/models/digits", Target("digits", None, "status")),
        ("GET", "/v1/models/digits/versions/12", Target("digits", 12, "status")),
        ("GET", "/v1/models/digits/metadata", Target("digits", None, "metadata")),
        ("GET", "/v1/models/a.b-c_1/versions/0/metadata", Target("a.b-c_1", 0, "metadata")),
        ("POST", "/v1/models/digits:predict", Target("digits", None, "predict")),
        ("POST", "/v1/models/digits/versions/3:predict", Target("digits", 3, "predict")),
    ],
)
def test_the_paths_of_tensorflow_serving(method, path, wanted):
    assert protocol.parse_target(method, path) == wanted


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/models/", 404, "expected /v1/models/NAME"),
        ("GET", "/v2/models/digits", 404, "nothing at"),
        ("POST", "/v1/models/digits:classify", 404, "NAME:predict"),
        ("POST", "/v1/models/digits:predict/", 404, "nothing at"),
        ("GET", "/" + 9999 * "a", 404, "…"),
        ("GET", "/v1/models/digits/versions/two", 400, "whole number"),
        ("GET", "/v1/models/digits/versions/" + 5000 * "9", 400, "whole number"),
        ("GET", "/v1/models/digits:predict", 405, "takes POST, not 'GET'"),
        ("POST", "/v1/models/digits", 405, "takes GET"),
        ("DELETE", "/v1/models/digits/metadata", 405, "takes GET"),
    ],
)
def test_other_paths_are_refused(method, path, status, words):
    refusal, sentence = refused(protocol.parse_target, method, path)
    assert refusal == status and words in sentence and len(sentence) < 300


# ---- Bodies -----------------------------------------------------------------------------------


def read(document, signature=PICTURES, max_instances=4):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return body.read_request(content, signature, max_instances=max_instances)


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"instances": [ONE]}, "predictions"),
        ({"instances": [{"x": ONE}]}, "predictions"),
        ({"inputs": [ONE]}, "outputs"),
        ({"inputs": {"x": [ONE]}}, "outputs"),
        ({"signature_name": "serving_default", "instances": [ONE]}, "predictions"),
        ({"signature_name": "", "instances": [ONE], "more": 1}, "predictions"),
        ({"instances": [[[0.0, 1.0], [2e0, 255]]]}, "predictions"),
    ],
)
def test_both_formats_are_read(document, key):
    array, response_key = read(document)
    assert response_key == key
    assert array.dtype == np.uint8 and array.tolist() == [ONE]


def test_floats_take_whole_numbers_and_any_size_takes_any_size():
    array, _ = read({"instances": [[1, 2.5]]}, REALS)
    assert array.dtype == np.float32 and array.tolist() == [[1, 2.5]]
    assert read({"instances": [[1, 2, 3]]}, ANY_SIZE)[0].shape == (1, 3)


BAD_BODIES = {
    "nothing": (b"", "no JSON"),
    "half": (b'{"instances": [[[0, 1]', "no JSON"),
    "no UTF-8": (b'{"instances": "\xff\xfe"}', "no JSON"),
    "deep": (100_000 * b"[", "nested too deeply"),
    "deep objects": (100_000 * b'{"a":', "nested too deeply"),
    "a list": ([ONE], "is a list; expected an object"),
    "a string": ("instances", "a string"),
    "null": (None, "null"),
    "no key": ({}, "none"),
    "another key": ({"examples": [ONE]}, "'examples'"),
    "both keys": ({"instances": [ONE], "inputs": [ONE]}, "not both"),
    "no examples": ({"instances": []}, "at least one example"),
    "a number": ({"instances": 5}, "a number"),
    "null inside": ({"instances": None}, "null"),
    "an object": ({"instances": {"x": [ONE]}}, "an object"),
    "too many": ({"instances": 5 * [ONE]}, "4 at most"),
    "another signature": ({"signature_name": "train", "instances": [ONE]}, "'train'"),
    "another input": ({"instances": [{"y": ONE}]}, "one input 'x'"),
    "a second input": ({"inputs": {"x": [ONE], "z": 1}}, "one input 'x'"),
    "no input": ({"inputs": {}}, "none"),
    "mixed": ({"instances": [ONE, {"x": ONE}]}, "mixes"),
    "one example bare": ({"instances": ONE}, "shape (2, 2)"),
    "small": ({"instances": [[[0]]]}, "shape (1, 1, 1)"),
    "empty rows": ({"instances": [[[], []]]}, "shape (1, 2, 0)"),
    "ragged": ({"instances": [[[0, 1], [2]]]}, "ragged"),
    "ragged depth": ({"instances": [[[0, 1], 2]]}, "ragged"),
    "very deep array": (b'{"instances": ' + 90 * b"[" + b"1" + 90 * b"]" + b"}", "ragged"),
    "strings": ({"instances": [[["a", "b"], ["c", "d"]]]}, "no number"),
    "digits as strings": ({"instances": [[["0", "1"], ["2", "3"]]]}, "no number"),
    "nulls": ({"instances": [[[None, 1], [2, 3]]]}, "no number"),
    "booleans": ({"instances": [[[True, False], [True, True]]]}, "no number"),
    "base64": ({"instances": [{"b64": "AAAA"}]}, "one input 'x'"),
    "huge integer": ({"instances": [[[10**30, 1], [2, 3]]]}, "no number"),
    "256": ({"instances": [[[256, 1], [2, 3]]]}, "whole numbers from 0 to 255"),
    "negative": ({"instances": [[[-1, 1], [2, 3]]]}, "whole numbers from 0 to 255"),
    "fraction": ({"instances": [[[0.5, 1], [2, 3]]]}, "whole numbers from 0 to 255"),
    "NaN": (b'{"instances": [[[NaN, 1], [2, 3]]]}', "NaN"),
    "infinity": (b'{"instances": [[[-Infinity, 1], [2, 3]]]}', "-Infinity"),
    "overflow": (b'{"instances": [[[1e999, 1], [2, 3]]]}', "inf"),
    "endless digits": (b'{"instances": [[[' + 5000 * b"1" + b"]]]}", "no JSON"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_bodies_are_refused(name):
    document, words = BAD_BODIES[name]
    status, sentence = refused(read, document)
    assert status == 400 and words in sentence and len(sentence) < 300


def test_numbers_beyond_the_dtype_are_refused():
    status, sentence = refused(read, {"instances": [[1e39, 0]]}, REALS)
    assert status == 400 and "finite float32" in sentence
    assert refused(read, {"instances": [[]]}, ANY_SIZE)[0] == 400


# ---- Documents --------------------------------------------------------------------------------


def test_the_status_document():
    document = protocol.status_response([(2, "END", "broken"), (1, "AVAILABLE", "")])
    assert document["model_version_status"][1] == {
        "version": "1",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    assert document["model_version_status"][0]["status"]["error_message"] == "broken"


def test_the_metadata_document():
    document = protocol.metadata_response("digits", 3, PICTURES)
    assert document["model_spec"] == {"name": "digits", "signature_name": "", "version": "3"}
    definition = document["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert definition["inputs"]["x"]["dtype"] == "DT_UINT8"
    sizes = [dim["size"] for dim in definition["inputs"]["x"]["tensor_shape"]["dim"]]
    assert sizes == ["-1", "2", "2"]


# ---- Versions on the disk ---------------------------------------------------------------------


def test_the_three_layouts(tmp_path):
    file = tmp_path / "digits.keras"
    file.write_text("a model")
    assert versions.find_versions(file) == {1: file}
    saved = save(tmp_path / "saved")
    assert versions.find_versions(saved) == {1: saved}
    base = tmp_path / "digits"
    two, ten = save(base / "2"), base / "10" / "any.keras"
    ten.parent.mkdir()
    ten.write_text("a model")
    (base / "11").mkdir()  # empty so far
    save(base / "new")
    assert versions.find_versions(str(base)) == {2: two, 10: ten}


@pytest.mark.parametrize("make", ["none", "file", "empty", "unnumbered"])
def test_what_is_no_model(make, tmp_path):
    path = tmp_path / "model"
    if make == "file":
        path.write_text("text")
    elif make != "none":
        path.mkdir()
    if make == "unnumbered":
        save(path / "new")
    with pytest.raises(ValueError, match=r"expected a \.keras file, a folder that model\.export"):
        versions.find_versions(path)


# ---- Which version is live ----------------------------------------------------------------------


@pytest.fixture
def base(tmp_path):
    return tmp_path / "digits"


def manager_of(base, lines=None):
    return VersionManager(base, Engine(), (lines if lines is not None else []).append)


def test_a_new_version_goes_live_and_is_rolled_back(base):
    save(base / "1")
    manager = manager_of(base, lines := [])

    async def life():
        await manager.start()
        assert manager.live == 1
        new = save(base / "2")
        await manager.refresh()
        assert manager.live == 1, "still being copied, as far as one look can tell"
        await manager.refresh()
        assert manager.live == 2 and set(manager.loaded) == {1, 2}
        assert manager.states() == [(2, "AVAILABLE", ""), (1, "AVAILABLE", "")]
        new.rename(base / "bad")
        await manager.refresh()
        assert manager.live == 1 and set(manager.loaded) == {1}

    asyncio.run(life())
    assert manager.engine.loaded == [1, 2] and manager.engine.unloaded == [2]
    assert lines == [
        "version 1 is live",
        "version 2 is live",
        "version 1 is live",
        "version 2 is unloaded",
    ]


def test_two_versions_stay_loaded_and_the_last_one_is_never_dropped(base):
    for version in (3, 4, 5):
        save(base / str(version))
    manager = manager_of(base)

    async def life():
        await manager.start()
        assert manager.live == 5 and manager.engine.loaded == [5], "older ones are not loaded"
        for version in (6, 7):
            save(base / str(version))
            await manager.refresh()
            await manager.refresh()
        assert set(manager.loaded) == {6, 7} and manager.engine.unloaded == [5]
        for version in (3, 4, 5, 6, 7):
            (base / str(version) / "saved_model.pb").unlink()
        await manager.refresh()
        assert manager.live == 7

    asyncio.run(life())


def test_a_broken_version_never_goes_live_and_is_tried_again_when_it_changes(base):
    save(base / "1")
    manager = manager_of(base, lines := [])

    async def life():
        await manager.start()
        new = save(base / "2", "half a model")
        for _ in range(4):
            await manager.refresh()
        assert manager.live == 1
        assert manager.states()[0] == (2, "END", "it is broken")
        assert len(lines) == 2, "said once, not at every look"
        (new / "saved_model.pb").write_text("a model")
        os.utime(new / "saved_model.pb", (1, 1))
        for _ in range(2):
            await manager.refresh()
        assert manager.live == 2 and not manager.failed

    asyncio.run(life())


def test_a_version_is_unloaded_only_when_its_requests_are_served(base):
    save(base / "1")
    manager = manager_of(base)

    async def life():
        await manager.start()
        new = save(base / "2")
        await manager.refresh()
        await manager.refresh()
        with manager.get() as loaded:
            new.rename(base / "bad")
            looking = asyncio.create_task(manager.refresh())
            await asyncio.sleep(0.1)
            assert loaded.version == 2 and manager.live == 1
            assert manager.engine.unloaded == []
        await looking
        assert manager.engine.unloaded == [2]

    asyncio.run(life())


def test_without_a_version_that_can_be_loaded_it_does_not_start(base):
    save(base / "1", "half a model")
    with pytest.raises(ValueError, match="version 1: it is broken"):
        asyncio.run(manager_of(base).start())


def test_a_folder_that_vanishes_is_said_once_and_harms_nobody(base):
    save(base / "1")
    manager, looks = manager_of(base, lines := []), []
    refresh = manager.refresh

    async def counted():
        looks.append(1)
        await refresh()

    manager.refresh = counted

    async def life():
        await manager.start()
        base.rename(base.with_name("elsewhere"))
        watching = asyncio.create_task(manager.watch(interval=0.001))
        while len(looks) < 3:
            await asyncio.sleep(0.001)
        watching.cancel()
        assert manager.get().version == 1

    asyncio.run(life())
    assert len(lines) == 2 and "stays live" in lines[1]
