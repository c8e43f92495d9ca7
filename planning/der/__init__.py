"""Planning of distributed energy resources: PV and batteries on a feeder."""
