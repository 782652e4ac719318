"""The report: what there is to say of all that is stored, on one page."""
