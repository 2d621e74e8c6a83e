"""The wall around what leaves the house: who may talk to a network, and who may start another program that could.

An import is not the only way out: asyncio opens lines by itself, and ``curl`` is a program. Each rule has controls.
Source: flowlog.md § 8 no. 12; decisions/0003-egress.md.
"""

import ast
from pathlib import Path

import pytest

from tests.walls import ROOT, Planted, Rule, at, calls, imports, is_found, modules, name_of, named, says

NETWORK = frozenset(
    {
        *(
            "socket",
            "ssl",
            "httpx",
            "httpcore",
            "urllib.request",
            "http.client",
            "smtplib",
            "imaplib",
            "poplib",
            "ftplib",
        ),
        *("requests", "aiohttp", "urllib3", "websockets", "nats", "xmlrpc", "socketserver", "_socket"),
        *("anyio", "trio", "telnetlib", "nntplib", "paramiko", "asyncssh"),
    }
)
MAY_TALK = (
    *("proaktiv/egress", "proaktiv/demo/", "proaktiv/sources/", "notifiers/"),
    "proaktiv/line",  # opens none: it shuts a copy of PostgreSQL's own
)
# What opens or awaits a line without an import that says so.
LINES = (
    *("open_connection", "create_connection", "start_server", "create_server", "create_datagram_endpoint"),
    *("open_unix_connection", "create_unix_connection", "start_unix_server", "create_unix_server", "sock_connect"),
)
PROGRAMS = frozenset({"subprocess", "pty", "multiprocessing", "_posixsubprocess"})
STARTS = ("create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "subprocess_shell")
STARTS_OF_OS = ("system", "popen", "exec", "spawn", "posix_spawn", "fork")
MAY_START = (
    "proaktiv/embedded/",  # a PostgreSQL of its own
    "proaktiv/demo/running.py",  # the demonstration's parts
    "notifiers/typesetting/__init__.py",  # letters, in a process that may crash
)


def only_connectors_talk_to_the_network(root: Path) -> list[str]:
    """Find an import of a network client outside the connectors."""
    return [
        at(path, node, f"imports {name}")
        for path, tree in modules(root)
        if not path.startswith(MAY_TALK)
        for node, name in imports(tree)
        if name == "?" or name in NETWORK or name.partition(".")[0] in NETWORK
    ]


def only_whom_settings_name_is_called_privately(root: Path) -> list[str]:
    """Find an egress that is given private addresses, or one that was, in anybody else's hands than the setting says.

    Witnesses are the signing worker's, registers the worker's; the doctor looks at both.
    """
    found = []
    for path, tree in modules(root):
        if path not in {"proaktiv/vouching.py", "proaktiv/ways_out.py"}:
            found += [
                at(path, call, "gives an egress private addresses")
                for call in calls(tree)
                for given in call.keywords
                if name_of(call.func) == "Egress" and given.arg in {"private", None}
            ]
        if path not in {"proaktiv/vouching.py", "proaktiv/logapp.py"}:
            found += [at(path, node, "takes the log's way out") for node in ast.walk(tree) if says(node, "way_out")]
        if path not in {"proaktiv/ways_out.py", "proaktiv/app.py", "proaktiv/doctor/examination.py"}:
            found += [at(path, node, "takes the registers'") for node in ast.walk(tree) if says(node, "to_registers")]
    return found


def only_connectors_open_lines(root: Path) -> list[str]:
    """Find what opens or awaits a line, by whatever module, outside the connectors."""
    return [
        at(path, node, f"opens a line by {name}")
        for path, tree in modules(root)
        if not path.startswith(MAY_TALK)
        for node in ast.walk(tree)
        for name in LINES
        if says(node, name)
    ]


def only_who_must_starts_other_programs(root: Path) -> list[str]:
    """Find what starts another program outside the database, the demonstration and the typesetting."""
    found = []
    for path, tree in modules(root):
        if path.startswith(MAY_START):
            continue
        found += [
            at(path, node, f"imports {name}") for node, name in imports(tree) if name.partition(".")[0] in PROGRAMS
        ]
        found += [at(path, node, f"calls {name}") for node in ast.walk(tree) for name in STARTS if says(node, name)]
        found += [at(path, node, f"calls os.{name}") for node, name in _of_os(tree) if name.startswith(STARTS_OF_OS)]
    return found


def _of_os(tree: ast.Module) -> list[tuple[ast.AST, str]]:
    """Return what of ``os`` a module uses, under whatever name it knows it."""
    ours = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in {"os", "posix"}
    }
    used: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in {"os", "posix"}:
            used += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.Attribute) and name_of(node.value) in ours:
            used.append((node, node.attr))
        elif isinstance(node, ast.Call) and name_of(node.func) == "getattr" and name_of(node.args[0]) in ours:
            used += [(node, str(word.value)) for word in node.args[1:2] if isinstance(word, ast.Constant)]
    return used


PLANTED: list[Planted] = [
    (only_connectors_talk_to_the_network, "proaktiv/steps/gate/__init__.py", "import socket"),
    (only_connectors_talk_to_the_network, "proaktiv/steps/gate/__init__.py", "from urllib import request"),
    (only_connectors_talk_to_the_network, "proaktiv/registers/http.py", "import urllib.request as harmless"),
    (only_connectors_talk_to_the_network, "consent/store.py", "def f():\n    from http.client import HTTPConnection"),
    (only_connectors_talk_to_the_network, "proaktiv/vault.py", "importlib.import_module('smtplib')"),
    (only_connectors_talk_to_the_network, "proaktiv/vault.py", "__import__(name)"),
    (only_whom_settings_name_is_called_privately, "proaktiv/app.py", "x = Egress(hosts, private={'a:443': networks})"),
    (only_whom_settings_name_is_called_privately, "proaktiv/app.py", "x = egress.Egress(hosts, **more)"),
    (
        only_whom_settings_name_is_called_privately,
        "proaktiv/app.py",
        "from proaktiv.vouching import way_out as harmless",
    ),
    (only_whom_settings_name_is_called_privately, "proaktiv/app.py", "x = vouching.way_out(settings)"),
    (only_whom_settings_name_is_called_privately, "proaktiv/logapp.py", "x = ways_out.to_registers(settings)"),
    (only_whom_settings_name_is_called_privately, "proaktiv/dispatchers/webhook.py", "x = to_registers(settings)"),
    (only_connectors_talk_to_the_network, "proaktiv/steps/gate/__init__.py", "import anyio"),
    (
        only_connectors_open_lines,
        "proaktiv/steps/gate/__init__.py",
        "import asyncio\nasyncio.open_connection('a', 443)",
    ),
    (only_connectors_open_lines, "proaktiv/steps/gate/__init__.py", "from asyncio import open_connection as harmless"),
    (only_connectors_open_lines, "proaktiv/steps/gate/__init__.py", "getattr(asyncio, 'open_connection')('a', 443)"),
    (only_connectors_open_lines, "proaktiv/web/door.py", "loop.create_connection(make, 'a', 443)"),
    (only_connectors_open_lines, "proaktiv/web/door.py", "asyncio.start_server(told, port=9)"),
    (only_connectors_open_lines, "consent/store.py", "loop.create_datagram_endpoint(make, remote_addr=a)"),
    (
        only_who_must_starts_other_programs,
        "proaktiv/steps/gate/__init__.py",
        "import subprocess\nsubprocess.run(['curl', url])",
    ),
    (only_who_must_starts_other_programs, "proaktiv/steps/gate/__init__.py", "from subprocess import run"),
    (only_who_must_starts_other_programs, "proaktiv/steps/gate/__init__.py", "import multiprocessing.connection"),
    (only_who_must_starts_other_programs, "proaktiv/steps/gate/__init__.py", "import os\nos.system('curl')"),
    (
        only_who_must_starts_other_programs,
        "proaktiv/steps/gate/__init__.py",
        "import os as harmless\nharmless.popen('curl')",
    ),
    (only_who_must_starts_other_programs, "proaktiv/steps/gate/__init__.py", "from os import execvp"),
    (only_who_must_starts_other_programs, "proaktiv/vault.py", "import os\nos.spawnlp(os.P_WAIT, 'curl', 'curl')"),
    (only_who_must_starts_other_programs, "proaktiv/vault.py", "import os\nos.posix_spawnp('curl', [], {})"),
    (only_who_must_starts_other_programs, "proaktiv/vault.py", "import os\ngetattr(os, 'fork')()"),
    (only_who_must_starts_other_programs, "notifiers/letter.py", "asyncio.create_subprocess_exec('curl')"),
]
RULES: list[Rule] = list(dict.fromkeys(rule for rule, _, _ in PLANTED))


@pytest.mark.flowlog_test(12)
@pytest.mark.parametrize("rule", RULES, ids=named(RULES))
def test_outside_the_ways_out_the_code_keeps_the_rule_that(rule: Rule) -> None:
    assert rule(ROOT) == []


@pytest.mark.flowlog_control(12)
@pytest.mark.parametrize("planted", PLANTED, ids=named(rule for rule, _, _ in PLANTED))
def test_control_a_planted_way_out_is_found_by(planted: Planted, tmp_path: Path) -> None:
    assert is_found(planted, tmp_path)


@pytest.mark.parametrize("place", MAY_START)
def test_whoever_may_start_another_program_does(place: str) -> None:
    there = [
        path
        for path, tree in modules(ROOT)
        if path.startswith(place)
        for _, name in imports(tree)
        if name == "subprocess"
    ]
    assert there != []
