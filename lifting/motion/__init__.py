"""Bodies over time as files of others: BVH, TRC, C3D, Parquet."""
