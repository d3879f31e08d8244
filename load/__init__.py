"""Sends the plan to Intercom and proves what arrived."""
