"""YAML configs: text to problem and back."""
