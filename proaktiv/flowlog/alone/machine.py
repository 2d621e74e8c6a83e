"""What the machine must have; without it a sentence is said, where else a traceback would stand.

Stands before all other imports of the one file, and is written so that an old Python reads it.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has this file alone has any Python
    sys.stderr.write(
        f"Dieses Programm braucht Python ab 3.11, hier läuft {sys.version.split()[0]}: ein neueres von python.org"
        " einrichten und damit starten.\n(It needs Python 3.11 or later.)\nNichts geprüft.\n"
    )
    raise SystemExit(2)
try:
    import cryptography  # noqa: F401 - asked for once, so that it is missed in a sentence
except ImportError:
    sys.stderr.write(
        f"Es fehlt das Paket cryptography. Einmal einrichten: {sys.executable} -m pip install cryptography\n"
        "(The package cryptography is missing.)\nNichts geprüft.\n"
    )
    raise SystemExit(2) from None
