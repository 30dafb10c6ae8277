"""The endpoint, where programs and people meet the champion: comes with a later release."""
