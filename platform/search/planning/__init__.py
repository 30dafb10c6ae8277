"""What a campaign will take on given machines, before it is started."""
