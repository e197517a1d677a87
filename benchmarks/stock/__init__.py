"""A tiny app for stock Flower, to compare with; shipped as a bundle to stock SuperNodes, never to ours."""
