"""Show whom a policy trusts, as the slip of paper shows it: what is on the screen and on paper is compared by groups.

Source: proaktiv's decision 0019.
"""

import base64
import re

from proaktiv.flowlog.alone.speaking import spoken
from proaktiv.flowlog.alone.trust import Key, Policy

NOTED = {
    "compare": ("Compare with the slip, group by group.", "Mit dem Zettel vergleichen, Gruppe für Gruppe."),
    "witness": ("Witness {}:", "Zeuge {}:"),
    "group": ("Group {}: {} of {}", "Gruppe {}: {} von {}"),
    "quorum": ("Must have cosigned (quorum): {}", "Mitunterschreiben muss (quorum): {}"),
    "nobody": ("nobody (none)", "niemand (none)"),
    "unjudged": ("Nothing was judged by that yet.", "Geprüft ist damit noch nichts."),
}
"""In English and in German."""


def noted(policy: Policy, *, german: bool) -> str:
    """Return the keys of a policy as lines for people; those of the log are on the slip, the others are not."""
    lines = [line for key in policy.logs for line in grouped(key)]
    lines.append(NOTED["compare"][german])
    for name, key in policy.witnesses.items():
        lines += [NOTED["witness"][german].format(spoken(name)), *grouped(key)]
    lines += [
        NOTED["group"][german].format(spoken(name), least, ", ".join(map(spoken, members)))
        for name, (least, members) in policy.groups.items()
    ]
    quorum = policy.quorum[0]
    lines.append(NOTED["quorum"][german].format(NOTED["nobody"][german] if quorum == "none" else spoken(quorum)))
    return "\n".join([*lines, NOTED["unjudged"][german]])


def grouped(key: Key) -> list[str]:
    """Return a key as the slip shows it: its name, its id, and the rest in groups of four signs."""
    encoded = base64.b64encode(bytes([key.kind]) + key.public).decode()
    name, identity = key.called
    return [f"   {spoken(name)}", f"   +{identity.hex()}+", f"   {' '.join(re.findall('.{1,4}', encoded))}"]
