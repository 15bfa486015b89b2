"""Products: their recipes and models, and the wizard that makes a new one from good parts."""
