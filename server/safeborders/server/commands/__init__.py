"""What the coordinator's team types: thin groups (*_cli.py), and beside them what they do."""
