"""How trained networks answer to music that was changed in a known way: equivariance and invariance."""
