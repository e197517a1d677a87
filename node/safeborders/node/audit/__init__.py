"""The audit log for those who answer for it: checkpoints, verification, exports that anybody can check."""
