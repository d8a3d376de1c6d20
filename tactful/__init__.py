"""Settings and the command line of Tactful."""
