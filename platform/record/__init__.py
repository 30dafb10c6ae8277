"""What people review: MLflow runs, the model registry, figures."""
