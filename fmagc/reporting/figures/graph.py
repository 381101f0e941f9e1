"""A directed graph without cycles as boxes of text and arrows, drawn from top to bottom: stages, layers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap

import networkx as nx
from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout, VertexViewer
from grandalf.routing import EdgeViewer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from fmagc.errors import DataError
from fmagc.reporting.figures import style

__all__ = ["Box", "graph_diagram"]

Point = tuple[float, float]

_WIDTH = 2.9  # inches, of a box
_LETTERS = 40  # of a line in a box
_TITLE, _LINE, _PADDING = 0.21, 0.165, 0.1  # inches: heights of the two kinds of lines, and the space around them
_GAP_X, _GAP_Y = 0.3, 0.36  # inches between boxes
_FILL = "#f4f7fa"


class _Arrow(Edge):  # type: ignore[misc]
    """An edge whose hash is its place: the layout goes through sets of edges, and an address is another each time."""

    def __hash__(self) -> int:
        return int(self.data)


@dataclass(frozen=True)
class Box:
    """The content of a box: a title, paragraphs that are wrapped, and the colour of its edge."""

    title: str
    paragraphs: tuple[str, ...] = ()
    colour: str = style.GREY

    @property
    def lines(self) -> list[str]:
        """The lines of the wrapped paragraphs."""
        return [line for paragraph in self.paragraphs for line in wrap(paragraph, _LETTERS)]

    @property
    def height(self) -> float:
        """In inches."""
        return _TITLE + _LINE * len(self.lines) + 2 * _PADDING


def graph_diagram(boxes: Mapping[str, Box], edges: Iterable[tuple[str, str]]) -> Figure:
    """Draw boxes in layers, with an arrow for each edge that no longer way implies.

    Parameters
    ----------
    edges : iterable of (str, str)
        From one box to another that comes after it.

    Raises
    ------
    DataError
        When there is no box, an edge has an unknown end, or the edges go round in a circle.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(boxes)
    graph.add_edges_from(edges)
    unknown = sorted(set(graph) - set(boxes))
    if not boxes or unknown or not nx.is_directed_acyclic_graph(graph):
        fault = f"an edge to {unknown[0]}" if unknown else "a circle" if boxes else "none"
        raise DataError(f"diagram: expected boxes and edges between them from top to bottom, found {fault}")
    places, routes = _layout(boxes, sorted(nx.transitive_reduction(graph).edges))
    width = max(x for x, _ in places.values()) + _WIDTH / 2 + _GAP_X
    height = max(y + boxes[name].height / 2 for name, (_, y) in places.items()) + _PADDING
    with style.drawing():
        free = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)  # the style's would move things
        figure = Figure(figsize=(width, height), layout=free)
        ax = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        ax.axis("off")
        for route in routes:
            _arrow(ax, route)
        for name, box in boxes.items():
            _draw(ax, box, places[name])
    return figure


def _layout(boxes: Mapping[str, Box], edges: Iterable[tuple[str, str]]) -> tuple[dict[str, Point], list[list[Point]]]:
    """Find the centre of each box and the way of each edge; parts that no edge joins stand below each other.

    After Sugiyama, Tagawa, Toda: Methods for visual understanding of hierarchical system structures, 1981.
    """
    vertices = {name: Vertex(name) for name in boxes}
    for name, vertex in vertices.items():
        vertex.view = VertexViewer(_WIDTH, boxes[name].height)
    arrows = [_Arrow(vertices[one], vertices[other], data=place) for place, (one, other) in enumerate(edges)]
    for arrow in arrows:
        arrow.view = EdgeViewer()
    places: dict[str, Point] = {}
    routes: list[list[Point]] = []
    top = _PADDING
    for part in sorted(Graph(list(vertices.values()), arrows).C, key=lambda part: part.order()):
        layout = SugiyamaLayout(part)
        layout.xspace, layout.yspace = _GAP_X, _GAP_Y
        layout.init_all(optimize=True)
        layout.draw(20)
        shift = _GAP_X + _WIDTH / 2 - min(vertex.view.xy[0] for vertex in part.V())
        own = {vertex.data: (vertex.view.xy[0] + shift, vertex.view.xy[1] + top) for vertex in part.V()}
        reach = {y: max(boxes[name].height for name in own if own[name][1] == y) / 2 for _, y in own.values()}
        for arrow in part.E():
            inner = [(x + shift, y + top) for x, y in arrow.view._pts[1:-1]]
            (x0, y0), (x1, y1) = (own[vertex.data] for vertex in arrow.v)
            route = [(x0, y0 + boxes[arrow.v[0].data].height / 2)]
            if reach[y0] > boxes[arrow.v[0].data].height / 2:
                route.append((x0, y0 + reach[y0]))
            for x, y in inner:  # straight past the boxes of a layer
                route += [(x, y - reach[y]), (x, y + reach[y])]
            if reach[y1] > boxes[arrow.v[1].data].height / 2:
                route.append((x1, y1 - reach[y1]))
            routes.append([*route, (x1, y1 - boxes[arrow.v[1].data].height / 2)])
        places |= own
        top = max(y + reach[y] for _, y in own.values()) + _GAP_Y
    return places, routes


def _draw(ax: Axes, box: Box, centre: Point) -> None:
    x, y = centre[0] - _WIDTH / 2, centre[1] - box.height / 2
    ax.add_patch(
        FancyBboxPatch(
            (x, y), _WIDTH, box.height, boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=_FILL, edgecolor=box.colour, linewidth=1.3,
        )
    )  # fmt: skip
    x, y = x + _PADDING, y + _PADDING
    ax.text(x, y, box.title, fontsize=10, fontweight="bold", color=style.INK, va="top")
    for place, line in enumerate(box.lines):
        ax.text(x, y + _TITLE + _LINE * place, line, fontsize=8.2, color=style.SOFT, va="top")


def _arrow(ax: Axes, route: list[Point]) -> None:
    """Draw a smooth line through points, which leaves and enters each of them vertically, with a head at its end."""
    points, codes = [route[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(route):
        middle = (y0 + y1) / 2
        points += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Path.CURVE4] * 3
    ax.add_patch(
        FancyArrowPatch(
            path=Path(points, codes),
            arrowstyle="-|>",
            mutation_scale=10,
            color=style.SOFT,
            linewidth=1.1,
            shrinkA=0,
            shrinkB=0,
        )
    )
