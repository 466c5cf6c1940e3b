// Package kafkatest starts a real Apache Kafka broker for tests.
//
// Use: [Start] returns the broker of this test process, started by the first call; it skips the test, saying why,
// where Java or Maven are missing, and fails instead if MILLRACE_REQUIRE_KAFKA=1. [Main] stops the broker at the end.
// [StartCluster] starts three brokers for one test, to be killed and started again.
//
// Law: a broker has its own directory and free ports, and never outlives the process that started it.
//
// Format: the broker's jars lie in <user cache>/millrace/kafka-<version>/lib, fetched once by Maven; a running broker
// keeps its data in <user cache>/millrace/kafka-<version>/run-<pid>, which the next start removes if it is left over.
package kafkatest
