"""`norma train`, `norma evaluate` and `norma inspect`: everything around a model."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
