"""Camera set-up: what is found, what it sees, and every setting it has."""
