"""The verbs below ``soc rules`` that change what is loaded, or turn rules into something else."""
