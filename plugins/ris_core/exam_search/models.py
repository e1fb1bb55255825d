"""Nothing: the index is no table that the ORM writes (:mod:`ris_core.exam_search.index`)."""
