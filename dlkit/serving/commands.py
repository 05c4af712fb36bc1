"""`python -m dlkit serve MODEL`: its options, and its life from start to stop."""

import argparse
import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dlkit.machine import missing_packages

REQUIRED_PACKAGES = ("ray", "uvicorn", "prometheus_client")
DESCRIPTION = """
Serves a model under TensorFlow Serving's REST protocol: GET /v1/models/NAME and …/metadata, POST
/v1/models/NAME:predict, also with /versions/N after NAME; for a model that takes numbers by one
input and gives them by one output. / is a page to draw a digit on, /healthz says whether it works,
/metrics counts in Prometheus's format.
MODEL is a .keras file, a folder that model.export() wrote, or a folder with such folders or files
in sub-folders 1, 2, 3, …: the highest number is live. Put a folder with a higher number there, and
it goes live without a lost request; take it away again, and the one before is back within seconds.
Raw pixels go in if the model begins with its own preprocessing. Serve only models that you trust.
"""


def integer(low: int, high: int) -> Callable[[str], int]:
    """A type for argparse: a whole number from low to high."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """A type for argparse: a number from low to high."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {low} to {high}")
        return number

    return parse


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add serve to the subparsers of the command line."""
    serve = commands.add_parser(
        "serve", help="a model as a service, as TensorFlow Serving does it", description=DESCRIPTION
    )
    add = serve.add_argument
    add("model", metavar="MODEL", help="a .keras file or a folder: see above")
    add("--name", help="of the model, in the address (default: that of the file or folder)")
    add("--host", default="127.0.0.1", help="%(default)s: only this machine can reach it")
    add("--port", type=integer(0, 65535), default=8501, help="%(default)s; 0: a free one")
    add("--replicas", type=integer(1, 64), default=2, help="processes with the model (%(default)s)")
    add(
        "--max-batch",
        type=integer(1, 1024),
        default=32,
        help="requests that are computed together at most (%(default)s; 1: no batching)",
    )
    add(
        "--batch-wait",
        type=number(0, 1000),
        default=0.0,
        metavar="MS",
        help="milliseconds that a request waits for others (0: it never waits for nothing)",
    )
    add(
        "--max-body",
        type=integer(1, 1024),
        default=8,
        metavar="MIB",
        help="size of a request in MiB (%(default)s)",
    )
    add(
        "--max-instances",
        type=integer(1, 10**6),
        default=1024,
        metavar="N",
        help="examples in a request (%(default)s)",
    )
    add(
        "--timeout",
        type=number(0.1, 3600),
        default=10.0,
        metavar="S",
        help="seconds for a request to arrive, and again for its prediction (%(default)s)",
    )
    add(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which clients reach this machine, beside localhost (repeat it; *: any)",
    )
    add(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a site whose pages may use it, https://example.org (repeat it; *: any)",
    )
    add(
        "--allow-new-shapes",
        action="store_true",
        help="a new version may take or give other shapes or dtypes than the live one",
    )
    add(
        "--stop-with-stdin",
        action="store_true",
        help="stop when standard input ends: with the program that started it",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl+C or SIGTERM; the exit status: 2 if it cannot be done, 1 if Ray is lost."""
    if problem := missing_packages(*REQUIRED_PACKAGES):
        return _fail(problem)
    try:
        _check_models(options.model)
        path = Path(options.model).resolve()
        name = options.name or (path.stem if path.suffix == ".keras" else path.name)
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
            raise ValueError(f"the name {name!r} has other characters than A-Z a-z 0-9 _.-: --name")
        server_socket = _listen(options.host, options.port)
    except (ValueError, OSError) as error:
        return _fail(error)
    with server_socket:
        return _serve(options, name, server_socket)


def _check_models(base):
    """Refuse at once what cannot be served, without a start of Ray.

    Raises:
        ValueError: it is no model, or no version of it can be one.
    """
    from dlkit.serving import versions

    problems = {}
    found = versions.find_versions(base)
    for version, path in found.items():
        try:
            versions.check_model(path)
        except (ValueError, OSError) as error:
            problems[version] = f"version {version}: {error}" if len(found) > 1 else str(error)
    if found and len(problems) == len(found):
        raise ValueError(f"{base}: {'; '.join(problems.values())}")


def _fail(reason):
    print(f"dlkit serve: {reason}", file=sys.stderr)
    return 2


def _log(line):
    print(f"dlkit serve: {line}", flush=True)


def _listen(host, port):
    """A socket that listens, before anything slow begins.

    Raises:
        ValueError: the port is in use, or the host is not this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server_socket = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ValueError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; choose another "
            "--port (0: a free one) or --host"
        ) from None
    # asyncio sees to this only for sockets that it made itself. Without it, responses wait 40 ms
    # for the client to confirm their first half.
    server_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server_socket


def _serve(options, name, server_socket):
    from dlkit.serving.access import EVERYWHERE, Access
    from dlkit.serving.engine import RayEngine
    from dlkit.serving.gateway import Gateway, Limits
    from dlkit.serving.metrics import Metrics
    from dlkit.serving.version_manager import VersionManager

    _raise_file_limit()
    metrics = Metrics()
    engine = RayEngine(
        name,
        replicas=options.replicas,
        max_batch=options.max_batch,
        batch_wait_seconds=options.batch_wait / 1000,
        on_retry=metrics.record_retry,
        on_loss=_report_loss,
    )
    manager = VersionManager(options.model, engine, _log, any_form=options.allow_new_shapes)
    limits = Limits(
        max_body_bytes=options.max_body * 2**20,
        max_instances=options.max_instances,
        timeout=options.timeout,
    )
    access = Access(
        hosts=frozenset(name.lower() for name in (options.host, *options.allow_host)),
        origins=frozenset(options.allow_origin),
        any_address=options.host in EVERYWHERE,
    )
    count = f"{options.replicas} replica{'s' if options.replicas > 1 else ''}"
    _log(f"starting {count} of {name}; this takes some seconds")
    try:
        engine.start()
        # From here on, SIGTERM stops it as Ctrl+C does: everything below is wound up.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if options.stop_with_stdin:
            threading.Thread(target=_stop_after_stdin, daemon=True).start()
        gateway = Gateway(name, manager, metrics, limits, access)
        asyncio.run(_run_server(gateway, manager, server_socket))
    except ValueError as error:
        return _fail(error)
    except KeyboardInterrupt:
        pass
    finally:
        engine.stop()
    _log("stopped")
    return 0


def _raise_file_limit():
    """As many connections as the system lets this process have; often 1,024 unless it asks."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # on Windows, or where it may not
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        enough = 10_240 if hard == resource.RLIM_INFINITY else min(hard, 10_240)
        if 0 <= soft < enough:  # or else there is no limit, or a higher one
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


def _report_loss(process):
    """Ray has lost a process of its own, and does not come back; whoever supervises this may."""
    reason = f"Ray's process {process} has ended, and with it the replicas; start the service again"
    print(f"dlkit serve: {reason}", file=sys.stderr, flush=True)


def _stop_after_stdin():
    while os.read(0, 4096):  # sys.stdin would hold a lock when Python ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


async def _run_server(gateway, manager, server_socket):
    await manager.start()
    host, port = server_socket.getsockname()[:2]
    if host not in ("127.0.0.1", "::1"):
        _log("whoever reaches this machine can use it: no password, no encryption")
    address = f"[{host}]" if ":" in host else host
    _log(f"listening on http://{address}:{port}/v1/models/{gateway.name} (Ctrl+C stops it)")
    watcher = asyncio.create_task(manager.watch(interval=1))
    try:
        await web_server(gateway).serve(sockets=[server_socket])
    finally:
        watcher.cancel()


def web_server(gateway: Callable) -> Any:
    """uvicorn's server in front of the gateway, with limits for its clients' connections."""
    import uvicorn

    from dlkit.serving.connections import MAX_HEAD_BYTES, Connection

    config = uvicorn.Config(
        gateway,
        http=Connection,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        lifespan="off",
        ws="none",
        log_level="error",  # a client's bad HTTP is told to the client
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    return uvicorn.Server(config)
