"""Speed, measured on the machine at hand; quote ratios of one run, the machine decides the rest."""
