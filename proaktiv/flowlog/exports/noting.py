"""What a house hands a DSB in person beside the verifiers: the key as a policy file, and all of it once more on paper.

A file may be exchanged on its way, a sheet that was handed over in person may not: whoever verifies compares the two.
Neither ever comes with an export. German, for a DSB reads it. Left to others: the programs
(``flowlog.exports.handing_out``). Source: docs/decisions/0019.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date

_POLICY = """\
# Damit wird das Datenfluss-Protokoll nachgerechnet. Ausgegeben am {day} mit den Programmen, nie mit einem Auszug.
# Zeichen um Zeichen mit dem Zettel vergleichen. Danach ist es Ihre Datei.
{keys}
quorum none
"""
"""ASCII alone: a console of Windows shows a file as it likes."""
_SLIP = """\
ZETTEL ZUM DATENFLUSS-PROTOKOLL

Ausgegeben am {day}. Drucken und persönlich übergeben.


1. Prüfsumme (SHA-256) des Programms; groß oder klein ist gleich

{sums}

2. Prüfschlüssel, wie ihn das Programm mit --policy policy.txt zeigt
   (0 Null, O Buchstabe, 1 Eins, l und I Buchstaben)

{keys}

Ausgegeben von: ________________________   Unterschrift: ____________________
"""
_NO_KEY = """\
   ______________________________________________________________________

   (Ihn gibt „proaktiv log vkey“ dort aus, wo das Protokoll unterschrieben wird.)
"""


def policy_text(vkeys: Sequence[str], day: date) -> str:
    """Return the policy file that believes these keys and asks for no witness."""
    return _POLICY.format(day=f"{day:%d.%m.%Y}", keys="\n".join(f"log {vkey}" for vkey in vkeys))


def slip_text(digests: Mapping[str, str], vkeys: Sequence[str], day: date) -> str:
    """Return what is printed: the SHA-256 of each program by its name, and the keys, in groups that the eye keeps."""
    sums = "\n".join(f"   {name}\n   {grouped(digest, 8, 4, 3)}\n" for name, digest in digests.items())
    return _SLIP.format(day=f"{day:%d.%m.%Y}", sums=sums, keys="\n".join(map(_key, vkeys)) or _NO_KEY)


def _key(vkey: str) -> str:
    name, key_id, encoded = vkey.split("+", 2)
    return f"   {name}\n   +{key_id}+\n   {grouped(encoded, 4, 11, 3)}\n"


def grouped(text: str, width: int, across: int, indent: int) -> str:
    """Return a text in groups of so many signs, so many in a line, each further line indented."""
    groups = re.findall(f".{{1,{width}}}", text)
    lines = [" ".join(groups[at : at + across]) for at in range(0, len(groups), across)]
    return f"\n{' ' * indent}".join(lines)
