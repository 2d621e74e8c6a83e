"""Draws boxes and lines as SVG: from left to right, no script, no font of its own, readable in print and in the dark.

Left to others: what stands in the boxes (``picture``). The widths of letters are those of common sans-serif fonts,
rounded up: a font a little wider still fits.
"""

from dataclasses import dataclass
from html import escape
from textwrap import wrap

from proaktiv.rulebook.picture import Box

_LINE, _SMALL_LINE, _PAD, _GAP, _ACROSS = 18, 15, 10, 12, 44
_SIZE, _SMALL_SIZE = 14, 11.5
_LETTERS = 38
"""Letters in a line of a box; a small line holds as many in the same width as are smaller."""

_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[] "), frozenset("mwMWÄÖÜ@%")
_COLOURS = {
    "root": ("#1f3a5f", "#1f3a5f", "#ffffff"),
    "leistung": ("#dbe7f5", "#1f3a5f", "#10233b"),
    "frist": ("#fff3d6", "#8a6100", "#3d2c00"),
    "office": ("#e3f1e5", "#2c6b3a", "#0f3317"),
    "leaf": ("#ffffff", "#4a5568", "#1a202c"),
    "alle": ("#edf0f4", "#4a5568", "#1a202c"),
    "eine": ("#edf0f4", "#4a5568", "#1a202c"),
    "nicht": ("#fbe4e1", "#9b2c20", "#4a120b"),
}
"""Fill, line and text of each kind; text against fill at least 7:1."""


@dataclass(slots=True)
class _Placed:
    box: Box
    lines: list[str]
    small: list[str]
    depth: int
    width: float
    height: float
    parts: "list[_Placed]"
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def svg(root: Box, title: str) -> str:
    """Return a box with all that hangs on it as one SVG document."""
    placed = _measure(root, 0)
    widths: dict[int, float] = {}
    _widest(placed, widths)
    bottom = _place(placed, widths, _GAP)
    width = sum(widths.values()) + _ACROSS * (len(widths) - 1) + 2 * _GAP
    fonts = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"
    size = f'width="{width:.0f}" height="{bottom:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:.0f} {bottom:.0f}"',
        f'  role="img" aria-labelledby="t d" font-family="{fonts}">',
        f'<title id="t">{escape(title)}</title>',
        f'<desc id="d">{escape(_told(root))}</desc>',
        f'<rect {size} fill="#ffffff"/>',
    ]
    _draw(placed, lines)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _measure(box: Box, depth: int) -> _Placed:
    lines = wrap(box.text, _LETTERS) or [""]
    small = wrap(box.small, round(_LETTERS * _SIZE / _SMALL_SIZE)) if box.small else []
    widths = [_width(line, _SIZE) for line in lines] + [_width(line, _SMALL_SIZE) for line in small]
    height = 2 * _PAD + _LINE * len(lines) + _SMALL_LINE * len(small)
    parts = [_measure(part, depth + 1) for part in box.parts]
    return _Placed(box, lines, small, depth, max(widths) + 2 * _PAD, height, parts)


def _width(text: str, size: float) -> float:
    return size * sum(0.36 if sign in _NARROW else 0.95 if sign in _WIDE else 0.62 for sign in text)


def _widest(placed: _Placed, widths: dict[int, float]) -> None:
    widths[placed.depth] = max(widths.get(placed.depth, 0.0), placed.width)
    for part in placed.parts:
        _widest(part, widths)


def _place(placed: _Placed, widths: dict[int, float], top: float) -> float:
    """Place a box beside the middle of its parts, and return where the next one may begin."""
    placed.x = _GAP + sum(widths[depth] + _ACROSS for depth in range(placed.depth))
    bottom = top
    for part in placed.parts:
        bottom = _place(part, widths, bottom)
    placed.y = top
    if placed.parts:
        placed.y = max(top, (placed.parts[0].middle + placed.parts[-1].middle - placed.height) / 2)
    return max(bottom, placed.y + placed.height + _GAP)


def _draw(placed: _Placed, lines: list[str]) -> None:
    fill, line, colour = _COLOURS[placed.box.kind]
    start = placed.x + placed.width
    for part in placed.parts:
        bend = part.x - _ACROSS / 2
        lines.append(
            f'<path d="M{start:.1f} {placed.middle:.1f}H{bend:.1f}V{part.middle:.1f}H{part.x:.1f}" '
            'fill="none" stroke="#718096" stroke-width="1.5"/>'
        )
    corner = placed.height / 2 if placed.box.kind in {"alle", "eine", "nicht"} else 6
    lines.append(
        f'<rect x="{placed.x:.1f}" y="{placed.y:.1f}" width="{placed.width:.1f}" height="{placed.height:.1f}" '
        f'rx="{corner:.1f}" fill="{fill}" stroke="{line}" stroke-width="1.5"/>'
    )
    y = placed.y + _PAD
    x = placed.x + _PAD
    for text in placed.lines:
        y += _LINE
        lines.append(f'<text x="{x:.1f}" y="{y - 4:.1f}" font-size="{_SIZE}" fill="{colour}">{escape(text)}</text>')
    for text in placed.small:
        y += _SMALL_LINE
        lines.append(
            f'<text x="{x:.1f}" y="{y - 4:.1f}" font-size="{_SMALL_SIZE}" fill="{colour}">{escape(text)}</text>'
        )
    for part in placed.parts:
        _draw(part, lines)


def _told(box: Box) -> str:
    """Return the whole picture in words, for whoever does not see it."""
    said = f"{box.text} ({box.small})" if box.small else box.text
    return f"{said}: {'; '.join(_told(part) for part in box.parts)}." if box.parts else said
