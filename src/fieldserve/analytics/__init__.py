"""What happened, measured: facts from the event log, metrics over them, and the engines that work them out."""
