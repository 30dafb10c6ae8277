"""How a campaign is closed: the comparison, figures, and what they are drawn from."""
