"""Requests per second and latency of `python -m dlkit serve`, with and without batching.

    .venv/bin/python benchmarks/serving.py [--requests 1000] [--replicas 2]

Lesson 08's convolutional network behind the service, one digit per request, 1, 8 and 32 clients
that send one request after another, from this machine: clients and service share its cores. Needs
requirements-cloud.txt. Beside it, without a service: what the model takes for a digit, and for 32.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from dlkit.machine import print_anything, start_keras
from dlkit.serving.local import PERCENTILES, LoadTest, Service, latency_ms

CLIENTS = (1, 8, 32)
WARM_UP = 100  # requests, not counted


def digit_classifier():
    """Raw pixels -> probabilities. Untrained: the arithmetic is the same."""
    import keras
    from keras import layers

    from dlkit import models

    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Reshape((28, 28, 1)),
            models.convnet((28, 28, 1), 10),
            layers.Softmax(),
        ]
    )


def percentiles(seconds):
    """p50, p95 and p99 in milliseconds, as cells of a table."""
    return " | ".join(f"{latency_ms(seconds, percentile):.1f}" for percentile in PERCENTILES)


def in_process(folder, images, repeats=200):
    """Rows for the model alone, without any service."""
    from dlkit.serving.loading import load_model

    predict, _ = load_model(folder)
    for size in (1, 32):
        seconds = []
        for _ in range(repeats):
            begun = time.perf_counter()
            predict(images[:size])
            seconds.append(time.perf_counter() - begun)
        print(f"| {size} | {size * repeats / sum(seconds):,.0f} | {percentiles(seconds)} |")


def measure(service, bodies, clients, requests):
    """A row for so many clients."""
    LoadTest(service, bodies, clients, WARM_UP).run()
    load = LoadTest(service, bodies, clients, requests)
    load.run()
    cells = f"{load.sent} | {load.completed} | {load.throughput:,.0f}"
    return f"{cells} | {percentiles(load.latencies)}"


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000, help="per row (default: 1000)")
    parser.add_argument("--replicas", type=int, default=2)
    options = parser.parse_args()
    print(start_keras() + "\n")
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28), dtype=np.uint8)
    bodies = [json.dumps({"instances": [image.tolist()]}).encode() for image in images]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "digits"
        digit_classifier().export(model, verbose=False)
        print("| the model alone, digits at a time | digits / s | p50 ms | p95 ms | p99 ms |")
        print("|--:|--:|--:|--:|--:|")
        in_process(model, images)
        print("\n| batching | clients | sent | completed | requests / s | p50 ms | p95 ms | p99 |")
        print("|---|--:|--:|--:|--:|--:|--:|--:|")
        options_on, options_off = (
            ("--replicas", str(options.replicas), "--max-batch", size) for size in ("32", "1")
        )
        with Service(model, *options_on) as on, Service(model, *options_off) as off:
            for clients in CLIENTS:  # in turn, so that both meet the same machine
                for name, service in (("on, up to 32", on), ("off", off)):
                    row = measure(service, bodies, clients, options.requests)
                    print(f"| {name} | {clients} | {row} |", flush=True)


if __name__ == "__main__":
    print_anything()
    main()
