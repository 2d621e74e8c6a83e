"""Log in by OpenID Connect: the house as relying party of one provider. Left to others: who may do what (``steps``)."""
