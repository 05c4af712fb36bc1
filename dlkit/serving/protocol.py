"""TensorFlow Serving's REST protocol as plain data: paths, requests, responses. No server in here.

Source: https://www.tensorflow.org/tfx/serving/api_rest. Of it there are the status of a model and
of a version, its metadata, and predictions by the signature ``serving_default``, in both formats,
for a model with one input and one output of numbers. Not there, and refused with a word: classify
and regress, labels of versions, other signatures, several inputs or outputs, strings and ``b64``.

Four things differ on purpose. NaN and infinity, which are no JSON, are refused in a request, and
where a model's output holds them, the status is 500. A number that its dtype cannot hold is refused
(decimals are rounded; a whole number may be written ``2.0``). Examples of one number each may stand
without brackets whatever the model says of its shape. A wrong method gets status 405.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DEFAULT_SIGNATURE = "serving_default"
TF_TYPES = {
    "float16": "DT_HALF",
    "float32": "DT_FLOAT",
    "float64": "DT_DOUBLE",
    "int8": "DT_INT8",
    "int16": "DT_INT16",
    "int32": "DT_INT32",
    "int64": "DT_INT64",
    "uint8": "DT_UINT8",
    "uint16": "DT_UINT16",
    "uint32": "DT_UINT32",
    "uint64": "DT_UINT64",
}
_PATH = re.compile(
    r"/v1/models/(?P<model>[^/:]+)(?:/(?P<by>versions|labels)/(?P<version>[^/:]+))?"
    r"(?P<action>/metadata|:predict|:classify|:regress)?"
)


class RequestError(ValueError):
    """A request that gets no prediction: the HTTP status, and one sentence for the client.

    Args:
        status: 4xx where the client must change something, 5xx where it may ask again.
        message: what was found, what was expected.
        headers: HTTP headers that belong to the status, such as Allow.
    """

    def __init__(self, status: int, message: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = tuple(headers)


@dataclass(frozen=True)
class Signature:
    """The one input and one output of a model. Shapes begin with the batch; None is any size.

    ``definitions`` has all signatures of the file, by name, as its metadata show them; empty for a
    file that has no such thing.
    """

    input_name: str
    input_dtype: str
    input_shape: tuple
    output_name: str
    output_dtype: str
    output_shape: tuple
    definitions: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def form(self) -> str:
        """The dtypes and shapes: what must stay for clients of another version to go on."""
        return (
            f"{self.input_dtype}{_shown(self.input_shape)} -> "
            f"{self.output_dtype}{_shown(self.output_shape)}"
        )


def _shown(shape):
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"


@dataclass(frozen=True)
class Target:
    """What a path asks for: status, metadata or predict; without a version, of the live one."""

    model: str
    version: int | None
    action: str


def parse_target(method: str, path: str) -> Target:
    """Read the method and path of a request.

    Args:
        method: GET, POST, …; HEAD counts as GET.
        path: without the query.

    Returns:
        A ``Target``.

    Raises:
        RequestError: 404 for another path or a label, 400 for a version that is no number, 405 for
            a method that does not go with the path, 501 for classify and regress.

    Example:
        >>> parse_target("POST", "/v1/models/digits/versions/2:predict")
        Target(model='digits', version=2, action='predict')
    """
    match = _PATH.fullmatch(path)
    if not match:
        raise RequestError(
            404,
            f"There is nothing at {quote(path)}; expected /v1/models/NAME, …/metadata "
            "or /v1/models/NAME:predict, with /versions/NUMBER after NAME if you like.",
        )
    version = match["version"]
    if match["by"] == "labels":
        raise RequestError(404, "Versions have no labels here; expected /versions/NUMBER.")
    if version is not None and not re.fullmatch(r"[0-9]{1,18}", version):
        raise RequestError(400, f"The version is {quote(version)}; expected a whole number.")
    action = (match["action"] or "status").strip("/:")
    if action in ("classify", "regress"):
        raise RequestError(
            501, f":{action} is not served; expected :predict, with the numbers of each example."
        )
    allowed = ("POST",) if action == "predict" else ("GET", "HEAD")
    check_method(method, allowed, path)
    return Target(match["model"], None if version is None else int(version), action)


def check_method(method: str, allowed: tuple[str, ...], path: str) -> None:
    """Raise RequestError 405, with the header Allow, unless the method is allowed."""
    if method not in allowed:
        raise RequestError(
            405,
            f"{quote(path)} takes {allowed[0]}, not {quote(method)}.",
            headers=[("allow", ", ".join(allowed))],
        )


def quote(text: object, max_chars: int = 80) -> str:
    """A client's text as a message may show it: in quotes, and not too long."""
    text = str(text)
    return repr(text if len(text) <= max_chars else text[: max_chars - 1] + "…")


def predict_response(
    predictions: np.ndarray, key: str, *, output_name: str, bare: bool = False
) -> dict:
    """The document that a prediction returns: array (batch, …) -> ``{key: nested lists}``.

    Args:
        predictions: of the model, batch first.
        key: "predictions" or "outputs".
        output_name: of the model's output, for the error.
        bare: predictions of one number each go out without brackets.

    Raises:
        RequestError: 500, it holds NaN or infinity, for which JSON has no word.

    Example:
        >>> predict_response(np.array([[2.5], [3.0]]), "predictions", output_name="y", bare=True)
        {'predictions': [2.5, 3.0]}
    """
    is_finite = np.isfinite(predictions)
    if not is_finite.all():
        place = tuple(int(index) for index in np.argwhere(~is_finite)[0])
        where = "".join(f"[{index}]" for index in place)
        raise RequestError(
            500,
            f"The model's output {quote(output_name)} is {predictions[place]} at {where}, and JSON "
            "has no such number: the model cannot predict this.",
        )
    if bare and predictions.shape[1:] == (1,):
        predictions = predictions[:, 0]
    return {key: predictions.tolist()}


def status_response(states: Iterable[tuple[int, str, str]]) -> dict:
    """The document of GET /v1/models/NAME.

    Args:
        states: ``(version, state, error)``: state is LOADING, AVAILABLE or END; error is
            "" or the reason.

    Example:
        >>> status_response([(1, "AVAILABLE", "")])["model_version_status"][0]["version"]
        '1'
    """
    return {
        "model_version_status": [
            {
                "version": str(version),
                "state": state,
                "status": {"error_code": "UNKNOWN" if error else "OK", "error_message": error},
            }
            for version, state, error in states
        ]
    }


def metadata_response(name: str, version: int, signature: Signature) -> dict:
    """The document of GET /v1/models/NAME/metadata: all signatures, with the file's own names."""

    def tensor(tensor_name, dtype, shape):
        sizes = [{"size": str(-1 if size is None else size), "name": ""} for size in shape]
        return {
            "dtype": TF_TYPES[dtype],
            "tensor_shape": {"dim": sizes, "unknown_rank": False},
            "name": f"{DEFAULT_SIGNATURE}_{tensor_name}:0",
        }

    s = signature
    definition = {
        "inputs": {s.input_name: tensor(s.input_name, s.input_dtype, s.input_shape)},
        "outputs": {s.output_name: tensor(s.output_name, s.output_dtype, s.output_shape)},
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }
    definitions = dict(s.definitions) or {DEFAULT_SIGNATURE: definition}
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": definitions}},
    }
