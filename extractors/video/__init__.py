"""Video nets: pictures to a vector for what moves in them."""
