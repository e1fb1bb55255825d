"""REST for the programs of other systems: orders, patients, exams and reports under ``/api/v1/``."""
