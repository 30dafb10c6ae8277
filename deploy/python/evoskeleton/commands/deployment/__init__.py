"""Commands for those who put the program onto machines."""
