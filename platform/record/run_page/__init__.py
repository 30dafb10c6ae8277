"""What MLflow's page shows of a campaign besides its curves: names, data, models, words."""
