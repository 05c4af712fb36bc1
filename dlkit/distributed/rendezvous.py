"""The workers meet before TensorFlow starts, because TensorFlow itself would wait for ever.

Worker 0 listens on its own address of TF_CONFIG, every other worker says hello to it, and all get
one reply: go, or what is wrong. Then the port is free again for TensorFlow.
"""

import contextlib
import importlib.metadata
import json
import os
import socket
import time

REPLY_GRACE = 5.0  # seconds beyond the deadline in which worker 0 says who is missing
RETRY_INTERVAL = 0.1  # seconds between two attempts to reach worker 0


def read_tf_config() -> tuple[list[str], int]:
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


def rendezvous(*, timeout: float = 60.0) -> tuple[int, int]:
    """Wait until all workers of TF_CONFIG are there, with the same list of workers and TensorFlow.

    Args:
        timeout: seconds in which all workers must have come.

    Returns:
        (num_workers, index); ``(1, 0)`` at once without TF_CONFIG.

    Raises:
        ValueError: a worker has another list of workers or another TensorFlow; all are told.
        RuntimeError: a worker did not come in time, two are the same one, or this worker's port is
            in use.
    """
    addresses, index = read_tf_config()
    if len(addresses) < 2:
        if addresses:
            _listener(addresses, index).close()  # is the port free?
        return 1, 0
    hello = {
        "worker": index,
        "cluster": ", ".join(addresses),
        "TensorFlow": importlib.metadata.version("tensorflow"),
    }
    deadline = time.monotonic() + timeout
    with contextlib.closing(_listener(addresses, index)) as listener:
        if index == 0:
            kind, problem = _receive_all(listener, addresses, hello, deadline, timeout)
        else:
            kind, problem = _report_to_worker_0(addresses, hello, deadline, timeout)
    if problem:
        raise {"ValueError": ValueError}.get(kind, RuntimeError)(problem)
    return len(addresses), index


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


def _receive_all(listener, addresses, hello, deadline, timeout):
    """Worker 0: wait for the others, compare, and tell everybody. Returns (kind, problem)."""
    arrived, connections, reply = {0}, [], ["", ""]
    try:
        while len(arrived) < len(addresses) and not reply[1]:
            listener.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                break
            connections.append(connection)
            message = _receive(connection, 2.0)
            if not _is_hello(message, hello, len(addresses)):
                continue  # a stranger: refused, and the others are waited for
            worker = message["worker"]
            if worker in arrived:
                problem = f"two workers say that they are worker {worker} of TF_CONFIG"
                reply = ["RuntimeError", problem]
            arrived.add(worker)
            for name in ("cluster", "TensorFlow"):
                if message.get(name) != hello[name]:
                    problem = (
                        f"worker {worker} has another {name} than worker 0: {message.get(name)}; "
                        f"expected {hello[name]}: give all the same list of workers in TF_CONFIG, "
                        "and the same versions"
                    )
                    reply = ["ValueError", problem]
        missing = [f"{i} ({a})" for i, a in enumerate(addresses) if i not in arrived]
        if missing and not reply[1]:
            problem = (
                f"worker {', '.join(missing)} did not come within {timeout:g} s, so nobody starts; "
                "look at what that worker wrote, or start as many workers as TF_CONFIG lists"
            )
            reply = ["RuntimeError", problem]
        for connection in connections:
            _send(connection, reply)
    finally:
        for connection in connections:
            connection.close()
    return reply


def _is_hello(message, hello, num_workers):
    """Whether a message is a worker's: with all that a worker says, of the right types."""
    return (
        isinstance(message, dict)
        and message.keys() == hello.keys()
        and all(type(message[name]) is type(hello[name]) for name in hello)
        and message["worker"] in range(1, num_workers)
    )


def _is_reply(reply):
    return isinstance(reply, list) and [type(part) for part in reply] == [str, str]


def _report_to_worker_0(addresses, hello, deadline, timeout):
    """Another worker: say hello to worker 0, and hear its reply."""
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(_host_and_port(addresses[0]), timeout=2.0) as connection:
                _send(connection, hello)
                reply = _receive(connection, deadline + REPLY_GRACE - time.monotonic())
                if _is_reply(reply):
                    return reply
        except OSError:
            pass  # not there yet
        time.sleep(RETRY_INTERVAL)
    problem = (
        f"worker 0 ({addresses[0]}) did not reply to worker {hello['worker']} within {timeout:g} "
        "s; look at what worker 0 wrote, or start it"
    )
    return "RuntimeError", problem


def _send(connection, message):
    with contextlib.suppress(OSError):  # who has gone needs no reply
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
    except (OSError, ValueError, RecursionError):
        return None
