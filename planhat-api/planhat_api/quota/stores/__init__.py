"""The places where the book of a tenant is kept: each changes it in one step, and has one clock for all."""
