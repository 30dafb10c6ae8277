"""Between messages of the contract and arrays or records."""
