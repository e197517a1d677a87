"""What a node's operator types: thin groups (*_cli.py), and beside them what they do."""
