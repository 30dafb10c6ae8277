"""What commands make of what they are given."""
