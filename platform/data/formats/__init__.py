"""Files of poses in the field's formats."""
