"""The page plots/report.html: the study, regenerated from the results of the stages."""
