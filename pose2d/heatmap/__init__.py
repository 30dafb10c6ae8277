"""A heat-map detector that can be trained: network, losses, decoding, its bundle, its serving."""
