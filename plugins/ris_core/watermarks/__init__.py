"""Words drawn over pictures and documents that leave the house: by them a copy is traced to whom it was given.

What says the words is elsewhere (:mod:`ris_core.sharing.watermark`); here they are only drawn, within bounds.
"""
