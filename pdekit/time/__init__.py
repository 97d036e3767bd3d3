"""Time integration: tables, steppers, controllers, one loop."""
