"""Markdown that people type, as HTML: paragraphs, headings, lists, code, bold and italic words, links.

All else stands as it was typed. Nothing of the text is taken as HTML.
"""

import re
from html import escape


def with_code(text: str) -> str:
    """A line of text whose words in backticks are code."""
    parts = re.split(r"`([^`]+)`", text)
    return "".join(f"<code>{escape(part)}</code>" if place % 2 else escape(part) for place, part in enumerate(parts))


def as_html(text: str) -> str:
    """Blocks of lines, between empty ones, one below the other."""
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    return "\n".join(_block(block.splitlines()) for block in blocks if block.strip())


def _block(lines: list[str]) -> str:
    marked = [line.lstrip().startswith(("- ", "* ")) for line in lines]
    if marked[0] and all(mark or line.startswith("  ") for mark, line in zip(marked, lines, strict=True)):
        items = re.split(r"^\s*[-*] ", "\n".join(lines), flags=re.MULTILINE)[1:]
        return "<ul>\n" + "".join(f"<li>{_inline(item)}</li>\n" for item in items) + "</ul>"
    if heading := re.fullmatch(r"(#+) +(.+)", lines[0]):
        rest = _block(lines[1:]) if lines[1:] else ""
        return f"<h3>{_inline(heading[2])}</h3>\n{rest}"
    if lines[0].startswith("|"):
        return f'<div class="wide"><pre>{escape(chr(10).join(lines))}</pre></div>'
    return f"<p>{_inline(chr(10).join(lines))}</p>"


def _inline(text: str) -> str:
    parts = re.split(r"(<code>.*?</code>)", with_code(text), flags=re.DOTALL)
    return "".join(part if place % 2 else _emphasis(part) for place, part in enumerate(parts))


def _emphasis(escaped: str) -> str:
    escaped = re.sub(r"\[([^\]]+)\]\((https?://[^)\s]+)\)", r'<a href="\2">\1</a>', escaped)
    escaped = re.sub(r"\*\*(\S.*?)\*\*", r"<strong>\1</strong>", escaped, flags=re.DOTALL)
    return re.sub(r"(?<![\w*])\*(\S[^*]*?)\*(?![\w*])", r"<em>\1</em>", escaped)
