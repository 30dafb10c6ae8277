"""The endpoint, where programs and people meet the champion over gRPC."""
