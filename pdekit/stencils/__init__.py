"""All one-dimensional rows there are."""
