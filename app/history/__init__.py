"""Past inspections: find them, open one with all its facts, say what it really was, export."""
