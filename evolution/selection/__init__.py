"""Who breeds and who is kept: objectives, Pareto order, tournaments, bands."""
