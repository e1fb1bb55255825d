"""The gate while it runs: its loop, the associations in it, and the process that carries what needs no reading."""
