"""The `norma` command: bare, it opens the window; every other word goes to the command line."""

import sys


def main() -> int:
    """Run `norma`; returns the exit status."""
    from inspector_core.cli import main as cli_main

    return cli_main(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
