"""Comparing data sets and searches by the lifters they train."""
