"""Training anomalies made from normal images."""
