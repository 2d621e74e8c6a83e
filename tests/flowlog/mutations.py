"""What can happen to an export on its way: by chance, by whoever holds the stick, and by whoever holds the signing key.

Each mutation changes a folder and takes its dice as an argument, so that one number stands for one bundle.
"""

import json
import os
import random
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.core.canonical import dumps
from proaktiv.core.merkle import extend_tiles, leaf_hash, root_of, tile_path
from proaktiv.flowlog import entries
from proaktiv.flowlog.checkpoints import Checkpoint, sign_note, vkey_of
from proaktiv.flowlog.exports.layout import bundle, bundle_path, bundles, summed_paths
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY
from tests.flowlog.exports import sum_up

Mutation = Callable[[Path, random.Random], None]
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
TEXTS = (
    "",
    "x",
    "ä",
    "u\u0308",
    "\U0001f600",
    "\u2028",
    "\x7f",
    "\x00",
    "\n",
    "\ud800",
    "sent",
    "2026-02-30",
    "A" * 44,
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -0, -1, 1, 3, 10, 266, 2**31, 2**53 - 1, 2**53, 2**63, 10**30, 1.0, 1.5, -0.0, 1e300),
    *TEXTS,
    *([], {}, [[[[[1]]]]], {"a": {"a": {"a": {"a": {}}}}}, {"filed": True, "is": "missing"}, {"is": "sealed"}),
)
BODIES = (
    *(b"", b"{}", b"[]", b"null", b"1", b'{"a":1.0}', b'{"a":1e2}', b'{"a":-0}', b'{"a":null}', b'{"a":NaN}'),
    *(b'{"a":9007199254740991}', b'{"a":9007199254740992}', b'{"a":9007199254740993}', b'{"a":1,"a":1}', b'{"A":1}'),
    *(
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":"\\u0061"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\/"}',
        b"\xff\x00",
        b"\xed\xa0\x80",
    ),
    *(b'\xef\xbb\xbf{"a":1}', b'{"a":[[[1]]]}', b'{"a":[[[[1]]]]}', '{"a":"u\u0308"}'.encode(), b'{"a1":1}', b'{"":1}'),
    *(b'{"a":"' + b"x" * 16_400 + b'"}', b"[" * 60_000, b'{"a":' * 20_000, b'{"a":"\x7f"}', b'{"__proto__":1}'),
    *(b'{"kind":"received"}', b'{"constructor":"x"}', b'{"a":"\\u001f"}', b'{"a":"\\u001F"}', b'{"a":"\xe2\x80\xa8"}'),
)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def flipped(folder: Path, dice: random.Random) -> None:
    path = dice.choice(files(folder))
    raw = bytearray(path.read_bytes() or b"\x00")
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    path.write_bytes(raw)


def cut_or_grown(folder: Path, dice: random.Random) -> None:
    path = dice.choice(files(folder))
    raw = path.read_bytes()
    at = dice.randrange(len(raw) + 1)
    path.write_bytes(dice.choice((b"", raw[:at], raw[:-1], raw + b"\n", raw + raw, raw[at:], raw + bytes(300_000))))


def gone_or_something_else(folder: Path, dice: random.Random) -> None:
    path = dice.choice(files(folder))
    raw = path.read_bytes()
    path.unlink()
    match dice.randrange(5):
        case 0:
            path.mkdir()
        case 1:
            os.mkfifo(path)
        case 2:
            outside = folder.parent / f"{folder.name}-outside"
            outside.write_bytes(raw)
            path.symlink_to(outside)
        case 3:
            path.symlink_to("nowhere")


def a_stranger(folder: Path, dice: random.Random) -> None:
    """Also the keys and policies that an export would like its verifier to use."""
    policy = f"log {vkey_of(ORIGIN, OTHER_KEY)}\nquorum none\n"
    name = dice.choice(("policy", "policy.txt", "vkey", "tile/x", ".DS_Store", "._x", "checkpoint.tsr", "x\x1b[2J"))
    (folder / name).write_text(policy)


def a_field(folder: Path, dice: random.Random) -> None:
    """Another value in some field of some line; mostly the line stays one that JSON allows."""
    path = folder / dice.choice(("entries.jsonl", "entries.jsonl", "entries.jsonl", "checkpoints.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    at = dice.randrange(len(lines))
    data = json.loads(lines[at])
    inside = data
    while isinstance(inside[key := dice.choice(sorted(inside))], dict) and dice.random() < 0.9:
        inside = inside[key]
    match dice.randrange(6):
        case 0:
            del inside[key]
        case 5:
            for gone in dice.choice((("S", "A"), ("e", "F", "x", "S", "A"), ("e",), ("x", "F"))):
                data.pop(gone, None)
        case 1:
            inside[dice.choice(("z", "e", "raw", "b", "S", "__proto__"))] = dice.choice(VALUES)
        case 2 if isinstance(inside[key], str) and inside[key]:
            place = dice.randrange(len(inside[key]))
            inside[key] = inside[key][:place] + dice.choice("AZaz09+/=é ") + inside[key][place + 1 :]
        case _:
            inside[key] = dice.choice(VALUES)
    lines[at] = spelt(data, dice)
    path.write_bytes(b"".join(lines))


def spelt(data: Any, dice: random.Random) -> bytes:
    wrong = dice.choice(({}, {}, {}, {}, {"separators": (", ", ":")}, {"ensure_ascii": True}, {"sort_keys": False}))
    how = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False} | wrong
    return json.dumps(data, **how).encode(errors="surrogatepass") + b"\n"


def lines_moved(folder: Path, dice: random.Random) -> None:
    path = folder / dice.choice(("entries.jsonl", "entries.jsonl", "checkpoints.jsonl", "SHA256SUMS"))
    lines = path.read_bytes().splitlines(keepends=True)
    at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(6):
        case 0:
            lines[at], lines[other] = lines[other], lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            del lines[at]
        case 3:
            lines.insert(at, dice.choice((b"\n", b"{}\n", b"null\n", b"\xff\n", b"[" * 90_000 + b"\n", b" " * 300_000)))
        case 4:
            lines.append(lines[at])
        case 5:
            lines[at] = lines[at].replace(b"\n", dice.choice((b"\r\n", b"", b" \n", b"\x00\n")))
    path.write_bytes(b"".join(lines))


def another_claim(folder: Path, dice: random.Random) -> None:
    size = json.loads((folder / "MANIFEST.json").read_bytes())["size"]
    claims: tuple[dict[str, Any], ...] = (
        *({"size": each} for each in (0, size - 1, size + 1, -1, 2**53, 1.0, "7", None, True)),
        *({"first": each} for each in (256, 1, -256, 512)),
        *({"origin": each} for each in ("flowlog.other.example/1", "", "ä", "\ud800", 1)),
        *({"expires_on": each} for each in ("2027-03-31", "2027-02-30", "20270331", "0000-01-01", "0001-01-01", "", 7)),
        *({"format": "proaktiv/log-export/v2"}, {"sums": "x"}, {"more": 1}),
    )
    manifest = json.loads((folder / "MANIFEST.json").read_bytes()) | dice.choice(claims)
    (folder / "MANIFEST.json").write_bytes(spelt(manifest, dice))


def another_note(folder: Path, dice: random.Random) -> None:
    """The newest checkpoint, signed otherwise; by the true key too."""
    size = json.loads((folder / "MANIFEST.json").read_bytes())["size"]
    note = (folder / "checkpoint").read_text()
    text, _, signatures = note.rpartition("\n\n")
    origin, root = ORIGIN, text.split("\n")[2]
    stranger = f"— somebody.example/w {b64encode(bytes(4) + dice.randbytes(72)).decode()}\n"
    twice = signatures + signatures.replace("— ", "— ")
    spoilt = signatures[:-6] + ("AAAA=\n" if signatures[-6:-2] != "AAAA" else "BBBB=\n")
    texts = (
        *(
            f"{origin}\n0{size}\n{root}\n",
            f"{origin}\n{size}\n{root}\nmore\n",
            f"{origin}\n{size}\n",
            f"\n{size}\n{root}\n",
        ),
        *(f"{origin}\n{2**63 - 1}\n{root}\n", f"{origin}\n{2**63}\n{root}\n", f"{origin}\n{size}\n{root[:-4]}\n"),
        *(f"{origin}\n{size}\n{root[:-2]}B=\n", f"other.example\n{size}\n{root}\n", f"{origin}\n-1\n{root}\n", "\n"),
    )
    made = dice.choice(
        (
            *(
                note + stranger,
                note + stranger * 99,
                note + stranger * 100,
                twice and note + signatures,
                text + "\n\n" + spoilt,
            ),
            *(text + "\n\n" + spoilt + signatures, text + "\n\n" + signatures + spoilt, text + "\n\n" + stranger),
            *(
                note.replace("\n", "\r\n"),
                note[:-1],
                note + "\n",
                "\n" + note,
                note.replace("— ", "- "),
                note + "— a b\n",
            ),
            *(
                note + "— a+b AAAAAAA=\n",
                note + "— a\u00a0b AAAAAAA=\n",
                note + "— a\x85b AAAAAAA=\n",
                note + "— a AAAAAA==\n",
            ),
            *(
                note + "— \u0085 AAAAAAA=\n",
                note + "— \ufeffa AAAAAAA=\n",
                note + "—  AAAAAAA=\n",
                note + "— a AAAAAB==\n",
            ),
            *(sign_note(each, ORIGIN, SIGNING_KEY) for each in texts),
            sign_note(f"{origin}\n{size}\n{root}\n", ORIGIN, OTHER_KEY),
        )
    )
    (folder / "checkpoint").write_bytes(made.encode(errors="surrogatepass"))
    if dice.random() < 0.8:
        lines = (folder / "checkpoints.jsonl").read_bytes().splitlines(keepends=True)
        lines[-1] = dumps({"size": size, "note": made}) + b"\n"
        (folder / "checkpoints.jsonl").write_bytes(b"".join(lines))


def another_past(folder: Path, dice: random.Random) -> None:
    """Entries, tree and signatures made anew by the house itself, or by somebody with another key."""
    lines = [json.loads(line) for line in (folder / "entries.jsonl").read_bytes().splitlines()]
    if json.loads((folder / "MANIFEST.json").read_bytes())["first"]:
        return
    for line in dice.sample(lines, dice.choice((0, 1, 1, 3))):
        said_otherwise(line, dice)
    if dice.random() < 0.2:
        del lines[dice.randrange(len(lines))]
    rebuild(folder, lines, dice.choice((SIGNING_KEY, SIGNING_KEY, OTHER_KEY)))


def said_otherwise(line: dict[str, Any], dice: random.Random) -> None:
    """Commit an entry to something else: all hashes fit, and only what it says can be wrong."""
    said = entries.unpack(b64decode(line["e"]))
    facts = json.loads(line["F"]["b"])
    kind = said.kind
    body: bytes
    match dice.randrange(6):
        case 0:
            body = dice.choice(BODIES)
        case 1:
            kind = dice.choice((0, 2, 3, 6, 15, 16, 255))
            body = dumps(facts)
        case 2:
            facts[dice.choice(sorted(facts))] = dice.choice(VALUES)
            body = spelt(facts, dice)[:-1]
        case 3:
            kind = 3
            facts |= {"kind": "erasure", "n": dice.choice((0, 1, 2, True, -1, 1.0, "1", 2**53))}
            line["x"]["kind"] = 3
            body = dumps(facts)
        case 4:
            kind = 6
            facts |= {"kind": "retention", "action": "log.pruned", "minimum": 256}
            facts |= {
                "removed": dice.choice((0, 1, 2, -1)),
                "removed_erased": dice.choice((0, 1, 2, 3, True, -1, 1.0, "1", 2**53)),
            }
            line["x"]["kind"] = 6
            body = dumps(facts)
        case _:
            facts["from"] = line["x"]["sender"] = "standesamt-anderswo"
            body = dumps(facts)
    commit(line, body, kind)
    if dice.random() < 0.3:
        line["S"] = dice.choice(({"filed": False, "is": "missing"}, {"filed": True, "is": "missing"}))


def commit(line: dict[str, Any], body: bytes, kind: int | None = None) -> None:
    """Let an entry commit to these facts."""
    said = entries.unpack(b64decode(line["e"]))
    committed = entries.commitment(b"F", b64decode(line["F"]["s"]), body)
    try:
        line["F"] = {"b": body.decode(), "s": line["F"]["s"]}
    except UnicodeDecodeError:
        line["F"] = {"raw": b64encode(body).decode(), "s": line["F"]["s"]}
    packed = entries.pack(said.kind if kind is None else kind, committed, said.subject, said.staff)
    line["e"] = b64encode(packed).decode()


def rebuild(folder: Path, lines: list[dict[str, Any]], key: Ed25519PrivateKey) -> None:
    """Write a log of these entries, as the house would write it that never had others."""
    for index, line in enumerate(lines):
        line["i"] = index
    stored = [b64decode(line["e"]) for line in lines]
    leaves = [leaf_hash(entry) for entry in stored]
    shutil.rmtree(folder / "tile")
    size = len(lines)
    content = {
        tile_path(level, n, len(data) // 32): data
        for (level, n), data in extend_tiles(0, leaves, lambda _level, _n: b"").items()
    }
    for n, width in bundles(size, 0):
        content[bundle_path(n, width)] = bundle(stored[n * 256 : n * 256 + width])
    sizes = sorted({min(6, size), size})
    notes = [sign_note(Checkpoint(ORIGIN, each, root_of(leaves[:each])).text(), ORIGIN, key) for each in sizes]
    content["entries.jsonl"] = b"".join(dumps(line) + b"\n" for line in lines)
    content["checkpoint"] = notes[-1].encode()
    content["checkpoints.jsonl"] = b"".join(
        dumps({"note": note, "size": each}) + b"\n" for each, note in zip(sizes, notes, strict=True)
    )
    for path, raw in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    sums = "".join(f"{sha256((folder / path).read_bytes()).hexdigest()}  {path}\n" for path in summed_paths(size, 0))
    (folder / "SHA256SUMS").write_text(sums)
    sum_up(folder, size=size)


BLIND: tuple[Mutation, ...] = (flipped, cut_or_grown, gone_or_something_else, a_stranger)
"""Those that need not understand what they change."""
MUTATIONS: tuple[Mutation, ...] = (
    *(*BLIND, another_claim, a_field, a_field, lines_moved, another_note, another_note, another_past, another_past),
)


def mutate(folder: Path, number: int) -> None:
    """Change a folder as mutation ``number`` does: one thing, sometimes two, and mostly all sums fit again."""
    dice = random.Random(number)
    dice.choice(MUTATIONS)(folder, dice)
    if dice.random() < 0.2:
        dice.choice(BLIND)(folder, dice)
    if dice.random() < 0.75:
        try_to_sum_up(folder)


def try_to_sum_up(folder: Path) -> None:
    sums, manifest = folder / "SHA256SUMS", folder / "MANIFEST.json"
    if not all(path.is_file() and not path.is_symlink() for path in (sums, manifest)):
        return
    try:
        sum_up(folder)
    except (ValueError, IndexError, TypeError, OSError):
        return  # there is no list or manifest left that could be made to fit
