package sqltest

const workerVariable = "SQLTEST_WORKER"

func work() {}
