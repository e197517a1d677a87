"""The commands of those who answer for a node's audit log."""

from safeborders.kit.transparency.desk_cli import build_desk

app = build_desk("safeborders.node.audit_command", words="Check and hand out a node's audit log.")
