"""The mathematics and the networks of norm-guided one-step denoising (DiffusionAD, arXiv 2303.08730).

Pure torch: no files, no clocks, and every noise tensor is handed in.
"""
