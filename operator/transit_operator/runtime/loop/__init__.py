"""From events to looks: kopf handlers, the work queue, and the loop over it."""
