"""What a problem is made of, read and checked: data, conditions, bounds, what is measured."""
