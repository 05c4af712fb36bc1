"""From the body of a :predict request to an array that fits the model, or to what is wrong."""

import json
import math
from typing import NoReturn

import numpy as np

from dlkit.serving.protocol import DEFAULT_SIGNATURE, RequestError, Signature, quote


def read_request(
    body: bytes, signature: Signature, *, max_instances: int
) -> tuple[np.ndarray, str]:
    """Read the body of a :predict request.

    Args:
        body: a JSON object with ``instances`` (a list with one entry per example) or with
            ``inputs`` (the whole batch); an entry of one, or all of the other, may be an object
            ``{input's name: values}``.
        signature: of the model.
        max_instances: the limit for the number of examples.

    Returns:
        ``(array, key)``: the examples in the dtype and shape of the signature, batch first; and the
        key under which the response belongs, "predictions" or "outputs".

    Raises:
        RequestError: 400, for anything else.

    Example:
        >>> from dlkit.serving.protocol import Signature
        >>> signature = Signature("x", "uint8", (None, 2), "y", "float32", (None, 3))
        >>> read_request(b'{"instances": [[0, 255]]}', signature, max_instances=10)
        (array([[  0, 255]], dtype=uint8), 'predictions')
    """
    document = _parse_json(body)
    if not isinstance(document, dict):
        raise RequestError(
            400, f'The body is {_type_name(document)}; expected an object, {{"instances": […]}}.'
        )
    name = document.get("signature_name") or DEFAULT_SIGNATURE
    if name != DEFAULT_SIGNATURE:
        raise RequestError(
            400, f"There is no signature {quote(name)}; expected {DEFAULT_SIGNATURE!r}."
        )
    present = [key for key in ("instances", "inputs") if key in document]
    if len(present) != 1:
        keys = ", ".join(quote(key, 20) for key in list(document)[:5]) or "none"
        raise RequestError(
            400, f'Expected "instances" or "inputs", and not both; found these keys: {keys}.'
        )
    (key,) = present
    values = _strip_input_name(document[key], key, signature.input_name)
    if not isinstance(values, list) or not values:
        raise RequestError(
            400, f'"{key}" is {_type_name(values)}; expected a list with at least one example.'
        )
    if len(values) > max_instances:
        raise RequestError(
            400,
            f'"{key}" has {len(values)} examples; expected {max_instances} at most: send the rest '
            "in another request.",
        )
    array = _to_array(values, key, signature)
    return array, "predictions" if key == "instances" else "outputs"


def _parse_json(body):
    def refuse(token: str) -> NoReturn:
        raise RequestError(400, f"The body holds {token}; expected finite numbers.")

    try:
        return json.loads(body, parse_constant=refuse)
    except RequestError:
        raise
    except RecursionError:
        raise RequestError(400, "The body is nested too deeply to be read.") from None
    except ValueError as error:  # also text that is no UTF-8
        raise RequestError(400, f"The body is no JSON: {str(error)[:120]}.") from None


def _type_name(value):
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    names = {dict: "an object", str: "a string", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def _strip_input_name(values, key, input_name):
    """The values without the input's name, where the request gives it."""

    def unwrap(item):
        if set(item) != {input_name}:
            keys = ", ".join(quote(name, 20) for name in list(item)[:5]) or "none"
            raise RequestError(
                400, f'"{key}" names the inputs {keys}; expected the one input {input_name!r}.'
            )
        return item[input_name]

    if key == "inputs" and isinstance(values, dict):
        return unwrap(values)
    if key == "instances" and isinstance(values, list) and values:
        named = [isinstance(item, dict) for item in values]
        if all(named):
            return [unwrap(item) for item in values]
        if any(named):
            raise RequestError(400, f'"{key}" mixes objects and lists; expected one or the other.')
    return values


def _to_array(values, key, signature):
    """The values as an array of the signature's dtype and shape."""
    try:
        array = np.array(values)
    except (ValueError, OverflowError):
        raise RequestError(
            400, f'"{key}" is ragged; expected {_expected_shape(signature)}: lists of equal length.'
        ) from None
    if array.dtype.kind not in "iuf":
        raise RequestError(
            400,
            f'"{key}" holds something that is no number (a string, null, true, an object, or a '
            f"whole number beyond 64 bits); expected {_expected_shape(signature)}.",
        )
    fits = array.ndim == len(signature.input_shape) and all(
        length > 0 if size is None else length == size
        for size, length in zip(signature.input_shape, array.shape, strict=True)
    )
    if not fits:
        raise RequestError(
            400, f'"{key}" has shape {array.shape}; expected {_expected_shape(signature)}.'
        )
    return _cast(array, key, np.dtype(signature.input_dtype))


def _expected_shape(signature):
    sizes = ", ".join("any" if size is None else str(size) for size in signature.input_shape[1:])
    return f"numbers of shape (examples, {sizes})" if sizes else "numbers of shape (examples,)"


def _cast(array, key, dtype):
    whole = dtype.kind in "iu"
    info = np.iinfo(dtype) if whole else np.finfo(dtype)
    low, high = float(array.min()), float(array.max())
    fits = math.isfinite(low) and math.isfinite(high)
    fits = fits and float(info.min) <= low and high <= float(info.max)
    if not fits or (whole and array.dtype.kind == "f" and (array != np.floor(array)).any()):
        what = f"finite {dtype} numbers"
        if whole:
            what = f"whole numbers from {info.min} to {info.max}"
        raise RequestError(400, f'"{key}" holds numbers from {low:g} to {high:g}; expected {what}.')
    return array.astype(dtype)
