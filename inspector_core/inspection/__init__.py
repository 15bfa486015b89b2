"""The inspection line: recipe, judge, threads."""
