"""Reads single values as Planhat means them: tap and target ask here what a date, a number, an id or a name is."""
