"""Computation graphs: what each node computed, and what came back to it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from dlkit.plotting._axes import axes_or_new, without_frame

WIDTH, HEIGHT = 1.25, 0.7  # of a box; a row is 1 high
STEP = 1.6  # from one column to the next
MOST_NODES = 60


class Node(Protocol):
    """A number in a graph; ``dlkit.scratch.autodiff.Value`` is one."""

    data: float
    gradient: float
    label: str
    operation: str

    @property
    def parents(self) -> Sequence[Node]: ...


def plot_graph(
    root: Node,
    *,
    lit: Node | None = None,
    order: Sequence[Node] = (),
    digits: int = 3,
    ax: Axes | None = None,
) -> Axes:
    """The graph of an expression, from its inputs on the left to its result on the right.

    Each box holds the operation and the name, the value, and the gradient of the result with
    respect to it. Inputs are white, operations grey. Arrows lead forward, but those of a node
    that is lit lead back, from it to its parents: there its gradient goes.

    Args:
        root: the result. Like every node it has ``data``, ``gradient``, ``label``,
            ``operation`` (empty for an input) and ``parents``, the nodes that it was computed
            from; ``dlkit.scratch.autodiff.Value`` is one.
        lit: the node to light; None lights none.
        order: nodes that get their place in this sequence, from 1, at the corner of their box.
        digits: significant digits of the numbers.
        ax: Axes to draw on; None makes a new figure that fits the graph.

    Returns:
        The Axes.

    Raises:
        ValueError: the graph has more nodes than can be read.
    """
    nodes = _in_order(root)
    if len(nodes) > MOST_NODES:
        raise ValueError(f"the graph has {len(nodes)} nodes; expected {MOST_NODES} at most")
    column, row, ways = _layout(nodes)
    columns, height = 1 + max(column.values()), 1 + 2 * max(row.values())
    ax = axes_or_new(ax, (min(0.4 + 1.4 * columns, 11), 0.4 + 0.85 * height))
    for way in ways:
        points = [(STEP * column[key], row[key]) for key in way]
        points[0] = (points[0][0] + WIDTH / 2, points[0][1])
        points[-1] = (points[-1][0] - WIDTH / 2, points[-1][1])
        style: dict[str, Any] = {"color": "0.35", "linewidth": 1.2}
        if lit is not None and way[-1] == id(lit):
            points, style = points[::-1], {"color": "C1", "linewidth": 2.2}
        ax.plot(*zip(*points[:-1], strict=True), zorder=1, **style)
        arrow = {"arrowstyle": "-|>", "shrinkA": 0, **style}
        ax.annotate("", xy=points[-1], xytext=points[-2], arrowprops=arrow)
    for node in nodes:
        _draw_box(ax, node, STEP * column[id(node)], row[id(node)], digits, node is lit)
    for place, node in enumerate(order, start=1):
        x, y = STEP * column[id(node)] - WIDTH / 2, row[id(node)] + HEIGHT / 2
        circle = {"boxstyle": "circle,pad=0.2", "facecolor": "black", "edgecolor": "white"}
        ax.text(x, y, str(place), ha="center", va="center", size=8, color="white", bbox=circle)
    ax.set_xlim(-0.75, STEP * (columns - 1) + 0.75)
    ax.set_ylim(-height / 2, height / 2)
    return without_frame(ax)


def _in_order(root):
    """Every node once, parents before children, in the order in which the expression reads."""
    order, seen, waiting = [], set(), [(root, False)]
    while waiting:
        node, parents_done = waiting.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((parent, False) for parent in reversed(node.parents))
    return order


def _layout(nodes):
    """Column and row of each node and bend, and each edge as its way through them.

    A column is the longest way from an input, but an input stands just before the first node
    that needs it. An edge over several columns gets a bend in each column between, which takes
    a row like a node, so that no edge runs through a box.
    """
    column: dict[Hashable, int] = {}
    ways: list[list[Hashable]] = []
    for node in nodes:
        column[id(node)] = 1 + max((column[id(parent)] for parent in node.parents), default=-1)
    for node in nodes:
        needed_by = [column[id(child)] for child in nodes if any(p is node for p in child.parents)]
        if not node.parents and needed_by:
            column[id(node)] = min(needed_by) - 1
    sources: dict[Hashable, list[Hashable]] = {id(node): [] for node in nodes}
    for node in nodes:
        for parent in {id(parent): parent for parent in node.parents}.values():
            way: list[Hashable] = [id(parent)]
            for between in range(column[id(parent)] + 1, column[id(node)]):
                bend = (id(parent), id(node), between)
                column[bend], sources[bend] = between, [way[-1]]
                way.append(bend)
            sources[id(node)].append(way[-1])
            ways.append([*way, id(node)])
    row: dict[Hashable, float] = {}
    for number in range(1 + max(column.values())):
        members = [key for key in sources if column[key] == number]
        members.sort(key=lambda key: -_mean([row[source] for source in sources[key]]))
        for place, key in enumerate(members):
            row[key] = (len(members) - 1) / 2 - place
    return column, row, ways


def _mean(numbers):
    return sum(numbers) / len(numbers) if numbers else 0.0


def _draw_box(ax, node, x, y, digits, is_lit):
    box = FancyBboxPatch(
        (x - WIDTH / 2, y - HEIGHT / 2),
        WIDTH,
        HEIGHT,
        boxstyle="round,pad=0.02,rounding_size=0.08",
        facecolor="#FFF0B3" if is_lit else "0.92" if node.operation else "white",
        edgecolor="C1" if is_lit else "black",
        linewidth=2.5 if is_lit else 1,
        zorder=3,
    )
    ax.add_patch(box)
    head = " = ".join(filter(None, (node.label, node.operation)))
    texts = [
        (0.21, head, "black", "bold"),
        (0.0, f"value {node.data:.{digits}g}", "C0", "normal"),
        (-0.21, f"gradient {node.gradient:.{digits}g}", "C1", "normal"),
    ]
    for height, text, color, weight in texts:
        ax.text(x, y + height, text, ha="center", va="center", size=9, color=color, weight=weight)
