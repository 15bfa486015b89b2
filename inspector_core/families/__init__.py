"""Products that nobody makes: hundreds of drawn families to train the base model on."""
