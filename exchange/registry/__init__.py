"""Who holds which serial-numbered tonne: the serial forms of the registries and what is kept by them."""
