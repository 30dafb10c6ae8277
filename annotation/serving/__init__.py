"""What answers calls: champions, batches, queues and threads."""
