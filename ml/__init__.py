"""Training, evaluation, registration and monitoring of models; knows no orchestrator."""
