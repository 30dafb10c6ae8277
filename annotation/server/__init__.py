"""The endpoint: servicers, tokens, TLS, interceptors, metrics."""
