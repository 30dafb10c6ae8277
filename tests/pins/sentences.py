"""Finds every sentence with which the source refuses something.

Only text is looked at, by the syntax tree of all files of the package's folders, so that it does
not matter in which module a sentence stands. Whatever is put into a sentence reads `{}`.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("platform", "evolution", "lifting", "pose2d", "annotation", "deploy/python/evoskeleton")
SENTENCES = Path(__file__).resolve().parent / "sentences.txt"

_REFUSING = {"abort", "_abort", "busy", "BadInput", "PydanticCustomError"}
_ERROR = re.compile(r"(Error|Exception|Refused|Refusal|Not[A-Z]\w+|Stale)$")
_PLACE = re.compile(r"(?<!\{)\{[^{}]*\}(?!\})")

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def trees(root: Path = ROOT) -> list[ast.Module]:
    """The syntax trees of all modules, generated ones left out."""
    found = {
        path.resolve()
        for folder in FOLDERS
        for path in (root / folder).rglob("*.py")
        if "generated" not in path.parts
    }
    return [ast.parse(path.read_text()) for path in sorted(found)]


def text_of(node: ast.expr) -> str | None:
    """What a text reads, `{}` for what is put in; None of what is no text by its look."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = [text_of(part) for part in node.values]
        return "".join("{}" if part is None else part for part in parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = text_of(node.left), text_of(node.right)
        return None if sides == (None, None) else "".join(side or "{}" for side in sides)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inner = text_of(node.func.value) if node.func.attr == "format" else None
        return None if inner is None else _PLACE.sub("{}", inner)
    return None


def _texts(node: ast.AST) -> Iterator[str]:
    """The largest texts below a node; not what stands inside of their places."""
    if isinstance(node, ast.expr) and (text := text_of(node)) is not None:
        yield text
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)


def _name(call: ast.expr) -> str:
    function = call.func if isinstance(call, ast.Call) else call
    return getattr(function, "attr", getattr(function, "id", ""))


def _refuses(call: ast.Call, helpers: set[str]) -> bool:
    name = _name(call)
    return name in _REFUSING or name in helpers or bool(_ERROR.search(name))


def _refusals(tree: ast.AST, helpers: set[str]) -> Iterator[ast.AST]:
    """What is raised, and calls that refuse."""
    for node in ast.walk(tree):
        raised = isinstance(node, ast.Raise) and node.exc is not None
        if raised or (isinstance(node, ast.Call) and _refuses(node, helpers)):
            yield node


def _functions(tree: ast.AST) -> Iterator[Definition]:
    return (node for node in ast.walk(tree) if isinstance(node, Definition))


def _helpers(modules: list[ast.Module]) -> set[str]:
    """Functions that put one of their arguments into a refusal."""
    return {
        function.name
        for tree in modules
        for function in _functions(tree)
        if not function.name.startswith("__")
        and _arguments(function) & _names(_refusals(function, set()))
    }


def _arguments(function: Definition) -> set[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return {one.arg for one in every} - {"self", "cls", "context", "record"}


def _names(nodes: Iterator[ast.AST]) -> set[str]:
    return {inner.id for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _of_scope(scope: Definition, helpers: set[str]) -> Iterator[str]:
    """Texts of a function's refusals, and of the names that stand in them."""
    nodes = list(_refusals(scope, helpers))
    for node in nodes:
        yield from _texts(node)
    names = _names(iter(nodes))
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and _names(iter(node.targets)) & names:
            yield from _texts(node.value)


def refusals(modules: list[ast.Module]) -> list[str]:
    """Every sentence of two words or more that a refusal may be made of, sorted."""
    helpers = _helpers(modules)
    found = {text for tree in modules for node in _refusals(tree, helpers) for text in _texts(node)}
    for tree in modules:
        for function in _functions(tree):
            found.update(_of_scope(function, helpers))
    return sorted(_line(text) for text in found if re.search(r"\w\W* \W*\w|\{\} \w|\w \{\}", text))


def everything(modules: list[ast.Module]) -> set[str]:
    """Every text of the source, wherever it stands."""
    return {
        _line(text)
        for tree in modules
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and (text := text_of(node)) is not None
    }


def _line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def recorded() -> list[str]:
    """The sentences that were there when they were recorded."""
    return SENTENCES.read_text().splitlines()


def record() -> None:
    """Write them."""
    SENTENCES.write_text("".join(f"{line}\n" for line in refusals(trees())))
