"""What ``proaktiv`` starts with: rule authors' commands without loading the service, everything else with it.

``proaktiv rules test`` runs hundreds of times while a rule is written; the service's imports take seconds, reading and
testing the rules a fraction of one. ``release`` needs the database and goes the long way. Modules and their classes
never become garbage: they are not looked through while they are read, which took a fifth of the start, nor later.
"""

import gc
import sys


def main() -> None:
    """Run the command of ``sys.argv``."""
    if sys.argv[1:2] == ["rules"] and "release" not in sys.argv[2:]:
        from proaktiv.clock import wall_clock
        from proaktiv.rulebook.commands import make_app

        make_app(None, "production", wall_clock)(args=sys.argv[2:], prog_name="proaktiv rules")
        return
    gc.disable()
    from proaktiv.__main__ import main as whole

    gc.freeze()
    gc.enable()
    whole()


if __name__ == "__main__":
    main()
