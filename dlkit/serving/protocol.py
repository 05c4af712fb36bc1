"""TensorFlow Serving's REST protocol as plain data: paths, requests, responses. No server in here.

Source: https://www.tensorflow.org/tfx/serving/api_rest. Two things differ on purpose: NaN and
infinity are refused (they are no JSON, and no picture), and a wrong method gets status 405.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

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
    r"/v1/models/(?P<model>[^/:]+)(?:/versions/(?P<version>[^/:]+))?(?P<action>/metadata|:predict)?"
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
    """The one input and one output of a model. Shapes begin with the batch; None is any size."""

    input_name: str
    input_dtype: str
    input_shape: tuple
    output_name: str
    output_dtype: str
    output_shape: tuple


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
        RequestError: 404 for another path, 400 for a version that is no number, 405 for a method
            that does not go with the path.

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
    if version is not None and not re.fullmatch(r"[0-9]{1,18}", version):
        raise RequestError(400, f"The version is {quote(version)}; expected a whole number.")
    action = (match["action"] or "status").strip("/:")
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


def predict_response(predictions: np.ndarray, key: str) -> dict:
    """The document that a prediction returns: array (batch, …) -> ``{key: nested lists}``."""
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
    """The document of GET /v1/models/NAME/metadata."""

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
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": {DEFAULT_SIGNATURE: definition}}},
    }
