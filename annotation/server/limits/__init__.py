"""What one caller, one connection or one stuck thread may cost the others."""
