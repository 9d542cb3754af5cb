"""Configs and arguments as users write them, and explanations of their mistakes."""
