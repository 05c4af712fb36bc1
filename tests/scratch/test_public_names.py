"""What a module of scratch offers is defined there: a solution names the file that holds it."""

import pytest

from dlkit.scratch import (
    activations,
    attention,
    autoencoders,
    layers,
    losses,
    operations,
    optimizers,
)

MODULES = [activations, attention, autoencoders, layers, losses, operations, optimizers]
OFFERED = [(module, name) for module in MODULES for name in module.__all__]


@pytest.mark.parametrize(
    ("module", "name"), OFFERED, ids=lambda part: getattr(part, "__name__", part)
)
def test_a_public_name_is_defined_where_it_is_imported_from(module, name):
    assert getattr(module, name).__module__ == module.__name__
