"""What a change of waits is worth: parameters with their sources, three accounts, appraisal."""
