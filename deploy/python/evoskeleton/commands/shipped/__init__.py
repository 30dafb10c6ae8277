"""How the lifters that come with the package are made, and what their cards say."""
