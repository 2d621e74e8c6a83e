"""The process that sets letters: reads jobs from its standard input, a socket, until the parent is gone.

It imports nothing of ours and is started by its path: typst hangs after a fork, and whatever it hangs at is killed
with this process. A job is a length (4 bytes) and the letter as JSON; an answer is a word (``done``, or why not), a
length and the PDF. No message of typst leaves the process: it would quote the letter.
"""

import json
import socket
import struct
import sys
from pathlib import Path

import typst

_WORDS = ("return-line", "address")
_NO_GLYPH = "could not be displayed"


def _read(wire: socket.socket, length: int) -> bytes:
    body = b""
    while len(body) < length:
        part = wire.recv(length - len(body))
        if not part:
            sys.exit(0)
        body += part
    return body


def _set(compiler: typst.Compiler, letter: str) -> tuple[str, bytes]:
    try:
        pdf, warnings = compiler.compile_with_warnings(
            format="pdf", sys_inputs={"letter": letter}, pdf_standards=["ua-1", "a-2a"]
        )
    except typst.TypstError as error:
        if _NO_GLYPH in error.message:
            return "glyph", b""
        return next((word for word in _WORDS if error.message == f"panicked with: {word}"), "template"), b""
    if warnings or not isinstance(pdf, bytes):
        return "template", b""
    return "done", pdf


def main() -> None:
    """Serve jobs until the parent hangs up."""
    here = Path(__file__).parent
    compiler = typst.Compiler(
        here / "letter.typ",
        root=here,
        ignore_system_fonts=True,  # the same bytes on every machine
        package_path=here / "no-packages",
        package_cache_path=here / "no-packages",
    )
    wire = socket.socket(fileno=0)
    while True:
        letter = _read(wire, struct.unpack(">I", _read(wire, 4))[0]).decode()
        json.loads(letter)  # a job that is none ends this process, not the template's patience
        word, pdf = _set(compiler, letter)
        wire.sendall(struct.pack(">12sI", word.encode(), len(pdf)) + pdf)


if __name__ == "__main__":
    main()
