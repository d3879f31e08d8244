# Aliases only; scripts/ is the interface and needs no make. Arguments: make test ARGS="-k staging"
.PHONY: setup check demo test

setup check demo test:
	@sh scripts/$@ $(ARGS)
