"""What `doctor` and `trust` find out about a gateway, from name lookup to the replies."""
