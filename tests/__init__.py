"""Tests, one folder per kind; what several of them share stands here."""
