"""The workers meet before TensorFlow starts, because TensorFlow itself would wait for ever.

Worker 0 listens on its own address of TF_CONFIG, every other worker tells it what it is about to
do, and all get one answer: go, or what is wrong. Then the port is free again for TensorFlow.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import socket
import time

import numpy as np

PATIENCE = 5.0  # seconds beyond the deadline in which worker 0 says who is missing
RETRY = 0.1  # seconds between two attempts to reach worker 0
LONGEST = 200  # characters of a fact that are shown; of a longer one its digest is compared


def read_tf_config():
    """The workers' addresses and the number of this one, from the variable TF_CONFIG.

    Returns:
        (addresses, index): list of "host:port", the chief's first, and int. Without TF_CONFIG
        ``([], 0)``: one worker, alone.

    Raises:
        ValueError: TF_CONFIG is there and makes no sense.

    Example:
        >>> os.environ["TF_CONFIG"] = (
        ...     '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}'
        ... )
        >>> read_tf_config()
        (['a:1', 'b:1'], 1)
        >>> del os.environ["TF_CONFIG"]
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return [], 0
    try:
        config = json.loads(text)
        chief, workers = (config["cluster"].get(job, []) for job in ("chief", "worker"))
        kind, index = config["task"]["type"], int(config["task"]["index"])
        addresses = [*chief, *workers]
        place = {"chief": 0, "worker": len(chief)}[kind] + index
        if place not in range(len(addresses)):
            raise ValueError(f"the cluster has no {kind} {index}")
        [_host_and_port(address) for address in addresses]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"TF_CONFIG is {text!r} ({type(error).__name__}: {error}); expected "
            '{"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}'
        ) from error
    return addresses, place


def meet(facts, *, timeout=60.0):
    """Wait for all workers of TF_CONFIG, and make sure that they are about to do the same.

    Args:
        facts: dict from names to what all workers must agree about: what JSON can hold, or NumPy
            arrays, of which dtype, shape and a digest are compared. The versions of TensorFlow,
            Keras and NumPy are added.
        timeout: seconds in which all workers must have come.

    Returns:
        (num_workers, index): two int; ``(1, 0)`` at once without TF_CONFIG.

    Raises:
        ValueError: workers disagree; every worker gets the same message.
        RuntimeError: a worker did not come in time, two are the same one, or this worker's port is
            in use.
    """
    addresses, index = read_tf_config()
    if len(addresses) < 2:
        if addresses:
            _listener(addresses, index).close()  # is the port free?
        return 1, 0
    facts = {"the cluster": ", ".join(addresses), **facts, **_versions()}
    facts = {name: describe(value) for name, value in facts.items()}
    deadline = time.monotonic() + timeout
    with contextlib.closing(_listener(addresses, index)) as listener:
        if index == 0:
            kind, problem = _receive_all(listener, addresses, facts, deadline, timeout)
        else:
            kind, problem = _ask_worker_0(addresses, index, facts, deadline, timeout)
    if problem:
        raise {"ValueError": ValueError}.get(kind, RuntimeError)(problem)
    return len(addresses), index


def describe(value):
    """A fact as a short text: equal texts for equal facts.

    Example:
        >>> describe(np.zeros((2, 3), "float32"))  # doctest: +ELLIPSIS
        'float32 array of shape (2, 3), SHA-256 ...'
        >>> describe({"b": 1, "a": (2, 3)})
        '{"a": [2, 3], "b": 1}'
    """
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(value.tobytes()).hexdigest()
        return f"{value.dtype} array of shape {value.shape}, SHA-256 {digest[:12]}…"
    text = json.dumps(value, sort_keys=True, default=repr)
    if len(text) > LONGEST:
        digest = hashlib.sha256(text.encode()).hexdigest()
        text = f"{text[: LONGEST - 40]}… (SHA-256 {digest[:12]}…)"
    return text


def disagreement(by_worker):
    """What the first difference between worker 0 and another is, in words; "" if there is none.

    Args:
        by_worker: dict from a worker's number to its facts, dict from name to text.

    Example:
        >>> disagreement({0: {"batch_size": "32"}, 1: {"batch_size": "64"}})
        'workers disagree about batch_size: 32 for worker 0, 64 for worker 1; start all with the \
same configuration, data and code'
    """
    first = by_worker[0]
    for worker, facts in sorted(by_worker.items()):
        for name in [*first, *(name for name in facts if name not in first)]:
            ours, theirs = first.get(name, "nothing"), facts.get(name, "nothing")
            if ours != theirs:
                return (
                    f"workers disagree about {name}: {ours} for worker 0, {theirs} for worker "
                    f"{worker}; start all with the same configuration, data and code"
                )
    return ""


def _versions():
    names = ("tensorflow", "keras", "numpy")
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[f"the version of {name}"] = importlib.metadata.version(name)
    return found


def _host_and_port(address):
    host, _, port = address.rpartition(":")
    if not host or not 0 < int(port) < 65536:
        raise ValueError(f"{address!r} is no host:port")
    return host.strip("[]"), int(port)


def _listener(addresses, index):
    """This worker's own port, taken: nobody else has it, and nobody else gets it."""
    host, port = _host_and_port(addresses[index])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # where it would let two programs have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(len(addresses))
    except OSError as error:
        listener.close()
        raise RuntimeError(
            f"worker {index} cannot listen on {addresses[index]} ({error.strerror}): another "
            "program uses this port, or the address is not of this machine. Choose another port, "
            "or end that program"
        ) from error
    return listener


def _receive_all(listener, addresses, facts, deadline, timeout):
    """Worker 0: wait for the others, compare, and tell everybody. Returns (kind, problem)."""
    by_worker, connections, answer = {0: facts}, [], ["", ""]
    try:
        while len(by_worker) < len(addresses) and not answer[1]:
            listener.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                break
            connections.append(connection)
            message = _receive(connection, 2.0)
            if not isinstance(message, dict) or message.get("worker") not in range(len(addresses)):
                continue  # a stranger
            if message["worker"] in by_worker:
                problem = f"two workers say that they are worker {message['worker']} of TF_CONFIG"
                answer = ["RuntimeError", problem]
            by_worker.setdefault(message["worker"], message["facts"])
        missing = [f"{i} ({a})" for i, a in enumerate(addresses) if i not in by_worker]
        if missing and not answer[1]:
            problem = (
                f"worker {', '.join(missing)} did not come within {timeout:g} s, so nobody starts; "
                "look at what that worker wrote, or start as many workers as TF_CONFIG lists"
            )
            answer = ["RuntimeError", problem]
        elif not answer[1]:
            answer = ["ValueError", disagreement(by_worker)]
        for connection in connections:
            _send(connection, answer)
    finally:
        for connection in connections:
            connection.close()
    return answer


def _ask_worker_0(addresses, index, facts, deadline, timeout):
    """Another worker: tell worker 0 what is planned, and hear the answer."""
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(_host_and_port(addresses[0]), timeout=2.0) as connection:
                _send(connection, {"worker": index, "facts": facts})
                answer = _receive(connection, deadline + PATIENCE - time.monotonic())
                if isinstance(answer, list) and len(answer) == 2:
                    return answer
        except OSError:
            pass  # not there yet
        time.sleep(RETRY)
    problem = (
        f"worker 0 ({addresses[0]}) did not answer worker {index} within {timeout:g} s; look at "
        "what worker 0 wrote, or start it"
    )
    return "RuntimeError", problem


def _send(connection, message):
    with contextlib.suppress(OSError):  # who has gone needs no answer
        connection.sendall(json.dumps(message).encode() + b"\n")


def _receive(connection, seconds):
    """One line of JSON; None if the other end goes, is too slow, or sends something else."""
    deadline, text = time.monotonic() + seconds, b""
    try:
        while not text.endswith(b"\n"):
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = connection.recv(65536)
            text += piece
            if not piece or len(text) > 1_000_000:
                return None
        return json.loads(text)
    except (OSError, ValueError):
        return None
