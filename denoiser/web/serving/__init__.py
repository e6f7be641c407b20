"""What the pages share on the server: models, maps, trainings and who may start one."""
