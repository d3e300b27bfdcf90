"""`exchange admin`: what operators set up and change."""
