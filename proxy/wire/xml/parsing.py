"""Reading XML that anybody may have sent: bounded in bytes, depth and elements, without entities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from proxy.errors import MalformedXML

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
"""1,000 keys of 1,024 bytes, every byte of them escaped, and 10,000 parts both fit."""
MAX_DEPTH = 8
MAX_ELEMENTS = 100_000


@dataclass(slots=True)
class Node:
    """One element: its name without the namespace, its own text, its children. Attributes are dropped."""

    name: str
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def only(self, *names: str) -> dict[str, Node]:
        """The children by name. Raises MalformedXML for other names and for two of one name."""
        found: dict[str, Node] = {}
        for child in self.children:
            if child.name not in names or child.name in found:
                raise MalformedXML()
            found[child.name] = child
        return found

    def all_of(self, name: str, most: int) -> list[Node]:
        """The children, which all have that name. Raises MalformedXML for others, for none, for too many."""
        if not 1 <= len(self.children) <= most or any(child.name != name for child in self.children):
            raise MalformedXML()
        return self.children


def parse(document: bytes, root: str) -> Node:
    """The tree of a document whose root has that name. Raises MalformedXML for everything else."""
    found = tree(document)
    if found.name != root:
        raise MalformedXML()
    return found


def tree(document: bytes) -> Node:
    """The tree of a document. Raises MalformedXML for what is none, or goes past a bound."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise MalformedXML()
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    try:
        parser.feed(document)
        root = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        # ValueError and LookupError: encodings that expat hands on to Python.
        raise MalformedXML() from None
    if not isinstance(root, Node):
        raise MalformedXML()
    return root


class _Builder:
    """The parser's target: a tree that stops growing at its bounds."""

    def __init__(self) -> None:
        self._root: Node | None = None
        self._open: list[tuple[Node, list[str]]] = []
        self._count = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) == MAX_DEPTH:
            raise MalformedXML()
        node = Node(tag.rpartition("}")[2])
        if self._open:
            self._open[-1][0].children.append(node)
        else:
            self._root = node
        self._open.append((node, []))

    def end(self, tag: str) -> None:
        node, texts = self._open.pop()
        node.text = "".join(texts)

    def data(self, text: str) -> None:
        self._open[-1][1].append(text)

    def close(self) -> Node | None:
        return self._root
