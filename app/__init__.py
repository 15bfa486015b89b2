"""Norma's window: Qt screens and widgets only."""
