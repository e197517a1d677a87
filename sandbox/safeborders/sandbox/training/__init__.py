"""The training sandbox: exercises about a planted network, with tasks that the ground truth can grade."""
