"""The service without Ray: paths, bodies, versions on the disk, and which of them is live."""

import asyncio
import json
import os
from dataclasses import replace

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
        ("POST", "/v1/models/digits:classify", 501, ":classify is not served; expected :predict"),
        ("POST", "/v1/models/digits/versions/1:regress", 501, "expected :predict"),
        ("POST", "/v1/models/digits:train", 404, "NAME:predict"),
        ("POST", "/v1/models/digits/labels/stable:predict", 404, "expected /versions/NUMBER"),
        ("GET", "/v1/models/digits/labels/stable", 404, "no labels"),
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
    array, response_key, bare = read(document)
    assert response_key == key and not bare
    assert array.dtype == np.uint8 and array.tolist() == [ONE]


def test_floats_take_whole_numbers_and_any_size_takes_any_size():
    array = read({"instances": [[1, 2.5]]}, REALS).array
    assert array.dtype == np.float32 and array.tolist() == [[1, 2.5]]
    assert read({"instances": [[1, 2, 3]]}, ANY_SIZE).array.shape == (1, 3)


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
    "booleans among numbers": ({"instances": [[[0, 1], [2, True]]]}, "true at [0][1][1]"),
    "a string among numbers": ({"instances": [[[0, 1], ["2", 3]]]}, "'2' at [0][1][0]"),
    "bytes": ({"instances": [[[0, 1], [{"b64": "AA=="}, 3]]]}, 'a "b64" at [0][1][0]'),
    "huge integer": ({"instances": [[[10**30, 1], [2, 3]]]}, "at [0][0][0]; expected whole"),
    "very huge integer": ({"instances": [[[0, 1], [10**400, 3]]]}, "at [0][1][0]"),
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


# NumPy's and Python's exact arithmetic decide what a dtype can hold: the oracle is neither's cast.
KEPT = {
    "float16": [2048, -2048, 65504, 0.1, 2.0],
    "float32": [2**24, -(2**24), 2**24 + 2, 2**100, 16777217.0, 0.1, 3.4e38],
    "float64": [2**53, 2**53 + 2, 10**22, 0.1, 1e308],
    "int8": [-128, 127, 5.0],
    "uint8": [0, 255, 2e0],
    "int64": [2**63 - 1, -(2**63), 2**53 + 1, 2.0**53],
    "uint64": [2**64 - 1, 0],
}
CHANGED = {
    "float16": [2049, 65520, 1e5, -1e5],
    "float32": [2**24 + 1, -(2**24) - 1, 10**30, 2**128, 1e39, -1e39],
    "float64": [2**53 + 1, 10**23, 10**400],
    "int8": [-129, 128, 1.5, -0.5],
    "uint8": [-1, 256, 254.5],
    "int64": [2**63, -(2**63) - 1, 1e18, 0.5],
    "uint64": [2**64, -1, 1e19],
}


@pytest.mark.parametrize("dtype", KEPT)
def test_a_number_is_taken_as_it_is_or_refused_with_its_place(dtype):
    signature = replace(REALS, input_dtype=dtype)
    for number in KEPT[dtype]:
        array = read({"instances": [[0, number]]}, signature).array
        assert array.dtype == dtype
        if isinstance(number, int):
            assert int(array[0, 1]) == number, "exactly"
        else:
            assert array[0, 1] == np.dtype(dtype).type(number)
    for number in CHANGED[dtype]:
        status, sentence = refused(read, {"instances": [[0, 0], [0, number]]}, signature)
        assert status == 400 and " at [1][1]; expected " in sentence, number
        assert ("finite" if "float" in dtype else "whole numbers from") in sentence


def test_empty_examples_are_refused():
    assert refused(read, {"instances": [[]]}, ANY_SIZE)[0] == 400


def test_examples_of_one_number_may_stand_without_brackets_and_so_does_the_answer():
    column = replace(REALS, input_shape=(None, 1), output_shape=(None, 1))
    array, key, bare = read({"instances": [1.0, 2.0, 5.0]}, column)
    assert array.tolist() == [[1], [2], [5]] and bare
    predictions = (0.5 * array + 2).astype(np.float32)
    document = protocol.predict_response(predictions, key, output_name="y", bare=bare)
    assert document == {"predictions": [2.5, 3.0, 4.5]}
    array, key, bare = read({"instances": [[1.0], [2.0]]}, column)
    assert array.tolist() == [[1], [2]] and not bare
    assert refused(read, {"instances": [1.0, 2.0]}, REALS)[0] == 400


@pytest.mark.parametrize("name", ["regress_x_to_y", "train", 7, ["serving_default"]])
def test_another_signature_is_refused_whether_the_model_has_it_or_not(name):
    signature = replace(REALS, definitions={"serving_default": {}, "regress_x_to_y": {}})
    document = {"signature_name": name, "instances": [[1, 2]]}
    status, sentence = refused(read, document, signature)
    wanted = "in the model, but not served" if name == "regress_x_to_y" else "not in the model"
    assert status == 400 and wanted in sentence and "expected 'serving_default'" in sentence


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


def test_the_metadata_show_the_signatures_of_the_file():
    definitions = {"serving_default": {"inputs": {"x": {"name": "x:0"}}}, "other": {}}
    document = protocol.metadata_response("m", 1, replace(REALS, definitions=definitions))
    assert document["metadata"]["signature_def"]["signature_def"] == definitions


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_output_that_json_cannot_hold_is_an_error_that_names_it(bad):
    predictions = np.array([[0, 1], [2, bad]], np.float32)
    status, sentence = refused(protocol.predict_response, predictions, "outputs", output_name="y")
    assert status == 500 and f"output 'y' is {bad} at [1][1]" in sentence


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


@pytest.mark.parametrize("name", ["٣", "３", "³", "-3", "3.0", " 3", 19 * "9"])
def test_a_version_is_digits_from_0_to_9(name, tmp_path):
    """Arabic, full-width and raised digits, which Python takes for digits as well."""
    save(tmp_path / "2")
    save(tmp_path / name)
    assert versions.find_versions(tmp_path) == {2: tmp_path / "2"}


@pytest.fixture
def links(tmp_path):
    """Makes a link, or skips the test where this account may not."""

    def link(path, target):
        try:
            path.symlink_to(target)
        except OSError as error:
            pytest.skip(f"no links here: {error}")

    return link


def test_links_that_lead_nowhere_or_in_a_circle_block_nothing(tmp_path, links):
    one, two = save(tmp_path / "1"), save(tmp_path / "2")
    links(two / "itself", "itself")
    links(two / "above", "..")
    links(two / "nothing", "none")
    links(tmp_path / "3", "3")
    (tmp_path / "4").mkdir()
    links(tmp_path / "4" / "a.keras", "a.keras")
    links(tmp_path / "5", "2")
    assert versions.find_versions(tmp_path) == {1: one, 2: two, 5: tmp_path / "5"}
    (entry,) = versions.fingerprint(two)
    assert entry[0].endswith("saved_model.pb")
    assert len(versions.fingerprint(tmp_path / "5")) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_model_and_is_not_waited_for(tmp_path):
    save(tmp_path / "1")
    for number, name in ((2, "saved_model.pb"), (3, "a.keras")):
        (tmp_path / str(number)).mkdir()
        os.mkfifo(tmp_path / str(number) / name)
    assert set(versions.find_versions(tmp_path)) == {1}


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
        assert manager.states()[0] == (2, "END", "It cannot be loaded; the service's log says why.")
        assert str(base) not in str(manager.states()), "clients are told no path"
        assert len(lines) == 2, "said once, not at every look"
        assert lines[1] == f"version 2 cannot be loaded: it is broken, in {new}"
        (new / "saved_model.pb").write_text("a model")
        os.utime(new / "saved_model.pb", (1, 1))
        for _ in range(2):
            await manager.refresh()
        assert manager.live == 2 and not manager.failed

    asyncio.run(life())


def test_a_version_that_cannot_be_read_does_not_block_the_next(base, links):
    save(base / "1")
    manager = manager_of(base, lines := [])

    async def life():
        await manager.start()
        links(save(base / "2", "half a model") / "itself", "itself")
        save(base / "3")
        for _ in range(2):
            await manager.refresh()
        assert manager.live == 3

    asyncio.run(life())
    assert lines == ["version 1 is live", "version 3 is live"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input_shape": (None, 3, 3)}, "uint8(any, 3, 3) -> float32(any, 3)"),
        ({"input_dtype": "float32"}, "float32(any, 2, 2) -> float32(any, 3)"),
        ({"output_shape": (None, 4)}, "uint8(any, 2, 2) -> float32(any, 4)"),
    ],
)
def test_a_version_of_another_form_goes_live_only_if_that_is_allowed(base, change, words):
    save(base / "1")

    async def life(manager):
        await manager.start()
        manager.engine.signatures[2] = replace(PICTURES, **change)
        save(base / "2")
        for _ in range(3):
            await manager.refresh()
        return manager

    manager = asyncio.run(life(manager_of(base, lines := [])))
    assert manager.live == 1 and manager.engine.unloaded == [2]
    assert len(lines) == 2 and words in lines[1] and "--allow-new-shapes" in lines[1]
    (base / "2" / "saved_model.pb").unlink()
    (base / "2").rmdir()
    manager = VersionManager(base, Engine(), [].append, any_form=True)
    assert asyncio.run(life(manager)).live == 2


def test_another_name_of_the_input_is_no_other_form(base):
    """Keras numbers its tensors; clients that name none do not see it."""
    assert PICTURES.form() == replace(PICTURES, input_name="keras_tensor_7").form()


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
