"""The commands of those who answer for the coordinator's audit log."""

from safeborders.kit.transparency.desk_cli import build_desk

app = build_desk("safeborders.server.commands.audit", words="Check and hand out the coordinator's audit log.")
