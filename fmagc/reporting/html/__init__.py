"""plots/report.html: the study, regenerated from what the stages left."""
