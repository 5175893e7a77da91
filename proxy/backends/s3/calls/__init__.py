"""The calls that there are, by what they are about; `Client` has them all."""
