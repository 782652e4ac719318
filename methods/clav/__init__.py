"""CLAV+CoMo (Cho et al., CVPR 2023), with CoMo, a relation network or no relation module."""
