"""From the body of a :predict request to an array that fits the model, or to what is wrong."""

import contextlib
import json
from typing import NamedTuple, NoReturn

import numpy as np

from dlkit.serving.protocol import DEFAULT_SIGNATURE, RequestError, Signature, quote


class Examples(NamedTuple):
    """What a request asks predictions for.

    Args:
        array: the examples in the dtype and shape of the signature, batch first.
        key: under which the response belongs, "predictions" or "outputs".
        bare: whether examples of one number stood without brackets: the answer's stand so, too.
    """

    array: np.ndarray
    key: str
    bare: bool = False


def read_request(body: bytes, signature: Signature, *, max_instances: int) -> Examples:
    """Read the body of a :predict request.

    Args:
        body: a JSON object with ``instances`` (a list with one entry per example) or with
            ``inputs`` (the whole batch); an entry of one, or all of the other, may be an object
            ``{input's name: values}``. Where an example is one number, it may stand without
            brackets. Decimals are rounded to the dtype; no other number may change.
        signature: of the model.
        max_instances: the limit for the number of examples.

    Returns:
        The ``Examples``.

    Raises:
        RequestError: 400, for anything else.

    Example:
        >>> from dlkit.serving.protocol import Signature
        >>> signature = Signature("x", "uint8", (None, 2), "y", "float32", (None, 3))
        >>> read_request(b'{"instances": [[0, 255]]}', signature, max_instances=10)
        Examples(array=array([[  0, 255]], dtype=uint8), key='predictions', bare=False)
    """
    document = _parse_json(body)
    if not isinstance(document, dict):
        raise RequestError(
            400, f'The body is {_type_name(document)}; expected an object, {{"instances": […]}}.'
        )
    name = document.get("signature_name") or DEFAULT_SIGNATURE
    if name != DEFAULT_SIGNATURE:
        is_there = isinstance(name, str) and name in signature.definitions
        reason = "is in the model, but not served" if is_there else "is not in the model"
        raise RequestError(
            400, f"The signature {quote(name)} {reason}; expected {DEFAULT_SIGNATURE!r}."
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
    items = _to_items(values, key, signature)
    if bare := items.ndim == 1 and signature.input_shape == (None, 1):
        items = items[:, None]
    array = _to_array(items, key, signature)
    return Examples(array, "predictions" if key == "instances" else "outputs", bare)


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


def _to_items(values, key, signature):
    """The values as an array of the numbers that JSON has: int and float, nothing converted."""
    items = np.array(values, dtype=object)
    kinds = set(map(type, items.ravel()))
    if list in kinds:
        raise RequestError(
            400, f'"{key}" is ragged; expected {_expected_shape(signature)}: lists of equal length.'
        )
    if not kinds <= {int, float}:
        place, found = _first(items, lambda item: type(item) not in (int, float))
        raise RequestError(
            400,
            f'"{key}" holds {_describe(found)} at {place}, which is no number; '
            f"expected {_expected_shape(signature)}.",
        )
    return items


def _to_array(items, key, signature):
    """The items as an array of the signature's dtype and shape."""
    fits = items.ndim == len(signature.input_shape) and all(
        length > 0 if size is None else length == size
        for size, length in zip(signature.input_shape, items.shape, strict=True)
    )
    if not fits:
        raise RequestError(
            400, f'"{key}" has shape {items.shape}; expected {_expected_shape(signature)}.'
        )
    return _cast(items, key, np.dtype(signature.input_dtype))


def _first(items, is_bad):
    """``("[i][j]", item)``: the first bad item, and where it is in the request's lists."""
    for place, item in np.ndenumerate(items):
        if is_bad(item):
            return "".join(f"[{index}]" for index in place), item
    raise ValueError("no item is bad")


def _describe(item):
    if isinstance(item, dict) and set(item) == {"b64"}:
        return 'the bytes of a "b64"'
    if isinstance(item, bool):
        return "true" if item else "false"
    return quote(item, 20) if isinstance(item, str) else _type_name(item)


def _expected_shape(signature):
    sizes = ", ".join("any" if size is None else str(size) for size in signature.input_shape[1:])
    return f"numbers of shape (examples, {sizes})" if sizes else "numbers of shape (examples,)"


def _cast(items, key, dtype):
    """The numbers in the dtype, if all of them can be what they were; decimals are rounded."""
    if dtype.kind == "f":
        expected = f"finite {dtype} numbers, and whole ones that {dtype} holds exactly"
        cast, bad = _to_floats(items, dtype)
    else:
        info = np.iinfo(dtype)
        expected = f"whole numbers from {info.min} to {info.max}"
        cast, bad = _to_integers(items, dtype)
    if bad is not None:
        place, found = _first(items, bad)
        shown = quote(found, 24).strip("'")
        raise RequestError(400, f'"{key}" holds {shown} at {place}; expected {expected}.')
    return cast


def _to_floats(items, dtype):
    """``(array, None)``, or ``(None, function that tells which item does not fit)``."""
    exact_up_to = 2 ** (np.finfo(dtype).nmant + 1)  # every whole number up to this one

    def changes(item):
        if type(item) is float:
            return not np.isfinite(float(_quiet(item, dtype)))
        if abs(item) <= exact_up_to:
            return False
        if item.bit_length() > 1024:
            return True
        cast = float(_quiet(float(item), dtype))
        return not np.isfinite(cast) or int(cast) != item

    try:
        numbers = items.astype(np.float64)
    except OverflowError:  # a whole number beyond float64
        return None, changes
    large = items[np.abs(numbers) >= exact_up_to]  # `numbers` may be rounded to it
    return (None, changes) if any(map(changes, large)) else (_quiet(numbers, dtype), None)


def _quiet(numbers, dtype):
    with np.errstate(over="ignore"):
        return np.asarray(numbers).astype(dtype)


def _to_integers(items, dtype):
    """As ``_to_floats``."""
    info = np.iinfo(dtype)

    def changes(item):
        if type(item) is float and (abs(item) > 2**53 or item != int(item)):
            return True  # beyond 2**53 it may have been rounded when it was read
        return not info.min <= item <= info.max

    with contextlib.suppress(OverflowError):  # the usual case, fast
        numbers = items.astype(np.float64)
        low, high = max(info.min, 1 - 2**53), min(info.max, 2**53 - 1)
        is_within = low <= numbers.min() and numbers.max() <= high
        if is_within and (numbers == np.floor(numbers)).all():
            return numbers.astype(dtype), None
    if any(map(changes, items.ravel())):
        return None, changes
    return np.array([int(item) for item in items.ravel()], dtype).reshape(items.shape), None
