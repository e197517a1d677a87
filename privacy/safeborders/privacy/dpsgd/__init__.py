"""Private training: sampling, clipping, integer noise. The only part of privacy that imports torch and Opacus."""
